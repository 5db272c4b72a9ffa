"""Our D channel against libpri, both sides of the interface: calls, releases, causes, overlap, restart, a cut."""

from __future__ import annotations

import time
from typing import cast

import pytest

from gateways.e1.call_transfer import EXPLICIT_EXECUTE, LINK_ID_REQUEST, CallTransfers
from gateways.e1.line import Line
from gateways.e1.q921 import Side
from gateways.e1.q931 import AccessParameters, CallState, Cause, PartyNumber, Setup
from gateways.e1.q931.events import (
    ChannelsRestarted,
    Cleared,
    Connected,
    DigitsReceived,
    DigitsWanted,
    Invoked,
    LinkChanged,
    Offered,
    Progressed,
)
from gateways.e1.q931.rose import Result, read_integer
from tests.interop.libpri import d_channel

pytestmark = pytest.mark.interop
#: Causes that an exchange gives in practice, each cleared with from either end.
CAUSES = (
    1,
    2,
    3,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    26,
    27,
    28,
    29,
    31,
    34,
    38,
    41,
    42,
    44,
    47,
    50,
    57,
    58,
    63,
    65,
    79,
    88,
    102,
    127,
)


@pytest.mark.parametrize("side", Side)
def test_we_call_and_they_answer(side: Side) -> None:
    with d_channel(side) as line:
        call = line.access.call(Setup(PartyNumber("97000017"), PartyNumber("1001", presentation=0)), line.now, slot=17)
        assert call is not None
        ring = line.their("RING")
        assert (ring.called, ring.calling, ring.channel, ring.complete) == ("97000017", "1001", 17, True)
        line.peer.proceeding(ring.call, ring.channel, 0)
        line.peer.acknowledge(ring.call, ring.channel, 1)
        assert line.expect(Progressed).alerting is False
        alerting = line.expect(Progressed)
        assert alerting.alerting and alerting.inband
        line.peer.answer(ring.call, ring.channel, 0)
        line.expect(Connected)
        call.disconnect(Cause(16), line.now)
        request = line.their("HANGUP_REQ")
        assert request.cause == 16
        line.peer.hangup(request.call, 16)
        assert line.expect(Cleared).cause.value == 16
        line.their("HANGUP_ACK")
        assert len(line.access.channels.idle) == 30


@pytest.mark.parametrize("side", Side)
def test_they_call_and_we_answer(side: Side) -> None:
    with d_channel(side) as line:
        handle = line.peer.originate("1002", channel=3)
        offered = line.expect(Offered)
        call = offered.call
        assert (call.setup.called.digits, call.slot, offered.complete) == ("1002", 3, True)
        assert call.setup.calling is not None and call.setup.calling.digits == "8110"
        call.proceed(line.now)
        call.alert(line.now, inband=True)
        line.their("PROCEEDING")
        assert line.their("RINGING").channel == 3
        call.connect(line.now)
        line.their("ANSWER")
        line.until(lambda: call.state is CallState.ACTIVE, "CONNECT ACKNOWLEDGE arrives")
        line.peer.hangup(handle, 16)
        assert line.expect(Cleared).cause.value == 16
        line.until(lambda: any(e.name.startswith("HANGUP") for e in line.theirs), "libpri hears of the release")


def test_they_have_two_calls_joined() -> None:
    """EN 300 369 as libpri speaks it: a link identifier is asked for in one call and named in the other."""
    with d_channel(Side.NETWORK) as line:
        handles = [line.peer.originate(number, channel=at) for at, number in ((3, "1001"), (4, "1002"))]
        first, second = (line.expect(Offered).call for _ in handles)
        for call in (first, second):
            call.connect(line.now)
            line.their("ANSWER")
        line.peer.transfer(*handles)
        asked = line.expect(Invoked)
        assert (asked.call, asked.invoke.operation) == (first, LINK_ID_REQUEST)
        CallTransfers().invoked(cast(Line, line), asked)
        named = line.expect(Invoked)
        assert (named.call, named.invoke.operation) == (second, EXPLICIT_EXECUTE)
        assert read_integer(named.invoke.argument) == 1, "the link identifier that it was given"
        second.send_facility(Result(named.invoke.identifier))
        for call in (first, second):
            call.disconnect(Cause(16), line.now)
            line.peer.hangup(line.their("HANGUP_REQ").call, 16)
        line.until(lambda: not line.access.calls, "libpri lets both calls go")
        assert not [text for text in line.peer.said if "ROSE" in text or "invalid" in text.lower()], line.peer.said


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("cause", CAUSES)
def test_causes_pass_both_ways(side: Side, cause: int) -> None:
    with d_channel(side) as line:
        call = line.access.call(Setup(PartyNumber("1")), line.now)
        ring = line.their("RING")
        line.peer.proceeding(ring.call, ring.channel, 0)
        line.expect(Progressed)
        line.peer.hangup(ring.call, cause)
        assert line.expect(Cleared).cause.value == cause, "what libpri said"
        assert call is not None and call.state is CallState.NULL

        line.peer.originate("1002", channel=3)
        theirs = line.expect(Offered).call
        theirs.proceed(line.now)
        theirs.disconnect(Cause(cause), line.now)
        request = line.their("HANGUP_REQ")
        assert request.cause == cause, "what we said"
        line.peer.hangup(request.call, cause)
        line.expect(Cleared)


