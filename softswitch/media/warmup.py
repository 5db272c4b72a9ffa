"""Compiling the packet threads' code ahead of time, with something to look at meanwhile."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from importlib import import_module

_MODULES = (
    "mediacodecs.g711",
    "softswitch.media.kernels.atomic",
    "softswitch.media.kernels.worker",
    "softswitch.media.kernels.sound.mixer",
    "softswitch.media.kernels.sound.ear",
    "softswitch.media.recording.loops",
)


def warm_up(progress: Callable[[str], None]) -> float:
    """Load the compiled media code, compiling what is not on disk yet; returns the seconds it took.

    `progress` is given a line before every function: compiling all takes less than a minute on a slow machine,
    loading half a second.
    """
    import mediacodecs
    from mediacodecs import compiled

    began = time.monotonic()

    def report(name: str) -> None:
        progress(f"media: preparing {name} ({time.monotonic() - began:.1f} s)")

    before, compiled.progress = compiled.progress, report
    try:
        for module in _MODULES:
            import_module(module)
        for status in mediacodecs.supported():  # makes one of each, which loads what it is made of
            with contextlib.suppress(mediacodecs.CodecUnavailable):
                mediacodecs.create(status.encoding, status.sample_rate)
        import_module("mediacodecs.frames").load_all()
    finally:
        compiled.progress = before
    passed = time.monotonic() - began
    progress(f"media: ready in {passed:.1f} s")
    return passed
