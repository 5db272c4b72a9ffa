"""Calls between a user's and a network's side: set up, cleared, timed out, restarted, contended."""

from __future__ import annotations

import pytest

from gateways.e1.q921 import Side
from gateways.e1.q931 import Cause, CauseValue, IllegalInState, Kind, Message, PartyNumber, Setup
from gateways.e1.q931.events import (
    ChannelAssigned,
    ChannelsFaulty,
    ChannelsRestarted,
    Cleared,
    Confirmed,
    Connected,
    DigitsReceived,
    DigitsWanted,
    Disconnecting,
    Offered,
    Progressed,
)
from gateways.e1.q931.states import CallState
from tests.unit.e1.pair import Pair

BUSY = Cause(CauseValue.USER_BUSY)
NORMAL = Cause(CauseValue.NORMAL_CLEARING)


@pytest.mark.parametrize("caller", Side)
def test_a_call_en_bloc(caller: Side) -> None:
    pair = Pair()
    here = pair.user if caller is Side.USER else pair.network
    mine, theirs = pair.dial(here, "97000017")
    assert theirs.setup.called.digits == "97000017"
    theirs.proceed(pair.now)
    theirs.alert(pair.now, inband=True)
    pair.settle()
    assert pair.take(caller, ChannelAssigned) == [ChannelAssigned(mine, theirs.slot or 0)]
    proceeding, alerting = pair.take(caller, Progressed)
    assert (proceeding.alerting, alerting.alerting, alerting.inband) == (False, True, True)
    theirs.connect(pair.now)
    pair.settle()
    assert len(pair.take(caller, Connected)) == 1
    assert (mine.state, theirs.state) == (CallState.ACTIVE, CallState.ACTIVE)
    if caller is Side.NETWORK:
        assert pair.take(Side.USER, Confirmed) == [Confirmed(theirs)], "T313 stops with CONNECT ACKNOWLEDGE"
    mine.disconnect(NORMAL, pair.now)
    pair.settle()
    assert pair.trace[-3:] == (["> 45", "< 4d", "> 5a"] if caller is Side.USER else ["< 45", "> 4d", "< 5a"])
    for side in Side:
        (cleared,) = pair.take(side, Cleared)
        assert cleared.cause.value == 16
    assert pair.user.channels.idle == pair.network.channels.idle == pair.user.channels.slots, (
        "every channel is free again"
    )


def test_overlap_sending() -> None:
    pair = Pair(overlap_receiving=True)
    mine, theirs = pair.dial(pair.user, "9", complete=False)
    theirs.acknowledge_setup(pair.now, dial_tone=True)
    pair.settle()
    assert pair.take(Side.USER, DigitsWanted) == [DigitsWanted(mine)]
    mine.send_digits("70", pair.now)
    mine.send_digits("01#", pair.now)
    pair.settle()
    assert pair.take(Side.NETWORK, DigitsReceived) == [
        DigitsReceived(theirs, "70", False),
        DigitsReceived(theirs, "01", True),
    ]


def test_digits_that_stop_coming() -> None:
    pair = Pair(overlap_receiving=True)
    mine, theirs = pair.dial(pair.user, "9", complete=False)
    theirs.acknowledge_setup(pair.now)
    pair.run(60)
    assert pair.take(Side.NETWORK, Cleared)[0].cause.value == 28, "T302: the number is incomplete"
    assert mine.state is CallState.NULL


def test_refused_at_once() -> None:
    pair = Pair()
    _, theirs = pair.dial(pair.user)
    theirs.disconnect(BUSY, pair.now)
    pair.settle()
    assert pair.trace[-1] == "< 5a", "RELEASE COMPLETE, for nothing was answered yet"
    assert pair.take(Side.USER, Cleared)[0].cause.value == 17


def test_busy_after_proceeding() -> None:
    pair = Pair()
    _, theirs = pair.dial(pair.user)
    theirs.proceed(pair.now)
    theirs.disconnect(BUSY, pair.now)
    pair.settle()
    assert pair.trace[-3:] == ["< 45", "> 4d", "< 5a"]
    assert pair.take(Side.USER, Cleared)[0].cause.value == 17