def test_refused_before_any_answer() -> None:
    with d_channel(Side.NETWORK) as line:
        line.peer.originate("1002", channel=3)
        line.expect(Offered).call.disconnect(Cause(17), line.now)
        assert line.their("HANGUP").cause == 17


@pytest.mark.parametrize("side", Side)
def test_overlap_towards_them(side: Side) -> None:
    with d_channel(side) as line:
        line.peer.set_overlapdial(1)
        call = line.access.call(Setup(PartyNumber("9"), complete=False), line.now)
        ring = line.their("RING")
        assert call is not None and not ring.complete
        line.peer.need_more_info(ring.call, ring.channel, 0)
        line.expect(DigitsWanted)
        for digit in "7001":
            call.send_digits(digit, line.now)
            assert line.their("INFO_RECEIVED").digits == digit
        line.peer.answer(ring.call, ring.channel, 0)
        line.expect(Connected)


@pytest.mark.parametrize("side", Side)
def test_overlap_towards_us(side: Side) -> None:
    with d_channel(side, AccessParameters(restart_at_start=False, overlap_receiving=True)) as line:
        line.peer.set_overlapdial(1)
        handle = line.peer.originate("7", channel=5, complete=False)
        offered = line.expect(Offered)
        assert not offered.complete
        offered.call.acknowledge_setup(line.now)
        line.their("SETUP_ACK")
        for digit in "001":
            line.peer.information(handle, digit.encode())
        line.until(lambda: sum(isinstance(e, DigitsReceived) for e in line.told) == 3, "three digits arrive")
        assert "".join(e.digits for e in line.told if isinstance(e, DigitsReceived)) == "001"
        offered.call.connect(line.now)
        line.their("ANSWER")


@pytest.mark.parametrize("side", Side)
def test_restart_from_either_end(side: Side) -> None:
    with d_channel(side) as line:
        line.access.restart(line.now, [7])
        assert line.expect(ChannelsRestarted) == ChannelsRestarted(frozenset({7}), True)
        assert line.their("RESTART").channel == 7
        line.peer.reset(9)
        assert line.expect(ChannelsRestarted) == ChannelsRestarted(frozenset({9}), False)
        assert line.their("RESTART_ACK").channel == 9


def test_thirty_calls_at_once() -> None:
    with d_channel(Side.USER) as line:
        calls = [line.access.call(Setup(PartyNumber(f"80{n:02}")), line.now) for n in range(30)]
        rings = [line.their("RING") for _ in calls]
        assert sorted(ring.channel for ring in rings) == [*range(1, 16), *range(17, 32)]
        for ring in rings:
            line.peer.answer(ring.call, ring.channel, 0)
        for _ in calls:
            line.expect(Connected)


def test_the_d_channel_is_cut_and_the_call_lives() -> None:
    with d_channel(Side.NETWORK) as line:
        line.peer.originate("1002", channel=3)
        call = line.expect(Offered).call
        call.connect(line.now)
        line.their("ANSWER")
        line.until(lambda: not line.link.data_to_send(), "everything is acknowledged")
        line.cut = True
        ends = time.monotonic() + 3
        line.until(lambda: time.monotonic() > ends, "three seconds pass")
        line.cut = False
        line.told.clear()
        call.enquire(line.now)
        line.until(
            lambda: (
                not line.access.timers.runs(
                    "T322",
                    "",
                )
                and call.state is CallState.ACTIVE
            ),
            "it is there",
        )
        assert not any(isinstance(e, LinkChanged | Cleared) for e in line.told), "three seconds are nothing"
        call.disconnect(Cause(16), line.now)
        assert line.their("HANGUP_REQ").cause == 16
