"""The compiler of the engine's kernels: their cached code depends on these sources, layout and codec tables."""

from __future__ import annotations

from pathlib import Path

import mediacodecs
from mediacodecs.compiled import Compiler, Kernel

_KERNELS = Path(__file__).parent
_SHARED = tuple(
    _KERNELS.parent / name
    for name in ("layout.py", "srtp_layout.py", "voice_layout.py", "formats.py", "wire_layout.py")
)
_CODECS = Path(mediacodecs.__file__).parent
_compiler = Compiler("media", (_KERNELS, *_SHARED, _CODECS / "g711.py", _CODECS / "frames.py"))

entry = _compiler.entry
part = _compiler.part

__all__ = ["Kernel", "entry", "part"]
