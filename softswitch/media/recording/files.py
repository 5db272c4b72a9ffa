"""When a recording is complete: its files are hashed, on a thread of their own, for a long one takes a while."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from softswitch.media.playing.sounds import SoundError
from softswitch.media.recording.plan import SEPARATE, Part
from softswitch.media.recording.reader import open_file
from softswitch.media.recording.requests import FINISHED, Notice
from softswitch.media.recording.writers import EXTENSIONS

logger = logging.getLogger(__name__)


def file_hash(path: Path) -> str:
    """SHA-256 of a file in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_part(part: Part) -> dict[str, Any]:
    """A file of a recording as the index keeps it. Raises OSError."""
    return {
        "path": str(part.path),
        "lane": part.lane,
        "offset_s": round(part.offset_s, 3),
        "seconds": round(part.seconds, 3),
        "octets": part.path.stat().st_size,
        "sha256": file_hash(part.path),
    }


def parts_left(stem: Path, layout: str) -> list[Part]:
    """The files of the recording whose path without extension is `stem`, as far as they were written, in the order in
    which they were begun: one after the other, or side by side when each party has its own."""
    named = re.compile(rf"{re.escape(stem.name)}(?:-(\d+))?\.(?:{'|'.join(EXTENSIONS.values())})")
    found = stem.parent.glob(f"{glob.escape(stem.name)}*")
    numbered = sorted((int(match[1] or 1), path) for path in found if (match := named.fullmatch(path.name)))
    parts, at = [], 0.0
    for _, path in numbered:
        parts.append(Part(path, "", at, _seconds(path)))
        at += 0.0 if layout == SEPARATE else parts[-1].seconds
    return parts


def _seconds(path: Path) -> float:
    with contextlib.suppress(SoundError, OSError):
        reader = open_file(path)
        return reader.frames / reader.rate_hz
    return 0.0


class Finisher:
    """Hashes the files of recordings that are over and tells of them."""

    def __init__(self, tell: Callable[[Notice], None]) -> None:
        self._tell = tell
        self._queue: SimpleQueue[tuple[dict[str, Any], list[Part]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work."""
        self._thread = threading.Thread(target=self._run, name="recording-hashes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Do what waits and end."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def finish(self, about: dict[str, Any], parts: Iterable[Part]) -> None:
        """Hash the files of a recording and tell that it is complete; without a thread at once."""
        if self._thread is None:
            self._complete(about, list(parts))
        else:
            self._queue.put((about, list(parts)))

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            self._complete(*item)

    def _complete(self, about: dict[str, Any], parts: list[Part]) -> None:
        files = []
        for part in parts:
            try:
                files.append(describe_part(part))
            except OSError as error:
                logger.error("a file of recording %s is gone: %s", about["id"], error)
        self._tell({"notice": FINISHED, **about, "files": files})
