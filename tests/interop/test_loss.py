"""Every message of a call lost once, on either side: the call goes on unharmed (RFC 3261 17, 13.3.1.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.netem import LossyLine
from tests.interop.ports import free_port
from tests.interop.sipp_runner import call, callee
from tests.interop.switch import Switch

pytestmark = pytest.mark.needs("sipp")

# (direction, what its first line begins with, what its CSeq names); "out" is towards the switch
CALLER_SIDE = [
    ("out", "INVITE", "INVITE"),
    ("out", "ACK", "ACK"),
    ("out", "BYE", "BYE"),
    ("back", "SIP/2.0 100", "INVITE"),
    ("back", "SIP/2.0 180", "INVITE"),
    ("back", "SIP/2.0 200", "INVITE"),
    ("back", "SIP/2.0 200", "BYE"),
]
# here "out" is towards the callee
CALLEE_SIDE = [
    ("out", "INVITE", "INVITE"),
    ("out", "ACK", "ACK"),
    ("out", "BYE", "BYE"),
    ("back", "SIP/2.0 180", "INVITE"),
    ("back", "SIP/2.0 200", "INVITE"),
    ("back", "SIP/2.0 200", "BYE"),
]


@pytest.mark.parametrize(("direction", "what", "method"), CALLER_SIDE)
def test_lost_between_caller_and_switch(switch: Switch, tmp_path: Path, direction: str, what: str, method: str) -> None:
    """One datagram between the caller and the switch is lost."""
    with LossyLine(("127.0.0.1", switch.plan.trunk), direction, what, method) as line:
        with callee("uas_call", tmp_path, "-d", "200", port=switch.plan.callee):
            call("uac_call", tmp_path, f"127.0.0.1:{line.port}", "-s", "5501", "-d", "1500")
        assert line.lost, f"no {what} of {method} came by"


@pytest.mark.parametrize(("direction", "what", "method"), CALLEE_SIDE)
def test_lost_between_switch_and_callee(switch: Switch, tmp_path: Path, direction: str, what: str, method: str) -> None:
    """One datagram between the switch and the callee, who is reached through the line in both directions, is lost."""
    behind = free_port()
    contact = f"127.0.0.1:{switch.plan.callee}"
    with LossyLine(("127.0.0.1", behind), direction, what, method, port=switch.plan.callee) as line:
        with callee("uas_behind", tmp_path, "-key", "contact", contact, port=behind):
            call("uac_call", tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", "5501", "-d", "1500")
        assert line.lost, f"no {what} of {method} came by"
