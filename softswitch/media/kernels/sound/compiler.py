"""The compiler of the mixer: its code depends on all kernels, the layouts and all codecs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

import mediacodecs
from mediacodecs import compiled

_SOUND = Path(__file__).parent
_MEDIA = _SOUND.parent.parent
_NAMES = ("layout", "quality_layout", "srtp_layout", "voice_layout", "formats", "wire_layout")
_LAYOUTS = tuple(_MEDIA / f"{name}.py" for name in _NAMES)


class SoundCompiler(compiled.Compiler):
    """One that also makes functions to be called by their address."""

    def callback(self, signature: object) -> Callable[[Callable[..., Any]], Any]:
        """Decorate a function whose `address` compiled code calls; compiled at once and kept on disk."""

        def decorate(function: Callable[..., Any]) -> Any:
            compiled.progress(function.__name__)
            if self._cache is None:
                self._cache = compiled._cache_folder(self._name, self._sources)
            before = compiled._settings.CACHE_DIR
            compiled._settings.CACHE_DIR = str(self._cache)
            try:
                return numba.cfunc(signature, cache=True, error_model="numpy")(function)
            finally:
                compiled._settings.CACHE_DIR = before

        return decorate


compiler = SoundCompiler("sound", (_SOUND, _SOUND.parent, *_LAYOUTS, Path(mediacodecs.__file__).parent))

part = compiler.part
callback = compiler.callback
