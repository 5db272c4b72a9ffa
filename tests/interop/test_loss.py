"""Every message of a call lost once, on either side: the call goes on unharmed (RFC 3261 17, 13.3.1.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.netem import LossyLine
from tests.interop.ports import free_port
from tests.interop.sipp_runner import call, callee
from tests.interop.switch import Switch

pytestmark = pytest.mark.needs("sipp")

# Caller to switch: INVITE, ACK, BYE. Switch to caller: 100, 180, 200, 200 of the BYE.
CALLER_SIDE = [
    ("out", 1, "INVITE"),
    ("out", 2, "ACK"),
    ("out", 3, "BYE"),
    ("back", 1, "SIP/2.0 100"),
    ("back", 2, "SIP/2.0 180"),
    ("back", 3, "SIP/2.0 200"),
    ("back", 4, "SIP/2.0 200"),
]
# Switch to callee: INVITE, ACK, BYE. Callee to switch: 180, 200, 200 of the BYE.
CALLEE_SIDE = [
    ("out", 1, "INVITE"),
    ("out", 2, "ACK"),
    ("out", 3, "BYE"),
    ("back", 1, "SIP/2.0 180"),
    ("back", 2, "SIP/2.0 200"),
    ("back", 3, "SIP/2.0 200"),
]


def _line(far: int, direction: str, number: int, port: int = 0) -> LossyLine:
    out, back = (number, 0) if direction == "out" else (0, number)
    return LossyLine(("127.0.0.1", far), port=port, drop_out=out, drop_back=back)


def _lost(line: LossyLine, what: str) -> None:
    lost = line.lost_first_lines()
    assert len(lost) == 1 and lost[0].startswith(what), f"the line was to lose {what} and lost {lost}"


@pytest.mark.parametrize(
    ("direction", "number", "what"), CALLER_SIDE, ids=[f"{row[0]}-{row[2]}-{row[1]}" for row in CALLER_SIDE]
)
def test_lost_between_caller_and_switch(switch: Switch, tmp_path: Path, direction: str, number: int, what: str) -> None:
    """One datagram between the caller and the switch is lost."""
    with _line(switch.plan.trunk, direction, number) as line:
        with callee("uas_call", tmp_path, "-d", "200", port=switch.plan.callee):
            call("uac_call", tmp_path, f"127.0.0.1:{line.port}", "-s", "5501", "-d", "1500")
        _lost(line, what)


@pytest.mark.parametrize(
    ("direction", "number", "what"), CALLEE_SIDE, ids=[f"{row[0]}-{row[2]}-{row[1]}" for row in CALLEE_SIDE]
)
def test_lost_between_switch_and_callee(switch: Switch, tmp_path: Path, direction: str, number: int, what: str) -> None:
    """One datagram between the switch and the callee, who is reached through the line in both directions, is lost."""
    behind = free_port()
    contact = f"127.0.0.1:{switch.plan.callee}"
    with _line(behind, direction, number, port=switch.plan.callee) as line:
        with callee("uas_behind", tmp_path, "-key", "contact", contact, port=behind):
            call("uac_call", tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", "5501", "-d", "1500")
        _lost(line, what)
