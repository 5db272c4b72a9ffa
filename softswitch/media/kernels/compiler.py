"""The compiler of the engine's kernels: their cached code depends on these sources, layout and codec tables."""

from __future__ import annotations

from pathlib import Path

import mediacodecs
import softswitch.rtp
from mediacodecs.compiled import Compiler, Kernel

_KERNELS = Path(__file__).parent
_LAYOUTS = ("layout", "quality_layout", "srtp_layout", "voice_layout", "formats", "wire_layout")
_SHARED = tuple(_KERNELS.parent / f"{name}.py" for name in _LAYOUTS)
_RTP = tuple(Path(softswitch.rtp.__file__).parent / name for name in ("e_model.py", "bursts.py"))
_CODECS = Path(mediacodecs.__file__).parent
_compiler = Compiler("media", (_KERNELS, *_SHARED, *_RTP, _CODECS / "g711.py", _CODECS / "frames.py"))

entry = _compiler.entry
part = _compiler.part

__all__ = ["Kernel", "entry", "part"]
