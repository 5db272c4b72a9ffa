"""What is missing, unreadable, cut in pieces or out of place: answered as Q.931 §5.8 says, and never fatal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.e1.q921 import Side
from gateways.e1.q931 import Access, AccessParameters, Cause, ChannelId, Kind, Message, PartyNumber, Setup
from gateways.e1.q931.elements import ElementId, UserUser
from gateways.e1.q931.errors import IllegalInState
from gateways.e1.q931.events import (
    ChannelsFaulty,
    ChannelsRestarted,
    Cleared,
    Connected,
    DigitsReceived,
    IsdnEvent,
    Notified,
    Offered,
    UserInformation,
)
from tests.unit.e1.pair import Pair

SLOT_MAP = bytes.fromhex("a993") + (1 << 17).to_bytes(4, "big")


def sent(access: Access) -> list[Message]:
    return [Message.parse(data) for data in access.data_to_send()]


def answer(access: Access, message: Message, now: float = 0.0) -> list[Message]:
    """What the access answers to one message."""
    access.receive_data(message.serialize(), now)
    return sent(access)


def status(access: Access, message: Message) -> tuple[int, bytes]:
    """Cause and diagnostic of the STATUS that answers."""
    (told,) = answer(access, message)
    assert told.kind == Kind.STATUS and told.cause is not None, f"the answer is {told}"
    return told.cause.value, told.cause.diagnostic


def active() -> tuple[Pair, int]:
    """A call from the user that is talking, and its reference."""
    pair = Pair()
    call, _ = pair.talk(pair.user)
    return pair, call.reference


def to_network(kind: Kind, reference: int, **elements: object) -> Message:
    return Message(kind, reference, False, {int(ElementId[name]): value for name, value in elements.items()})


def test_a_mandatory_element_is_missing() -> None:
    pair, reference = active()
    assert status(pair.network, to_network(Kind.NOTIFY, reference)) == (96, bytes((ElementId.NOTIFICATION,)))
    assert status(pair.network, to_network(Kind.USER_INFORMATION, reference)) == (96, bytes((ElementId.USER_USER,)))
    assert not answer(pair.network, to_network(Kind.STATUS, reference)), "two faulty ends must not answer for ever"
    assert pair.network.calls, "the call goes on"


def test_a_mandatory_element_cannot_be_read() -> None:
    pair, reference = active()
    assert status(pair.network, to_network(Kind.NOTIFY, reference, NOTIFICATION=b"\x00\x00")) == (
        100,
        bytes((ElementId.NOTIFICATION,)),
    )


@pytest.mark.parametrize(("cause", "value"), [({}, 96), ({"CAUSE": b"\x80"}, 100)])
def test_disconnect_without_a_cause(cause: dict[str, bytes], value: int) -> None:
    pair, reference = active()
    (release,) = answer(pair.network, to_network(Kind.DISCONNECT, reference, **cause))
    assert release.kind == Kind.RELEASE and release.cause is not None and release.cause.value == value


def test_release_without_a_cause_in_an_active_call() -> None:
    pair, reference = active()
    (complete,) = answer(pair.network, to_network(Kind.RELEASE, reference))
    assert complete.kind == Kind.RELEASE_COMPLETE and complete.cause is not None and complete.cause.value == 96
    pair.settle()
    assert len(pair.take(Side.NETWORK, Cleared)) == 1


@pytest.mark.parametrize(
    ("state", "cause", "clears"),
    [(0, 30, True), (10, 30, False), (4, 30, True), (7, 98, True), (4, 98, False), (0, 101, True)],
)
def test_what_a_status_does_to_a_call_from_the_user(state: int, cause: int, clears: bool) -> None:
    pair, reference = active()
    answers = answer(pair.network, to_network(Kind.STATUS, reference, CAUSE=Cause(cause), CALL_STATE=state))
    gone = not pair.network.calls or (bool(answers) and answers[0].kind == Kind.DISCONNECT)
    assert gone == clears, f"told state {state} with cause {cause}: {answers}"


def test_a_status_about_a_call_that_is_not_there() -> None:
    access = Pair().network
    (complete,) = answer(access, to_network(Kind.STATUS, 99, CAUSE=Cause(30), CALL_STATE=10))
    assert complete.kind == Kind.RELEASE_COMPLETE and complete.cause is not None and complete.cause.value == 101
    assert not answer(access, to_network(Kind.STATUS, 99, CAUSE=Cause(30), CALL_STATE=0))


def test_a_channel_as_a_slot_map() -> None:
    access = Pair().network
    setup = Setup(PartyNumber("1002")).elements() | {int(ElementId.CHANNEL_ID): SLOT_MAP}
    access.receive_data(Message(Kind.SETUP, 5, False, setup).serialize(), 0.0)
    (call,) = access.calls
    assert call.slot == 17


def test_a_setup_in_three_segments() -> None:
    """Annex H; a segment out of order drops what came, and so does T314."""
    access = Pair().network
    whole = Message(Kind.SETUP, 5, False, Setup(PartyNumber("1002")).elements()).serialize()
    head, content = whole[:4], whole[5:]
    cut = len(content) // 3
    parts = [content[:cut], content[cut : 2 * cut], content[2 * cut :]]
    segments = [
        head + bytes((0x60, 0x00, 2, (0x80 if n == 0 else 0) | 2 - n, Kind.SETUP)) + part
        for n, part in enumerate(parts)
    ]
    for segment in (segments[0], segments[2]):
        access.receive_data(segment, 0.0)
    assert not access.calls and access.counters["malformed"] == 1
    access.receive_data(segments[0], 0.0)
    access.handle_timer(5.0)
    access.receive_data(segments[1], 5.0)
    assert not access.calls, "T314 has expired"
    for segment in segments:
        access.receive_data(segment, 6.0)
    (call,) = access.calls
    assert call.setup.called.digits == "1002"


def test_a_repeated_setup_says_what_the_first_one_said() -> None:
    """T303 (§5.1.1): user-user and all."""
    pair = Pair()
    pair.user.call(Setup(PartyNumber("1002"), user_user=UserUser(4, b"hello"), display="张三"), 0.0)
    first = pair.user.data_to_send()
    pair.user.handle_timer(4.0)
    assert pair.user.data_to_send() == first


def test_user_user_holds_and_answers_cross() -> None:
    pair = Pair()
    mine, theirs = pair.dial(pair.user)
    theirs.connect(pair.now, connected=PartyNumber("8111", presentation=0), display="值班", user_user=UserUser(0, b"x"))
    pair.settle()
    (connected,) = pair.take(Side.USER, Connected)
    assert (connected.display, connected.user_user) == ("值班", UserUser(0, b"x"))
    assert connected.connected is not None and connected.connected.digits == "8111"
    mine.send_user_information(UserUser(4, b"request"))
    mine.hold()
    mine.retrieve()
    pair.settle()
    assert [event.information.data for event in pair.take(Side.NETWORK, UserInformation)] == [b"request"]
    assert [event.notification for event in pair.take(Side.NETWORK, Notified)] == [0x79, 0x7A]
    assert mine.state is theirs.state, "both still talk"


def test_digits_that_end_are_told_before_the_call_is_cleared() -> None:
    pair = Pair(overlap_receiving=True)
    _, theirs = pair.dial(pair.user, "90", complete=False)
    theirs.acknowledge_setup(pair.now)
    pair.run(15.1)
    (event,) = pair.take(Side.NETWORK, DigitsReceived)
    assert (event.digits, event.complete) == ("", True), "T302: whoever collects may take what there is"
    theirs.proceed(pair.now)
    pair.run(5)
    assert pair.network.calls, "it did"


def test_a_channel_that_failed_serves_again_after_a_restart() -> None:
    """T308 twice: the channel is faulty; when the link comes back it is restarted and serves."""
    pair = Pair()
    mine, _ = pair.talk(pair.user)
    slot = mine.slot
    pair.loses = lambda message: message.kind in (Kind.DISCONNECT, Kind.RELEASE)
    mine.disconnect(Cause(16), pair.now)
    pair.run(60)
    assert [event.slots for event in pair.take(Side.USER, ChannelsFaulty)] == [frozenset({slot})]
    assert slot not in pair.user.channels.idle
    pair.loses = lambda message: False
    pair.user.link_down(pair.now)
    pair.user.link_up(pair.now)
    pair.run(1)
    assert [event.slots for event in pair.take(Side.USER, ChannelsRestarted)] == [frozenset({slot})]
    assert slot in pair.user.channels.idle, "both ends agree that it is idle"


# -- anything at all ---------------------------------------------------------------------------------------------------

_VALUES = {
    ElementId.CAUSE: st.builds(Cause, st.sampled_from([16, 17, 30, 98, 101])),
    ElementId.CALL_STATE: st.integers(0, 63),
    ElementId.CHANNEL_ID: st.builds(lambda n, e: ChannelId((n,), e), st.integers(1, 4), st.booleans()),
    ElementId.CALLED_NUMBER: st.builds(PartyNumber, st.text("0123456789#", max_size=4)),
    ElementId.BEARER_CAPABILITY: st.just(bytes.fromhex("8090a3")),
    ElementId.RESTART_INDICATOR: st.sampled_from([0, 6, 7]),
    ElementId.NOTIFICATION: st.integers(0, 127),
    ElementId.USER_USER: st.builds(UserUser, st.just(4), st.binary(max_size=4)),
}
_MESSAGES = st.builds(
    lambda kind, reference, flag, elements, rubbish: (
        Message(kind, reference, flag, {int(i): v for i, v in elements.items()}).serialize() + rubbish
    ),
    st.sampled_from(list(Kind)) | st.integers(0, 127),
    st.integers(0, 4),
    st.booleans(),
    st.fixed_dictionaries({}, optional=_VALUES),
    st.just(b"") | st.binary(max_size=6),
)
_CALL_ORDERS = ["proceed", "alert", "connect", "disconnect"]
_ORDERS = st.sampled_from(["call", "down", "up", "restart", "wait", "long", *_CALL_ORDERS])


def _carry_out(access: Access, order: str, now: float) -> None:
    try:
        if order == "call":
            access.call(Setup(PartyNumber("1")), now)
        elif order == "down":
            access.link_down(now)
        elif order == "up":
            access.link_up(now)
        elif order == "restart":
            access.restart(now)
        for call in access.calls[:1]:
            if order in ("proceed", "alert", "connect"):
                getattr(call, order)(now)
            elif order == "disconnect":
                call.disconnect(Cause(16), now)
    except IllegalInState:
        return


@settings(max_examples=300)
@given(st.sampled_from(list(Side)), st.lists(_MESSAGES | st.binary(max_size=24) | _ORDERS, max_size=30), st.booleans())
def test_whatever_comes_calls_keep_their_channels_and_end_once(
    side: Side, steps: list[bytes | str], overlap: bool
) -> None:
    access = Access(side, AccessParameters(overlap_receiving=overlap, restart_at_start=False), slots=range(1, 5))
    access.link_up(0.0)
    now, told, known = 0.0, list[IsdnEvent](), set[object]()

    def look() -> None:
        access.data_to_send()
        while (event := access.next_event()) is not None:
            told.append(event)
        slots = [call.slot for call in access.calls if call.slot is not None]
        assert len(slots) == len(set(slots)), f"two calls in one channel: {slots}"
        known.update(access.calls)

    for step in steps:
        if isinstance(step, bytes):
            access.receive_data(step, now)
        elif step in ("wait", "long"):
            now += 5.0 if step == "wait" else 200.0
            access.handle_timer(now)
        else:
            _carry_out(access, step, now)
        look()
    access.link_down(now)
    for call in access.calls:
        call.disconnect(Cause(16), now)
    for _ in range(8):
        now += 200.0
        access.handle_timer(now)
        look()
    assert not access.calls, "timers end whatever nobody answers"
    ended = [event.call for event in told if isinstance(event, Cleared)]
    assert len(ended) == len(set(map(id, ended))) and known <= set(ended), "every call ends exactly once"
    offered = {event.call for event in told if isinstance(event, Offered)}
    assert offered <= set(ended)
