"""The compiler of the engine's kernels: their cached code depends on these sources, the layout and the codecs."""

from __future__ import annotations

from pathlib import Path

import mediacodecs
from mediacodecs.compiled import Compiler, Kernel

_KERNELS = Path(__file__).parent
_SHARED = (_KERNELS.parent / "layout.py", _KERNELS.parent / "formats.py")
_compiler = Compiler("media", (_KERNELS, *_SHARED, Path(mediacodecs.__file__).parent))

entry = _compiler.entry
part = _compiler.part

__all__ = ["Kernel", "entry", "part"]
