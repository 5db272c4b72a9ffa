"""The compiler of what serves spans, apart from the packet loop: a switch without spans does not load it."""

from __future__ import annotations

from pathlib import Path

import mediacodecs
from mediacodecs.compiled import Compiler
from softswitch.media.kernels.compiler import KERNELS, LAYOUTS

_compiler = Compiler("wire", (Path(__file__).parent, KERNELS, *LAYOUTS, Path(mediacodecs.__file__).parent))

part = _compiler.part
callback = _compiler.callback
