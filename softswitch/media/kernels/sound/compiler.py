"""The compiler of the mixer: its code depends on all kernels, the layouts and all codecs."""

from __future__ import annotations

from pathlib import Path

import mediacodecs
from mediacodecs.compiled import Compiler
from softswitch.media.kernels.compiler import KERNELS, LAYOUTS

compiler = Compiler("sound", (Path(__file__).parent, KERNELS, *LAYOUTS, Path(mediacodecs.__file__).parent))

part = compiler.part
callback = compiler.callback
