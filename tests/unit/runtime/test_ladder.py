"""The ladder that `softswitch trace` draws."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.runtime.ladder import COLUMN_WIDTH, TIME_WIDTH, Ladder, ends, summary


def message(head: str, *, remote: str = "192.0.2.1:5060", direction: str = "in", rest: str = "") -> dict[str, Any]:
    return {
        "time": "2026-05-01T08:30:00.123456Z",
        "direction": direction,
        "remote": remote,
        "local": "10.0.0.1:5060",
        "message": f"{head}\r\n{rest}\r\n",
    }


SUMMARIES = [
    ("request", message("OPTIONS sip:1@h SIP/2.0"), "OPTIONS sip:1@h"),
    (
        "request with SDP",
        message("INVITE sip:1@h SIP/2.0", rest="Content-Type: application/sdp\r\n"),
        "INVITE SDP sip:1@h",
    ),
    ("answer", message("SIP/2.0 180 Ringing", rest="CSeq: 1 INVITE\r\n"), "180 Ringing (INVITE)"),
    ("answer without CSeq", message("SIP/2.0 400 Bad Request"), "400 Bad Request"),
    ("given by the switch", {"summary": "REGISTER 1001"}, "REGISTER 1001"),
    ("nothing", {}, " "),
]


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in SUMMARIES], ids=[row[0] for row in SUMMARIES])
def test_summary(given: dict[str, Any], expected: str) -> None:
    assert summary(given) == expected


def test_direction_decides_who_sent() -> None:
    assert ends(message("X", direction="in")) == ("192.0.2.1:5060", "10.0.0.1:5060")
    assert ends(message("X", direction="out")) == ("10.0.0.1:5060", "192.0.2.1:5060")
    assert ends({"source": "a", "destination": "b"}) == ("a", "b")


def test_arrows_point_from_sender_to_receiver_below_their_names() -> None:
    ladder = Ladder(120)
    heading, there = ladder.add(message("INVITE sip:1@h SIP/2.0"))
    (back,) = ladder.add(message("SIP/2.0 100 Trying", direction="out", rest="CSeq: 1 INVITE\r\n"))
    left, right = TIME_WIDTH + COLUMN_WIDTH // 2, TIME_WIDTH + COLUMN_WIDTH + COLUMN_WIDTH // 2
    assert heading.split() == ["192.0.2.1:5060", "10.0.0.1:5060"]
    assert there.startswith("08:30:00.123") and back.startswith("08:30:00.123")
    assert (there[left], there[right - 1], there[right]) == ("│", "▶", "│") and "INVITE sip:1@h" in there
    assert (back[left], back[left + 1], back[right]) == ("│", "◀", "│") and "100 Trying" in back


def test_new_party_gets_a_column_and_a_new_heading() -> None:
    ladder = Ladder(120)
    ladder.add(message("INVITE sip:1@h SIP/2.0"))
    lines = ladder.add(message("INVITE sip:1@h SIP/2.0", remote="192.0.2.2:5060", direction="out"))
    assert len(lines) == 2 and lines[0].split()[-1] == "192.0.2.2:5060"


def test_narrow_terminal_reuses_the_column_of_another_party() -> None:
    ladder = Ladder(70)
    for number in range(20):
        lines = ladder.add(message("OPTIONS sip:1@h SIP/2.0", remote=f"192.0.2.{number}:5060"))
        assert all(len(line) <= TIME_WIDTH + 2 * COLUMN_WIDTH for line in lines)
        assert f"192.0.2.{number}:5060" in lines[0]


def test_long_text_is_cut_to_its_arrow() -> None:
    lines = Ladder(120).add(message("INVITE sip:" + "1" * 200 + "@h SIP/2.0"))
    assert len(lines[1]) <= TIME_WIDTH + 2 * COLUMN_WIDTH


def test_message_to_itself_is_drawn_as_a_loop() -> None:
    lines = Ladder(120).add(message("OPTIONS sip:1@h SIP/2.0", remote="10.0.0.1:5060"))
    assert "↺ OPTIONS" in lines[-1]
