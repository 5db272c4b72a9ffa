"""Reader of the torture message files in tests/data (form: tests/data/rfc4475/README.md)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).resolve().parents[2] / "data"


class TortureMessage(NamedTuple):
    """One message with the action expected of a user agent server."""

    name: str
    section: str
    action: str
    data: bytes


def load(topic: str) -> list[TortureMessage]:
    """All messages of tests/data/<topic>/messages.txt, each checked against its length and hash."""
    text = (DATA / topic / "messages.txt").read_text(encoding="ascii")
    messages = []
    for block in text.split("=== ")[1:]:
        header, _, body = block.partition("\n")
        name, section, action, length, digest = header.split(" | ")
        data = b"".join(_decode(line) for line in body.splitlines())
        if len(data) != int(length) or hashlib.sha256(data).hexdigest()[:16] != digest:
            raise ValueError(f"{topic}/{name} was damaged: {len(data)} octets, expected {length}")
        messages.append(TortureMessage(name, section, action, data))
    return messages


def _decode(line: str) -> bytes:
    whole = not line.endswith("\\")
    pieces = (line if whole else line[:-1]).split("\\x")
    octets = pieces[0].encode() + b"".join(bytes([int(piece[:2], 16)]) + piece[2:].encode() for piece in pieces[1:])
    return octets + (b"\r\n" if whole else b"")
