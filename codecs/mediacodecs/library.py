"""C libraries of the system, and what to install where one is missing."""

from __future__ import annotations

import ctypes
import glob
import importlib.util
from pathlib import Path


def open_library(name: str, package: str, *, beside_av: str = "") -> ctypes.CDLL:
    """The library of that file name; raises OSError that names the Debian package to install.

    `beside_av` is a pattern of the file that PyAV brings along, taken when the system has none.
    """
    for candidate in [name, *(files_of_av(beside_av) if beside_av else [])]:
        try:
            return ctypes.CDLL(candidate)
        except OSError:
            continue
    raise OSError(f"{name} is not installed (Debian and Ubuntu: apt-get install {package})")


def files_of_av(pattern: str) -> list[str]:
    """The libraries PyAV brings along whose file names match; none without PyAV."""
    av = importlib.util.find_spec("av")
    if av is None or av.origin is None:
        return []
    return glob.glob(str(Path(av.origin).parent.parent / "av.libs" / pattern))
