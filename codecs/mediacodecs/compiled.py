"""Compilation of loops to machine code with numba, kept on disk in a place that is always right and always writable.

Numba's own cache looks at the file of the compiled function alone, so a change in a function that it calls from
another file would go unseen. Here the folder of the cache carries a digest of all sources that are compiled together:
a new release never meets the code of an old one. The folder lies under NUMBA_CACHE_DIR when that is set, else under
the user's cache folder, else (a read-only system) in a folder of this user in the temporary folder. Where the sources
lie does not matter: an installation that moves, or a second one of the same release, finds the code again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import numba
from numba import config as _config
from numba.core.caching import UserProvidedCacheLocator

from mediacodecs import parts

_settings: Any = _config  # its attributes come from the environment at run time
_KEEP_UNUSED_S = 30 * 86400.0
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
            self._cache = _cache_folder(self._name, self._sources)
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


def _cache_folder(name: str, sources: tuple[Path, ...]) -> Path:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in (*sources, *_OWN_SOURCES):
        for source in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
    leaf = f"{name}-{digest.hexdigest()[:16]}"
    for base in _bases():
        folder = base / leaf
        if _is_ours(base) and _is_ours(folder):
            os.utime(folder)
            _forget_old(base, name, folder)
            return folder
    return Path(tempfile.mkdtemp(prefix=leaf))


def _bases() -> list[Path]:
    bases = []
    if os.environ.get("NUMBA_CACHE_DIR"):
        bases.append(Path(os.environ["NUMBA_CACHE_DIR"]))
    cache_home = os.environ.get("XDG_CACHE_HOME")
    if cache_home:
        bases.append(Path(cache_home) / "softswitch")
    elif os.environ.get("HOME"):
        bases.append(Path(os.environ["HOME"]) / ".cache" / "softswitch")
    bases.append(Path(tempfile.gettempdir()) / f"softswitch-{os.getuid()}")
    return bases


def _is_ours(folder: Path) -> bool:
    """Make the folder if need be; true when it is writable and nobody else could have put code into it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return False
    writable_by_others = stat.S_IMODE(status.st_mode) & 0o022
    return status.st_uid == os.getuid() and not writable_by_others and os.access(folder, os.W_OK)


def _forget_old(base: Path, name: str, used: Path) -> None:
    """Remove what earlier releases have left and nobody has used for a month."""
    horizon = time.time() - _KEEP_UNUSED_S
    for folder in base.glob(f"{name}-*"):
        if folder != used and folder.stat().st_mtime < horizon:
            shutil.rmtree(folder, ignore_errors=True)
