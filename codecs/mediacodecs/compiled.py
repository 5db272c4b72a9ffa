"""Compilation of loops to machine code with numba, kept on disk.

Numba's own cache looks at the file of the compiled function alone, so a change in a function that it calls from
another file would go unseen. Ours is the folder that `storage` finds for all sources that are compiled together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Protocol, cast

import numba
from numba import config as _config
from numba.core.caching import UserProvidedCacheLocator

from mediacodecs import parts
from mediacodecs.storage import folder_for

_settings: Any = _config  # its attributes come from the environment at run time
_settings_taken = RLock()
_OWN_SOURCES = (Path(__file__), Path(parts.__file__))


class Kernel(Protocol):
    """A compiled function, and the Python function it was made of."""

    py_func: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any: ...


#: Called with the name of every entry point before it is compiled or loaded; `warm_up` puts its progress line here.
progress: Callable[[str], None] = lambda name: None  # noqa: E731


class CacheLocator(UserProvidedCacheLocator):
    """Numba's choice of a folder, without the path of the sources in it."""

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        """The name of the sources' folder: two of them may have modules of one name."""
        return Path(py_file).parent.name


class Compiler:
    """Makes the two kinds of compiled functions: entry points, compiled at once and kept on disk, and parts.

    A part is compiled into the entry points that call it, and by itself only when something calls it from Python.
    """

    def __init__(self, name: str, sources: tuple[Path, ...]) -> None:
        """`name` begins the cache folder's name; `sources` are the files and folders that the code depends on."""
        self._name = name
        self._sources = sources
        self._cache: Path | None = None

    @property
    def is_stored(self) -> bool:
        """Whether code of these sources is on disk."""
        return any(self._folder.rglob("*.nbi"))

    @property
    def _folder(self) -> Path:
        if self._cache is None:
            self._cache = folder_for(self._name, (*self._sources, *_OWN_SOURCES))
        return self._cache

    def entry(self, signature: object) -> Callable[[Callable[..., Any]], Kernel]:
        """Decorate a function that Python calls; `signature` is numba's, given so that the first call costs nothing."""

        def decorate(function: Callable[..., Any]) -> Kernel:
            return _kernel(self._compiled(function, numba.njit(signature, cache=True, **parts.OPTIONS)))

        return decorate

    def callback(self, signature: object) -> Callable[[Callable[..., Any]], Any]:
        """Decorate a function whose `address` compiled code calls; compiled at once and kept on disk."""

        def decorate(function: Callable[..., Any]) -> Any:
            make = numba.cfunc(signature, cache=True, error_model=parts.OPTIONS["error_model"])
            return self._compiled(function, make)

        return decorate

    def _compiled(self, function: Callable[..., Any], make: Callable[..., Any]) -> Any:
        """What numba's decorator `make` makes of a function, its code kept in our folder."""
        progress(function.__name__)
        with _cached_in(self._folder):
            return make(function)

    def part(self, function: Callable[..., Any]) -> Kernel:
        """Decorate a function that only compiled functions call."""
        return _kernel(function if _settings.DISABLE_JIT else parts.Part(function, self._alone))

    def _alone(self, function: Callable[..., Any]) -> Any:
        """A part for Python: compiled when it is called, for what it is called with, and kept on disk as well."""
        with _cached_in(self._folder):
            return numba.njit(cache=True, **parts.OPTIONS)(function)


@contextmanager
def _cached_in(folder: Path) -> Iterator[None]:
    """Let numba keep code in a folder; it knows one for the whole process, so threads take turns."""
    with _settings_taken:
        before = _settings.CACHE_DIR, _settings.CACHE_LOCATOR_CLASSES
        _settings.CACHE_DIR = str(folder)
        _settings.CACHE_LOCATOR_CLASSES = f"{CacheLocator.__module__}.{CacheLocator.__qualname__}"
        try:
            yield
        finally:
            _settings.CACHE_DIR, _settings.CACHE_LOCATOR_CLASSES = before


def _kernel(function: Any) -> Kernel:
    if not hasattr(function, "py_func"):  # NUMBA_DISABLE_JIT: the function is still the Python one
        function.py_func = function
    return cast("Kernel", function)
