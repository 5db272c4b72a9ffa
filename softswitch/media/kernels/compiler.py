"""The compiler of the engine's kernels: their cached code depends on these sources, layout and codec tables."""

from __future__ import annotations

from pathlib import Path

import mediacodecs
import softswitch.rtp
from mediacodecs.compiled import Compiler, Kernel

KERNELS = Path(__file__).parent
#: Where the records are laid out that all kernels work on.
LAYOUTS = (*sorted((KERNELS.parent / "layouts").glob("*.py")), KERNELS.parent / "formats.py")
_RTP = tuple(Path(softswitch.rtp.__file__).parent / name for name in ("e_model.py", "bursts.py"))
_CODECS = Path(mediacodecs.__file__).parent
_compiler = Compiler("media", (KERNELS, *LAYOUTS, *_RTP, _CODECS / "g711.py", _CODECS / "frames.py"))

entry = _compiler.entry
part = _compiler.part

__all__ = ["KERNELS", "LAYOUTS", "Kernel", "entry", "part"]
