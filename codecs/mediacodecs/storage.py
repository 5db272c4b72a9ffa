"""Where compiled code is kept on disk: a place that is always right and always writable.

The folder's name carries a digest of all sources that are compiled together: a new release never meets the code of an
old one. The folder lies under NUMBA_CACHE_DIR when that is set, else under the user's cache folder, else (a read-only
system) in a folder of this user in the temporary folder. Where the sources lie does not matter: an installation that
moves, or a second one of the same release, finds the code again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

_KEEP_UNUSED_S = 30 * 86400.0


def folder_for(name: str, sources: Iterable[Path]) -> Path:
    """The folder for the code of `sources`, files and folders of files, made if need be; `name` begins its name."""
    digest = hashlib.sha256(version("numba").encode())
    for path in sources:
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
