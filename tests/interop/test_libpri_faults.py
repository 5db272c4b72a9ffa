"""libpri as the far end when things go wrong: releases in every state, faults, glare, a link that drops and returns."""

from __future__ import annotations

import pytest

from gateways.e1.q921 import Side
from gateways.e1.q931 import Cause, ChannelId, Kind, Message, PartyNumber, Setup
from gateways.e1.q931.elements import ElementId, UserUser
from gateways.e1.q931.events import Cleared, Connected, LinkChanged, Offered, Progressed
from tests.interop.libpri import DChannel, Event, d_channel

pytestmark = pytest.mark.interop
#: How far a call goes before it is released.
STAGES = ("setup", "proceeding", "alerting", "active")


def our_call(line: DChannel, stage: str, channel: int = 3) -> tuple[object, Event]:
    """A call of ours at that stage, and what libpri was told of it."""
    call = line.access.call(Setup(PartyNumber("8000"), PartyNumber("1001", presentation=0)), line.now, slot=channel)
    assert call is not None
    ring = line.their("RING")
    line.peer.proceeding(ring.call, ring.channel, 0)
    if stage in ("alerting", "active"):
        line.peer.acknowledge(ring.call, ring.channel, 0)
        line.until(lambda: any(isinstance(e, Progressed) and e.alerting for e in line.told), "we are told of ringing")
    if stage == "active":
        line.peer.answer(ring.call, ring.channel, 0)
        line.expect(Connected)
    return call, ring


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("stage", STAGES[1:])
@pytest.mark.parametrize("by_us", [True, False])
def test_our_call_is_released_at_each_stage(side: Side, stage: str, by_us: bool) -> None:
    with d_channel(side) as line:
        call, ring = our_call(line, stage)
        if by_us:
            call.disconnect(Cause(16), line.now)  # type: ignore[attr-defined]
            assert line.their("HANGUP_REQ").cause == 16
            line.peer.hangup(ring.call, 16)
        else:
            line.peer.hangup(ring.call, 17)
        assert line.expect(Cleared).cause.value == (16 if by_us else 17)
        assert line.access.channels.idle == line.access.channels.slots, "the channel is free"


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("by_us", [True, False])
def test_their_call_is_released_at_each_stage(side: Side, stage: str, by_us: bool) -> None:
    with d_channel(side) as line:
        handle = line.peer.originate("1001", channel=5)
        call = line.expect(Offered).call
        if stage != "setup":
            call.proceed(line.now)
            line.their("PROCEEDING")
        if stage in ("alerting", "active"):
            call.alert(line.now)
            line.their("RINGING")
        if stage == "active":
            call.connect(line.now)
            line.their("ANSWER")
        if by_us:
            call.disconnect(Cause(21), line.now)
            line.until(lambda: any(e.name in ("HANGUP_REQ", "HANGUP") for e in line.theirs), "libpri is told")
            told = next(e for e in line.theirs if e.name in ("HANGUP_REQ", "HANGUP"))
            assert told.cause == 21
            if told.name == "HANGUP_REQ":
                line.peer.hangup(handle, 21)
        else:
            line.peer.hangup(handle, 16)
        assert line.expect(Cleared).cause.value == (21 if by_us else 16)


def test_a_reference_that_they_do_not_know() -> None:
    """ALERTING for a call that is not there is answered RELEASE COMPLETE 81 (§5.8.3.2)."""
    with d_channel(Side.NETWORK) as line:
        line.access.send(Message(Kind.ALERTING, 77, True, {}))
        answered: list[Message] = []
        received = line.access.receive_data

        def listen(data: bytes, now: float) -> None:
            answered.append(Message.parse(data))
            received(data, now)

        line.access.receive_data = listen  # type: ignore[method-assign]
        line.until(lambda: answered, "libpri answers")
        assert answered[0].kind == Kind.RELEASE_COMPLETE and answered[0].cause is not None
        assert answered[0].cause.value == 81


def test_a_setup_without_bearer_is_refused_by_us_and_the_next_call_works() -> None:
    with d_channel(Side.USER) as line:
        elements = {int(ElementId.CALLED_NUMBER): PartyNumber("1"), int(ElementId.CHANNEL_ID): ChannelId((3,), True)}
        line.access.receive_data(Message(Kind.SETUP, 9, False, elements).serialize(), line.now)
        (refused,) = map(Message.parse, line.access.data_to_send())
        assert refused.kind == Kind.RELEASE_COMPLETE and refused.cause is not None and refused.cause.value == 96
        line.peer.originate("1001", channel=3)
        line.expect(Offered).call.connect(line.now)
        line.their("ANSWER")


@pytest.mark.parametrize("side", Side)
def test_glare(side: Side) -> None:
    """Both ends call in the same channel at once: both calls live, in channels of their own, or ours gives way."""
    with d_channel(side) as line:
        ours = line.access.call(Setup(PartyNumber("8000")), line.now, slot=7)
        assert ours is not None
        line.peer.originate("1001", channel=7)
        line.until(
            lambda: (
                any(isinstance(e, Offered | Cleared) for e in line.told) or any(e.name == "HANGUP" for e in line.theirs)
            ),
            "one of them gives way",
        )
        slots = [call.slot for call in line.access.calls if call.slot is not None]
        assert len(slots) == len(set(slots)), f"two calls share a channel: {slots}"


def test_user_user_reaches_them() -> None:
    with d_channel(Side.USER) as line:
        line.access.call(Setup(PartyNumber("8000"), user_user=UserUser(4, b"hello")), line.now, slot=2)
        assert line.their("RING").user_user == "hello"


def test_the_d_channel_is_cut_until_it_drops_and_comes_back() -> None:
    """Until N200 polls found nobody: the link is down, then up again, and the conversation outlives that."""
    with d_channel(Side.USER) as line:
        call, _ = our_call(line, "active")
        line.cut = True
        line.until(lambda: not line.access.is_up, "our end gives the link up", 25)
        assert call in line.access.calls, "the conversation goes on (T309)"
        line.cut = False
        line.until(lambda: line.access.is_up, "the link is back", 15)
        assert [e.up for e in line.told if isinstance(e, LinkChanged)][-2:] == [False, True]
