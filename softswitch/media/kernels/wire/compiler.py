"""The compiler of what serves spans, apart from the packet loop: a switch without spans does not load it."""

from __future__ import annotations

from pathlib import Path

import mediacodecs
from softswitch.media.kernels.sound.compiler import SoundCompiler

_WIRE = Path(__file__).parent
_MEDIA = _WIRE.parent.parent
_LAYOUTS = tuple(_MEDIA / name for name in ("layout.py", "srtp_layout.py", "formats.py", "wire_layout.py"))
_compiler = SoundCompiler("wire", (_WIRE, _WIRE.parent, *_LAYOUTS, Path(mediacodecs.__file__).parent))

part = _compiler.part
callback = _compiler.callback
