"""Media through the switch, octet by octet: two bare RTP parties behind sipp calls."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.interop.ports import free_port
from tests.interop.rawsip import RawPhone, RtpParty, media_address
from tests.interop.sipp_runner import callee
from tests.interop.switch import Plan, Switch, running_switch, wait_until

pytestmark = pytest.mark.needs("sipp")


def pattern(seconds: float, step: int) -> bytes:
    """Octets that name their own place, so that a missing or doubled packet shows."""
    return bytes((number * step) & 0xFF for number in range(int(seconds * 8000)))


def test_relayed_octet_for_octet(switch: Switch, tmp_path: Path) -> None:
    """5502: what either side sends arrives at the other whole and in order; none of it before its sender's latch."""
    with (
        callee("uas_call", tmp_path, "-rtp_echo", port=switch.plan.callee, media_port=free_port()),
        RawPhone(("127.0.0.1", switch.plan.trunk)) as phone,
        RtpParty(phone.rtp_port) as party,
    ):
        answer = phone.invite("5502", "0")
        assert answer.status == 200, f"the call was answered with {answer.start}"
        host, port = media_address(answer.body)
        first, last = switch.plan.rtp
        assert host == "127.0.0.1" and first <= port <= last, f"media goes to {host}:{port}, not through the switch"
        sent = pattern(3, 7)
        party.send(sent, (host, port))
        wait_until(lambda: len(party.octets()) >= 2.9 * 8000, 40, lambda: f"it comes back: {len(party.octets())}")
        calls = switch.calls()
        assert len(calls) == 1, f"one call is in progress, the interface lists {len(calls)}"
        assert phone.bye().status == 200, "the BYE was not answered"
        returned = party.octets().tobytes()
    assert returned in sent, "what came back is not what went"


def test_stranger_cannot_take_the_stream(switch: Switch, tmp_path: Path) -> None:
    """Once latched, packets from another source change nothing: the stream still goes to its owner, alone."""
    with (
        callee("uas_call", tmp_path, "-rtp_echo", port=switch.plan.callee, media_port=free_port()),
        RawPhone(("127.0.0.1", switch.plan.trunk)) as phone,
        RtpParty(phone.rtp_port) as party,
        RtpParty(0) as stranger,
    ):
        answer = phone.invite("5502", "0")
        address = media_address(answer.body)
        party.send(pattern(3, 7), address)
        wait_until(lambda: len(party.packets) > 10, 40, "the port is latched to the caller")
        stranger.send(b"\x2a" * 12000, address)
        stranger.said()
        wait_until(lambda: len(party.octets()) >= 2.8 * 8000, 40, lambda: f"the owner has {len(party.octets())} octets")
        assert phone.bye().status == 200, "the BYE was not answered"
        returned = party.octets().tobytes()
    assert not stranger.packets, f"the stranger was sent {len(stranger.packets)} packets"
    assert b"\x2a" * 160 not in returned, "the stranger's packets were let through"


def test_passthrough_keeps_media_away(switch: Switch, tmp_path: Path) -> None:
    """5501: the description of the callee reaches the caller as it is, and no port of the switch is taken."""
    before = switch.ports_in_use()
    media = free_port()
    with (
        callee("uas_call", tmp_path, port=switch.plan.callee, media_port=media),
        RawPhone(("127.0.0.1", switch.plan.trunk)) as phone,
    ):
        answer = phone.invite("5501", "0")
        assert media_address(answer.body) == ("127.0.0.1", media), f"the description was changed:\n{answer.body}"
        assert switch.ports_in_use() <= before, "a media port was opened"
        assert phone.bye().status == 200, "the BYE was not answered"


def test_ports_run_out_in_order(tmp_path: Path) -> None:
    """Two pairs of ports carry one relayed call: the second caller is told 503, the first goes on, nothing is left."""
    first = free_port()
    with running_switch(Plan(isolated=False, rtp=(first, first + 3)), tmp_path / "switch") as switch:
        with (
            callee("uas_call", tmp_path, port=switch.plan.callee),
            RawPhone(("127.0.0.1", switch.plan.trunk)) as phone,
            RawPhone(("127.0.0.1", switch.plan.trunk)) as late,
        ):
            assert phone.invite("5502", "0").status == 200, "the first call was not answered"
            refused = late.invite("5502", "0")
            assert refused.status == 503, f"a call without ports got {refused.start}"
            assert phone.bye().status == 200, "the first call was harmed"
        switch.wait_idle()


def test_sound_and_signalling_are_marked_for_the_network(switch: Switch) -> None:
    """Answers are marked CS3, sound is marked EF (RFC 4594), where the configuration says nothing."""
    with (
        RawPhone(("127.0.0.1", switch.plan.trunk)) as phone,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
    ):
        for each in (phone.socket, ear):
            each.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
            each.settimeout(40)
        ear.bind(("127.0.0.1", phone.rtp_port))
        uri = f"sip:601@127.0.0.1:{switch.plan.trunk}"
        phone.send(phone.request("OPTIONS", uri, f"<{uri}>"))
        assert _marks(phone.socket) == [24 << 2], "an answer to OPTIONS"
        assert phone.invite("601", "0").status == 200, "the tone does not answer"
        assert _marks(ear) == [46 << 2], "a packet of the tone"
        assert phone.bye().status == 200, "the BYE was not answered"


def _marks(plain: socket.socket) -> list[int]:
    """The octets of the class of service that came with the next datagram."""
    _, ancillary, _, _ = plain.recvmsg(65536, 64)
    return [value[0] for *_, value in ancillary]
