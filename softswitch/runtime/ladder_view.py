"""A call's SIP messages as a ladder: one column for each party, one arrow for each message; as data, text or SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from softswitch.runtime.hep import call_id_of
from softswitch.runtime.ladder import Ladder, summary
from softswitch.runtime.redact import redact_message
from softswitch.runtime.trace import TracedMessage

SWITCH = "softswitch"
_TEXT_WIDTH = 180
#: Measures of the picture, in pixels.
_COLUMN, _ROW, _TOP, _LEFT, _MARGIN = 260, 34, 64, 130, 24
_INK, _SOFT, _PAPER, _REQUEST, _GOOD, _BAD = "#1b2733", "#8a97a5", "#ffffff", "#1f5fbf", "#2b7a3d", "#b3261e"
_FONT = "font-family='ui-monospace, Menlo, Consolas, monospace'"
_LONGEST_TITLE = 6000
_CUT = "what came before is no longer kept"


class Arrow(NamedTuple):
    """One message: when (UTC seconds), between which columns, what it says in short, and all of it, secrets blanked."""

    time: float
    source: str
    destination: str
    label: str
    message: str
    transport: str
    call_id: str
    repeated: bool


class CallLadder(NamedTuple):
    """The ladder of one call; `parties` are the columns from left to right.

    Not `complete` when the beginning of one of its dialogs is no longer kept, or lies before the last so many.
    """

    call_id: str
    parties: tuple[str, ...]
    arrows: tuple[Arrow, ...]
    complete: bool


def build_ladder(call_id: str, messages: Iterable[TracedMessage], parties: Mapping[str, str]) -> CallLadder:
    """Arrange the messages of a call; `parties` names the party of each SIP Call-ID. The switch stands in the middle:
    left of it whose first message came in, right of it whom the switch has asked."""
    left: dict[str, None] = {}
    right: dict[str, None] = {}
    arrows: list[Arrow] = []
    seen: set[tuple[str, bytes]] = set()
    begun: dict[str, bool] = {}
    for message in messages:
        dialog = call_id_of(message.data)
        begun.setdefault(dialog, message.data.startswith(b"INVITE "))
        remote = _name(message, parties.get(dialog, ""))
        if remote not in left and remote not in right:
            (left if message.direction == "in" else right)[remote] = None
        ends = (remote, SWITCH) if message.direction == "in" else (SWITCH, remote)
        text = redact_message(message.data).decode("utf-8", "replace")
        repeated = (remote, message.data) in seen
        seen.add((remote, message.data))
        label = summary({"message": text})
        arrows.append(Arrow(message.time, *ends, label, text, message.remote.transport, dialog, repeated))
    complete = all(begun.get(dialog) for dialog in parties)
    return CallLadder(call_id, (*left, SWITCH, *right), tuple(arrows), complete)


def _name(message: TracedMessage, party: str) -> str:
    host, port = message.remote.host, message.remote.port
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"{party} {address}" if party else address


def to_rows(ladder: CallLadder) -> dict[str, Any]:
    """The ladder for JSON."""
    return {
        "call_id": ladder.call_id,
        "parties": list(ladder.parties),
        "complete": ladder.complete,
        "messages": [
            {
                "time": _iso(arrow.time),
                "source": arrow.source,
                "destination": arrow.destination,
                "summary": arrow.label,
                "transport": arrow.transport,
                "sip_call_id": arrow.call_id,
                "repeated": arrow.repeated,
                "message": arrow.message,
            }
            for arrow in ladder.arrows
        ],
    }


def to_text(ladder: CallLadder, width: int = _TEXT_WIDTH) -> str:
    """The ladder for a terminal of `width` characters."""
    drawing = Ladder(width, ladder.parties)
    lines = [] if ladder.complete else [_CUT]
    lines += [drawing.heading(), *(line for row in to_rows(ladder)["messages"] for line in drawing.add(row))]
    return "\n".join(lines) + "\n"


def to_svg(ladder: CallLadder) -> str:
    """The ladder as a picture without scripts; the whole message is the title that shows above each arrow."""
    places = {party: _LEFT + _COLUMN // 2 + index * _COLUMN for index, party in enumerate(ladder.parties)}
    width = _LEFT + _COLUMN * max(len(places), 1) + _MARGIN
    bottom = _TOP + _ROW * (len(ladder.arrows) + 1)
    height = bottom + _MARGIN
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'"
        f" role='img' {_FONT}>",
        f"<title>{_clean(f'SIP ladder of call {ladder.call_id}')}</title>",
        f"<rect width='{width}' height='{height}' fill='{_PAPER}'/>",
        *(_column(party, x, bottom) for party, x in places.items()),
    ]
    first = ladder.arrows[0].time if ladder.arrows else 0.0
    for index, arrow in enumerate(ladder.arrows):
        parts.extend(_draw(arrow, places, _TOP + _ROW * (index + 1), arrow.time - first))
    if not ladder.arrows or not ladder.complete:
        text = _CUT if ladder.arrows else "no messages are kept"
        parts.append(f"<text x='{_MARGIN // 2}' y='{_TOP + 2}' font-size='13' fill='{_INK}'>{text}</text>")
    return "".join((*parts, "</svg>"))


def _column(party: str, x: int, bottom: int) -> str:
    name, _, address = party.partition(" ")
    lines = [name, address] if address else [name]
    texts = "".join(
        f"<text x='{x}' y='{22 + 17 * place}' text-anchor='middle' font-size='{14 - 2 * place}' fill='{_INK}'"
        f" font-weight='{'bold' if place == 0 else 'normal'}'>{_clean(line[:40])}</text>"
        for place, line in enumerate(lines)
    )
    line = f"<line x1='{x}' y1='{_TOP - 14}' x2='{x}' y2='{bottom}' stroke='{_SOFT}' stroke-dasharray='3 3'/>"
    return texts + line


def _draw(arrow: Arrow, places: Mapping[str, int], y: int, since_s: float) -> Sequence[str]:
    begin, end = places[arrow.source], places[arrow.destination]
    colour = _colour(arrow)
    sign = 1 if end > begin else -1
    dashes = " stroke-dasharray='5 4'" if arrow.repeated else ""
    label = f"{arrow.label} (again)" if arrow.repeated else arrow.label
    room = max(abs(end - begin) // 8 + 22, 24)
    shown = label if len(label) <= room else label[: room - 1] + "…"
    return (
        f"<g><title>{_clean(arrow.message[:_LONGEST_TITLE])}</title>",
        f"<text x='{_MARGIN // 2}' y='{y + 4}' font-size='11' fill='{_SOFT}'>{_clock(arrow.time)}"
        f" +{since_s:.3f}</text>",
        f"<line x1='{begin}' y1='{y}' x2='{end}' y2='{y}' stroke='{colour}' stroke-width='1.6'{dashes}/>",
        f"<path d='M{end} {y}l{-9 * sign} -4.5v9z' fill='{colour}'/>",
        f"<text x='{(begin + end) // 2}' y='{y - 6}' text-anchor='middle' font-size='12' fill='{colour}'>"
        f"{_clean(shown)}</text></g>",
    )


def _colour(arrow: Arrow) -> str:
    if not arrow.label[:1].isdigit():
        return _REQUEST
    return _GOOD if arrow.label[0] in "123" else _BAD


def _clean(text: str) -> str:
    """Text as XML may hold it."""
    return escape("".join(c if c >= " " or c in "\n\t" else " " for c in text if c not in "\ufffe\uffff\r"))


def _clock(time: float) -> str:
    return _iso(time)[11:23]


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
