"""A SIP ladder in text: one column for each party, one arrow for each message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

COLUMN_WIDTH = 24
TIME_WIDTH = 14
MAX_PARTIES = 12


class Ladder:
    """Draws messages as they come; `width` is that of the terminal in characters, `parties` are known before."""

    def __init__(self, width: int = 120, parties: Iterable[str] = ()) -> None:
        self._parties = list(parties)[:MAX_PARTIES]
        self._limit = max(2, len(self._parties), min(MAX_PARTIES, (width - TIME_WIDTH) // COLUMN_WIDTH))

    def add(self, message: Mapping[str, Any]) -> list[str]:
        """Lines for one message of `/system/trace`: a new heading when a party appears, then the arrow."""
        source, destination = ends(message)
        lines = []
        if self._make_room(source, destination):
            lines.append(self.heading())
        lines.append(self._arrow(message, source, destination))
        return lines

    def heading(self) -> str:
        """The names of the parties above their columns."""
        return " " * TIME_WIDTH + "".join(party[: COLUMN_WIDTH - 1].center(COLUMN_WIDTH) for party in self._parties)

    def _make_room(self, *parties: str) -> bool:
        """Give each party a column; the one unused for longest makes way. True when the columns changed."""
        missing = [party for party in dict.fromkeys(parties) if party not in self._parties]
        for party in missing:
            if len(self._parties) >= self._limit:
                oldest = next(index for index, known in enumerate(self._parties) if known not in parties)
                self._parties[oldest] = party
            else:
                self._parties.append(party)
        return bool(missing)

    def _arrow(self, message: Mapping[str, Any], source: str, destination: str) -> str:
        first, last = self._parties.index(source), self._parties.index(destination)
        time = str(message.get("time", ""))[11:23].ljust(TIME_WIDTH)
        label = summary(message)
        if first == last:
            return time + " " * (first * COLUMN_WIDTH + COLUMN_WIDTH // 2) + f"↺ {label}"
        left, right = sorted((first, last))
        length = (right - left) * COLUMN_WIDTH - 1
        text = f" {label[: length - 4]} ".center(length - 1, "─")
        line = f"{text}▶" if first < last else f"◀{text}"
        row = [" "] * (len(self._parties) * COLUMN_WIDTH)
        for index in range(len(self._parties)):
            row[index * COLUMN_WIDTH + COLUMN_WIDTH // 2] = "│"
        start = left * COLUMN_WIDTH + COLUMN_WIDTH // 2 + 1
        row[start : start + length] = line
        return (time + "".join(row)).rstrip()


def ends(message: Mapping[str, Any]) -> tuple[str, str]:
    """Sender and receiver of a traced message."""
    if "source" in message:
        return str(message["source"]), str(message.get("destination", ""))
    local, remote = str(message.get("local", "switch")), str(message.get("remote", ""))
    return (remote, local) if message.get("direction") == "in" else (local, remote)


def summary(message: Mapping[str, Any]) -> str:
    """What the arrow says: method and target, or status and phrase, with the CSeq method of an answer."""
    if message.get("summary"):
        return str(message["summary"])
    head, _, rest = text_of(message).partition("\r\n")
    if head.startswith("SIP/2.0 "):
        method = next((line.split()[-1] for line in rest.split("\r\n") if line.lower().startswith("cseq:")), "")
        return f"{head[8:]} ({method})" if method else head[8:]
    method, _, target = head.partition(" ")
    mark = " SDP" if "application/sdp" in rest.lower() else ""
    return f"{method}{mark} {target.partition(' ')[0]}"


def text_of(message: Mapping[str, Any]) -> str:
    """The message as it was on the wire, secrets blanked by the switch."""
    return str(message.get("message") or message.get("text") or "")
