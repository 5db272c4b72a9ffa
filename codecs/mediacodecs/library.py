"""C libraries of the system, and what to install where one is missing."""

from __future__ import annotations

import ctypes
import glob
import importlib.util
import os
from pathlib import Path

#: Where it is noted that libraries under the GPL are allowed: in the environment, so that processes started by this
#: one know it too.
_ALLOWED = "MEDIACODECS_GPL"


def allow_gpl(*, allowed: bool) -> None:
    """Say whether this process, and those it starts from now on, may load libraries under the GPL: by default not."""
    if allowed:
        os.environ[_ALLOWED] = "1"
    else:
        os.environ.pop(_ALLOWED, None)


def gpl_allowed() -> bool:
    """Whether libraries under the GPL may be loaded."""
    return os.environ.get(_ALLOWED) == "1"


def open_library(name: str, package: str, *, beside_av: str = "", gpl: bool = False) -> ctypes.CDLL:
    """The library of that file name; raises OSError that names the Debian package to install.

    `beside_av` is a pattern of the file that PyAV brings along, taken when the system has none. One under the GPL is
    not even looked for unless that is allowed: PermissionError says how.
    """
    if gpl and not gpl_allowed():
        raise PermissionError(
            f"{name} is under the GPL and only used where the configuration says gpl_codecs = true in [rtp], once it "
            f"is installed (Debian and Ubuntu: apt-get install {package})"
        )
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
