"""Whether the index of recordings is as it was written, and the files are those that were recorded."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from softswitch.media.recording.files import file_hash
from softswitch.store.recordings import FIRST_HASH, RECORDED, REMOVED, Link, link_hash, links


class Finding(NamedTuple):
    """One thing that is wrong: `kind` is chain, missing or changed."""

    kind: str
    recording: str
    detail: str


class Report(NamedTuple):
    """What was looked at, and what is wrong with it."""

    links: int
    files: int
    findings: list[Finding]


def verify(connection: sqlite3.Connection, directory: Path) -> Report:
    """Go through the chain and through every file that should be there."""
    chain = list(links(connection))
    findings = list(_broken(chain))
    removed = {link.recording for link in chain if link.action == REMOVED}
    count = 0
    for link in chain:
        if link.action != RECORDED or link.recording in removed:
            continue
        for file in _files(link):
            count += 1
            finding = _check(link.recording, directory / file["path"], file["sha256"])
            if finding is not None:
                findings.append(finding)
    return Report(len(chain), count, findings)


def _files(link: Link) -> list[dict[str, str]]:
    try:
        return list(json.loads(link.content)["files"])
    except (ValueError, KeyError, TypeError):
        return []  # the chain shows that the link was changed


def _broken(chain: list[Link]) -> Iterator[Finding]:
    previous, expected = FIRST_HASH, 1
    for link in chain:
        if link.sequence != expected:
            yield Finding("chain", link.recording, f"links {expected} to {link.sequence - 1} are missing")
        elif link.previous_hash != previous:
            yield Finding("chain", link.recording, f"link {link.sequence} does not follow the one before")
        if link.hash != link_hash(
            link.previous_hash, link.sequence, link.time, link.action, link.recording, link.content
        ):
            yield Finding("chain", link.recording, f"link {link.sequence} was changed")
        previous, expected = link.hash, link.sequence + 1


def _check(recording: str, path: Path, sha256: str) -> Finding | None:
    try:
        found = file_hash(path)
    except OSError as error:
        return Finding("missing", recording, f"{path.name}: {error.strerror}")
    return None if found == sha256 else Finding("changed", recording, f"{path.name} is not what was recorded")
