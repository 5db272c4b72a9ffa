"""The compiler of the engine's kernels: their cached code depends on these sources, the layout and G.711's tables."""

from __future__ import annotations

from pathlib import Path

import mediacodecs
from mediacodecs.compiled import Compiler, Kernel

_KERNELS = Path(__file__).parent
_SHARED = (_KERNELS.parent / "layout.py", _KERNELS.parent / "voice_layout.py", _KERNELS.parent / "formats.py")
_G711 = Path(mediacodecs.__file__).parent / "g711.py"
_compiler = Compiler("media", (_KERNELS, *_SHARED, _G711))

entry = _compiler.entry
part = _compiler.part

__all__ = ["Kernel", "entry", "part"]
