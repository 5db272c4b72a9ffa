"""Two switches joined by SIP trunks: a talkgroup of each is patched with one of the other, and they share one floor."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.interop import audio
from tests.interop.ports import free_port
from tests.interop.rawsip import RawPhone, RtpParty, media_address
from tests.interop.switch import Plan, Switch, password_of, running_switch, wait_until
from tests.interop.test_rooms import Party

#: How the floor is carried, by the first digits of the far group's number.
WAYS = {"91": "info", "92": "keys", "93": "none"}
PEER = """
[[sip.listen]]
name = "peer-{way}"
transport = "udp"
address = "127.0.0.1"
port = {own}
trusted = true
[[trunk]]
name = "far-{way}"
listener = "peer-{way}"
addresses = ["127.0.0.1"]
host = "127.0.0.1"
port = {far}
floor = "{way}"
[[route]]
name = "far-{way}"
prefix = "{prefix}"
to = "trunk:far-{way}"
"""
PATCH = "8100"
PATIENCE_S = 40
#: Speaking in syllables: a voice that never pauses is noise.
TALK_S = 60.0

Pair = tuple[Switch, Switch]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Here has group 8001, there has one group for each way of carrying the floor."""
    ports = {way: (free_port(), free_port()) for way in WAYS.values()}
    here = "".join(
        PEER.format(way=way, own=ports[way][0], far=ports[way][1], prefix=prefix) for prefix, way in WAYS.items()
    )
    there = "".join(
        PEER.format(way=way, own=ports[way][1], far=ports[way][0], prefix=f"4{prefix}") for prefix, way in WAYS.items()
    )
    with contextlib.ExitStack() as stack:
        plans = (
            Plan(ipv6=False, extra=here + '[[talkgroup]]\nnumber = "8001"\n'),
            Plan(ipv6=False, extra=there),
        )
        first, second = (stack.enter_context(running_switch(plan, tmp_path_factory.mktemp("switch"))) for plan in plans)
        for prefix, way in WAYS.items():
            attributes = {PATCH: {"floor_by": "voice"}} if way == "none" else {}
            rules = {"number": f"{prefix}00", "members": ["1002", PATCH], "attributes": attributes}
            assert second.http("POST", "/groups", rules)[0] == 201
        yield first, second


@dataclass
class Member(Party):
    """A telephone in a group, and where it sends its voice."""

    far: tuple[str, int]


@contextlib.contextmanager
def member(switch: Switch, number: str, group: str) -> Iterator[Member]:
    """A telephone in a group."""
    with (
        RawPhone(("127.0.0.1", switch.plan.sip), number, password_of(number)) as phone,
        RtpParty(phone.rtp_port) as rtp,
    ):
        answer = phone.invite(group, "0")
        assert answer.status == 200, f"{group} answered {answer.start}"
        yield Member(phone, rtp, media_address(answer.body))
        assert phone.bye().status == 200


def row(switch: Switch, group: str) -> dict[str, Any]:
    found: dict[str, Any] = switch.get(f"/groups/{group}")
    return found


def parties(switch: Switch, group: str) -> set[str]:
    return {each["party"] for each in row(switch, group)["participants"]}


def talk(talker: Member, listener: Member, hz: float, ends: list[tuple[Switch, str, str]]) -> None:
    """One turn: the key is pressed, the floor is granted at both ends, the tone is heard, and both fall silent."""
    time_s = np.arange(int(TALK_S * audio.RATE)) / audio.RATE
    syllables = np.sin(2 * np.pi * 3 * time_s) > -0.3
    talker.press("*")
    before = len(listener.rtp.packets)
    talker.rtp.send(
        audio.encode_ulaw((8000 * np.sin(2 * np.pi * hz * time_s) * syllables).astype(np.int16)), talker.far
    )
    for switch, group, number in ends:
        wait_until(lambda: row(switch, group)["talker"] == number, PATIENCE_S, f"{number} talks in {group}")  # noqa: B023

    def heard() -> audio.Samples:
        payload = b"".join(packet[12:] for packet in listener.rtp.packets[before:] if packet[1] & 0x7F == 0)
        samples = audio.decode_ulaw(np.frombuffer(payload, np.uint8))
        loud = np.abs(samples) > 500
        return samples[np.argmax(loud) :] if loud.any() else samples[:0]

    wait_until(lambda: len(heard()) > 4000, PATIENCE_S, "half a second is heard at the other end")
    found = audio.pitch_hz(heard())
    assert abs(found - hz) < 12, f"heard {found:.0f} Hz, said {hz:.0f}"
    talker.press("#")
    for switch, group, _ in ends:
        wait_until(lambda: row(switch, group)["floor"] == "idle", PATIENCE_S, f"{group} is idle again")  # noqa: B023


@pytest.mark.parametrize("prefix", WAYS, ids=["by INFO", "by keys", "by voice"])
def test_groups_of_two_platforms_share_one_floor(pair: Pair, prefix: str) -> None:
    here, there = pair
    far = f"{prefix}00"
    attributes = {far: {"floor_by": "voice"}} if WAYS[prefix] == "none" else {}
    with member(here, "1001", "8001") as alice, member(there, "1002", far) as bob:
        order = {"number": PATCH, "groups": ["8001"], "invite": [far], "attributes": attributes}
        status, answer = here.http("POST", "/groups/patch", order)
        assert status == 201, f"the patch was answered {status} {answer}"
        wait_until(lambda: parties(here, PATCH) == {"1001", far}, PATIENCE_S, "the far group is a party of ours")
        wait_until(lambda: parties(there, far) == {"1002", PATCH}, PATIENCE_S, "and ours is one of theirs")
        talk(alice, bob, 700.0, [(here, PATCH, "1001"), (there, far, PATCH)])
        talk(bob, alice, 1200.0, [(there, far, "1002"), (here, PATCH, far)])
        assert here.http("DELETE", f"/groups/{PATCH}")[0] == 204
        wait_until(lambda: parties(there, far) == {"1002"}, PATIENCE_S, "the far group goes on by itself")
