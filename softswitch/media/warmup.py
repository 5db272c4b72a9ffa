"""Compiling the packet threads' code ahead of time, with something to look at meanwhile."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module

#: What one process compiles while another compiles the rest: each half takes about as long.
_LOOP = ("mediacodecs.g711", "softswitch.media.kernels.atomic", "softswitch.media.kernels.worker")
_SOUND = (
    "softswitch.media.kernels.sound.mixer",
    "softswitch.media.kernels.sound.ear",
    "softswitch.media.kernels.sound.rendering",
    "softswitch.media.kernels.wire.span",
)
_FILES = ("softswitch.media.recording.loops",)


def warm_up(progress: Callable[[str], None]) -> float:
    """Load the compiled media code, compiling what is not on disk yet; returns the seconds it took.

    `progress` is given a line before every function: compiling all takes less than a minute on two cores, loading half
    a second.
    """
    from mediacodecs import compiled

    began = time.monotonic()

    def report(name: str) -> None:
        progress(f"media: preparing {name} ({time.monotonic() - began:.1f} s)")

    before, compiled.progress = compiled.progress, report
    try:
        with _compiled_beside():
            _load(_LOOP)
        _load(_SOUND + _FILES)
        _load_codecs()
    finally:
        compiled.progress = before
    passed = time.monotonic() - began
    progress(f"media: ready in {passed:.1f} s")
    return passed


@contextlib.contextmanager
def _compiled_beside() -> Iterator[None]:
    """Let another process compile the sound's code meanwhile, which is found on disk afterwards."""
    from softswitch.media.kernels.sound.compiler import compiler

    if compiler.is_stored or (os.cpu_count() or 1) < 2:
        yield
        return
    beside = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.DEVNULL)
    try:
        yield
        beside.wait()  # whatever it could not do is done here
    finally:
        if beside.poll() is None:
            beside.kill()
            beside.wait()


def _load(modules: tuple[str, ...]) -> None:
    for module in modules:
        import_module(module)


def _load_codecs() -> None:
    import mediacodecs

    for status in mediacodecs.supported():  # makes one of each, which loads what it is made of
        with contextlib.suppress(mediacodecs.CodecUnavailable):
            mediacodecs.create(status.encoding, status.sample_rate)
    import_module("mediacodecs.frames").load_all()


if __name__ == "__main__":
    _load(_SOUND + _FILES)
    _load_codecs()