def test_a_tone_tells_why() -> None:
    pair = Pair()
    mine, theirs = pair.dial(pair.user)
    theirs.proceed(pair.now)
    theirs.disconnect(BUSY, pair.now, inband=True)
    pair.settle()
    (told,) = pair.take(Side.USER, Disconnecting)
    assert (told.cause.value, mine.state) == (17, CallState.DISCONNECT_INDICATION)
    mine.disconnect(NORMAL, pair.now)
    pair.settle()
    assert pair.take(Side.USER, Cleared)[0].cause.value == 17, "the reason stays the one that was told"


def test_both_clear_at_once() -> None:
    pair = Pair()
    mine, theirs = pair.talk(pair.user)
    mine.disconnect(NORMAL, pair.now)
    theirs.disconnect(NORMAL, pair.now)
    pair.settle()
    assert (mine.state, theirs.state) == (CallState.NULL, CallState.NULL)
    assert len(pair.take(Side.USER, Cleared)) == len(pair.take(Side.NETWORK, Cleared)) == 1


def test_nobody_answers_setup() -> None:
    pair = Pair(loses=lambda message: True)
    pair.user.call(Setup(PartyNumber("1")), pair.now)
    pair.run(8.5)
    assert pair.trace == ["> 05", "> 05", "> 5a"], "T303 twice: SETUP, SETUP, RELEASE COMPLETE"
    assert pair.take(Side.USER, Cleared)[0].cause.value == 18


def test_nobody_lifts() -> None:
    pair = Pair()
    _, theirs = pair.dial(pair.user)
    theirs.alert(pair.now)
    pair.run(181)
    assert pair.take(Side.NETWORK, Cleared)[0].cause.value == 19, "T301"


def test_release_is_never_answered() -> None:
    pair = Pair()
    mine, _ = pair.talk(pair.user)
    slot = mine.slot
    pair.loses = lambda message: True
    mine.disconnect(NORMAL, pair.now)
    pair.run(30 + 4 + 4 + 1)
    assert pair.trace[-3:] == ["> 45", "> 4d", "> 4d"], "T305, then RELEASE twice by T308"
    assert pair.take(Side.USER, ChannelsFaulty)[0].slots == {slot}, "the channel wants maintenance"
    assert mine.state is CallState.NULL


def test_the_link_fails_and_comes_back() -> None:
    pair = Pair()
    mine, theirs = pair.talk(pair.user)
    for access in (pair.user, pair.network):
        access.link_down(pair.now, "cut")
    pair.run(15)
    assert mine.state is theirs.state is CallState.ACTIVE, "who talks goes on talking"
    for access in (pair.user, pair.network):
        access.link_up(pair.now)
    pair.run(10)
    assert pair.trace[-4:].count("> 75") == 1, "each end asks how the other takes the call to be"
    assert mine.state is theirs.state is CallState.ACTIVE


def test_the_link_stays_away() -> None:
    pair = Pair()
    mine, _ = pair.talk(pair.user)
    pair.user.link_down(pair.now, "cut")
    pair.run(91)
    assert pair.take(Side.USER, Cleared)[0].cause.value == 27, "T309"
    assert mine.state is CallState.NULL


def test_a_call_lost_at_one_end_is_found_out() -> None:
    pair = Pair()
    mine, theirs = pair.talk(pair.user)
    theirs.restarted(NORMAL)
    mine.enquire(pair.now)
    pair.settle()
    assert mine.state is CallState.NULL, "STATUS says null"


def test_unknown_references() -> None:
    pair = Pair()
    pair.network.receive_data(bytes.fromhex("0802004407"), 0.0)
    assert pair.network.data_to_send() == [bytes.fromhex("080280445a080281d1")], "RELEASE COMPLETE, cause 81"
    pair.network.receive_data(bytes.fromhex("080200444d08028090"), 0.0)
    assert pair.network.data_to_send() == [bytes.fromhex("080280445a080281d1")]
    pair.network.receive_data(bytes.fromhex("080200445a08028090"), 0.0)
    assert pair.network.data_to_send() == [], "RELEASE COMPLETE is not answered"


