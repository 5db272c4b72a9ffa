"""Compiling the packet threads' code ahead of time, with something to look at meanwhile.

What loads the code (`warm_up`) needs half a second of a processor and 60 MB; a switch whose packet threads are other
processes has no use for that. It sees to it that the code is on the disk (`prepare`), which a note beside the code
says, and leaves the rest to them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import mediacodecs
import softswitch.media
from mediacodecs import library
from mediacodecs.storage import folder_for

#: What one process compiles while another compiles the rest: each half takes about as long.
_LOOP = ("softswitch.media.kernels.atomic", "softswitch.media.kernels.worker")
_SOUND = (
    "softswitch.media.kernels.sound.mixer",
    "softswitch.media.kernels.sound.ear",
    "softswitch.media.kernels.sound.rendering",
    "softswitch.media.kernels.wire.span",
)
_FILES = ("softswitch.media.recording.loops",)
_BESIDE = "beside"
_CPU_FIELDS = ("model name", "flags", "CPU part", "Features")

Progress = Callable[[str], None]


def prepare(progress: Progress) -> None:
    """See to it that the media code is on disk for this machine: a process of its own compiles it, if need be.

    `progress` is given its lines. A process that fails is not told of: whoever needs the code compiles what is missing.
    """
    if _note().exists():
        return
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as compiling:
        assert compiling.stdout is not None
        for line in compiling.stdout:
            progress(line.rstrip())


def warm_up(progress: Progress) -> float:
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
    _note().touch()
    passed = time.monotonic() - began
    progress(f"media: ready in {passed:.1f} s")
    return passed


def _note() -> Path:
    """The file that says: all of the code of this release is on disk, for this processor and these settings."""
    media, codecs = Path(softswitch.media.__file__).parent, Path(mediacodecs.__file__).parent
    folders = (codecs, codecs / "states", *(media / name for name in ("kernels", "layouts", "recording")))
    folders += tuple(media / "kernels" / name for name in ("sound", "wire"))
    return folder_for("ready", (*folders, media.parent / "rtp", media / "formats.py")) / f"{_machine()}.ready"


def _machine() -> str:
    """A digest of what else compiled code depends on: processor, settings of the compiler, allowed libraries."""
    processor: list[str] = []
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0].splitlines()
        processor = [line for line in lines if line.startswith(_CPU_FIELDS)]
    settings = sorted(item for item in os.environ.items() if item[0].startswith("NUMBA_"))
    told = repr((platform.machine(), processor, settings, library.gpl_allowed()))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


@contextlib.contextmanager
def _compiled_beside() -> Iterator[None]:
    """Let another process compile the sound's code meanwhile, which is found on disk afterwards."""
    from softswitch.media.kernels.sound.compiler import compiler

    if compiler.is_stored or (os.cpu_count() or 1) < 2:
        yield
        return
    beside = subprocess.Popen([sys.executable, "-m", __name__, _BESIDE], stdin=subprocess.DEVNULL)
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
    import_module("mediacodecs.frames").load_all()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if _BESIDE in sys.argv:
        _load(_SOUND + _FILES)
        _load_codecs()
    else:
        warm_up(_say)