def test_a_message_that_does_not_fit_the_state() -> None:
    pair = Pair()
    mine, _ = pair.talk(pair.user)
    pair.user.receive_data(Message(Kind.ALERTING, mine.reference, True).serialize(), 0.0)
    (answer,) = pair.user.data_to_send()
    status = Message.parse(answer)
    assert (status.kind, status.cause and status.cause.value, status.call_state) == (Kind.STATUS, 101, 10)
    assert mine.state is CallState.ACTIVE, "nothing else happens"


def test_setup_without_bearer_is_refused() -> None:
    pair = Pair()
    pair.network.receive_data(bytes.fromhex("0802002105" + "1803a98391" + "70028131"), 0.0)
    assert pair.network.data_to_send() == [bytes.fromhex("080280215a080381e004")], "cause 96 names the element"


def test_a_taken_channel() -> None:
    pair = Pair()
    first, _ = pair.dial(pair.user, slot=5)
    pair.network.receive_data(second_setup(5, exclusive=True), 0.0)
    (answer,) = pair.network.data_to_send()
    assert Message.parse(answer).cause == Cause(44), "exclusive and taken"
    pair.network.receive_data(second_setup(5, exclusive=False), 0.0)
    offered = pair.network.next_event()
    assert isinstance(offered, Offered) and offered.call.slot != 5, "preferred: another one is found"
    assert first.slot == 5


def second_setup(slot: int, *, exclusive: bool) -> bytes:
    channel = "a9" if exclusive else "a1"
    return bytes.fromhex(f"0802007705 04038090a3 1803{channel}83{0x80 | slot:02x} 70028131 a1")


def test_glare_is_the_networks() -> None:
    pair = Pair()
    mine = pair.user.call(Setup(PartyNumber("1")), pair.now, slot=9)
    theirs = pair.network.call(Setup(PartyNumber("2")), pair.now, slot=9, exclusive=True)
    assert mine is not None and theirs is not None
    pair.settle()
    (at_user,) = pair.take(Side.USER, Offered)
    (at_network,) = pair.take(Side.NETWORK, Offered)
    assert at_user.call.slot == 9, "the user makes room for the network's call"
    at_network.call.proceed(pair.now)
    pair.settle()
    assert mine.slot == at_network.call.slot != 9, "and its own goes where the network says"


def test_channels_are_restarted_at_the_start() -> None:
    pair = Pair(restart_at_start=True)
    pair.run(1)
    assert sorted(pair.trace[:4]) == ["< 46", "< 4e", "> 46", "> 4e"]
    assert pair.user.channels.idle == pair.user.channels.slots


def test_restart_clears_without_a_word() -> None:
    pair = Pair()
    mine, theirs = pair.talk(pair.user)
    assert mine.slot is not None
    before = len(pair.trace)
    pair.network.restart(pair.now, [mine.slot])
    pair.settle()
    assert pair.trace[before:] == ["< 46", "> 4e"]
    assert (mine.state, theirs.state) == (CallState.NULL, CallState.NULL)
    assert pair.take(Side.NETWORK, ChannelsRestarted) == [ChannelsRestarted(frozenset({mine.slot}), True)]


def test_a_restart_that_is_not_acknowledged() -> None:
    pair = Pair(loses=lambda message: True)
    pair.user.restart(pair.now, [3])
    pair.run(119)
    assert 3 not in pair.user.channels.idle
    pair.run(122)
    assert pair.take(Side.USER, ChannelsFaulty)[0].slots == {3}, "N316 times T316"


def test_thirty_calls_and_not_one_more() -> None:
    pair = Pair()
    for _ in range(30):
        pair.talk(pair.user)
    assert pair.user.call(Setup(PartyNumber("1")), pair.now) is None
    assert not pair.user.channels.idle and not pair.network.channels.idle


def test_commands_out_of_place() -> None:
    pair = Pair()
    mine, _ = pair.dial(pair.user)
    with pytest.raises(IllegalInState, match="INITIATED"):
        mine.connect(pair.now)
