"""A data link of Q.921: established, kept, recovered, released; numbers and timers as the standard has them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.e1.q921 import Link, LinkError, LinkEstablished, LinkParameters, LinkReleased, LinkState, Side
from gateways.e1.q921.frame import Frame
from tests.unit.e1.wire import Line, connected


def established_user() -> Link:
    link = Link(Side.USER)
    link.establish(0.0)
    assert [frame.hex() for frame in link.data_to_send()] == ["00017f"], "SABME, P=1, a command of the user"
    link.receive_data(bytes.fromhex("000173"), 0.0)
    assert link.next_event() == LinkEstablished()
    return link


def arrived(link: Link) -> int:
    return sum(count for name, count in link.counters.items() if name == "malformed" or name.startswith("received "))


def sent(link: Link) -> list[str]:
    return [frame.hex() for frame in link.data_to_send()]


def test_sabme_is_answered_by_ua_with_the_same_f() -> None:
    link = Link(Side.NETWORK)
    link.receive_data(bytes.fromhex("00017f"), 0.0)
    assert sent(link) == ["000173"], "the response of the network to the user has C/R 0"
    assert link.state is LinkState.ESTABLISHED
    link.receive_data(bytes.fromhex("00016f"), 1.0)
    assert sent(link) == ["000163"], "F follows P"


def test_both_ends_begin_at_once() -> None:
    line = connected()
    assert {link.supervision for link in line.ends.values()} == {"up"}


def test_sabme_is_repeated_n200_times_then_retried_after_a_pause() -> None:
    link = Link(Side.USER)
    link.establish(0.0)
    assert sent(link) == ["00017f"]
    for second in (1.0, 2.0, 3.0):
        link.handle_timer(second)
        assert sent(link) == ["00017f"], f"repeated at {second} s"
    link.handle_timer(4.0)
    assert (sent(link), link.state) == ([], LinkState.RELEASED)
    assert isinstance(link.next_event(), LinkError), "MDL-ERROR (G)"
    assert link.next_timer() == 9.0, "5 s later it is tried again"
    link.handle_timer(9.0)
    assert sent(link) == ["00017f"]


def test_an_i_frame_is_acknowledged_by_rr() -> None:
    link = established_user()
    link.receive_data(bytes.fromhex("02010000") + b"\x08", 0.5)
    assert sent(link) == ["02010102"], "a user's response has C/R 1; N(R) is 1"


def test_an_answer_of_layer_3_carries_the_acknowledgement() -> None:
    link = established_user()
    link.receive_data(bytes.fromhex("02010000") + b"\x08", 0.5)
    link.send(b"\x09", 0.5)
    assert sent(link) == ["0001000209"], "one frame: N(S) 0, N(R) 1"


def test_a_gap_is_rejected_once() -> None:
    link = established_user()
    link.receive_data(bytes.fromhex("02010400") + b"x", 0.0)
    assert sent(link) == ["02010900"], "REJ with N(R) 0"
    link.receive_data(bytes.fromhex("02010600") + b"x", 0.0)
    assert sent(link) == [], "no second REJ before the gap is filled"
    link.receive_data(bytes.fromhex("02010000") + b"x", 0.0)
    assert sent(link) == ["02010102"]


def test_an_unacknowledged_frame_is_asked_for_and_sent_again() -> None:
    link = established_user()
    link.send(b"A", 0.0)
    assert sent(link) == ["0001000041"]
    link.handle_timer(1.0)
    assert sent(link) == ["00010101"], "RR command, P=1, after T200"
    link.receive_data(bytes.fromhex("00010101"), 1.1)
    assert sent(link) == ["0001000041"], "the answer says N(R) 0: the frame never came"


def test_the_window_is_seven() -> None:
    link = established_user()
    for number in range(9):
        link.send(bytes([number]), 0.0)
    assert len(sent(link)) == 7
    link.receive_data(bytes.fromhex("00010104"), 0.1)
    assert [frame[4:] for frame in sent(link)] == ["0e0007", "100008"], "two acknowledged, two more sent"


def test_an_idle_link_is_polled_every_t203() -> None:
    link = established_user()
    assert link.next_timer() == 10.0
    link.handle_timer(10.0)
    assert sent(link) == ["00010101"]
    link.receive_data(bytes.fromhex("00010101"), 10.5)
    assert (link.state, link.next_timer()) == (LinkState.ESTABLISHED, 20.5)


def test_a_silent_peer_is_noticed_and_the_link_established_anew() -> None:
    link = established_user()
    for second in (10.0, 11.0, 12.0, 13.0, 14.0):
        link.handle_timer(second)
    assert sent(link) == ["00010101"] * 4 + ["00017f"], "RR P=1, three repetitions (N200), then SABME"
    assert isinstance(link.next_event(), LinkError)
    assert isinstance(link.next_event(), LinkReleased)


def test_a_number_never_sent_re_establishes() -> None:
    link = established_user()
    link.receive_data(bytes.fromhex("0001010a"), 0.0)
    assert sent(link) == ["00017f"], "N(R) 5 when nothing was sent: MDL-ERROR (J)"
    assert link.next_event() == LinkError("J", "N(R) 5 of a frame that was never sent")


def test_a_busy_peer_is_not_sent_to_and_asked_again() -> None:
    link = established_user()
    link.receive_data(bytes.fromhex("02010500"), 0.0)
    link.send(b"A", 0.0)
    assert sent(link) == [], "RNR: nothing goes out"
    link.handle_timer(1.0)
    assert sent(link) == ["00010101"]
    link.receive_data(bytes.fromhex("00010101"), 1.1)
    assert sent(link) == ["0001000041"], "RR: it may have it"


def test_disc_and_release() -> None:
    line = connected()
    line.ends[Side.USER].release(line.now)
    line.run(0.1)
    assert line.events[Side.USER] == [LinkReleased("released")]
    assert line.events[Side.NETWORK] == [LinkReleased("the peer released the link")]


def test_commands_to_a_released_link_get_dm() -> None:
    link = Link(Side.NETWORK)
    link.receive_data(bytes.fromhex("00010101"), 0.0)
    assert sent(link) == ["00011f"], "DM, F=1"
    link.receive_data(bytes.fromhex("000153"), 0.0)
    assert sent(link) == ["00011f"], "DISC gets DM as well"


def test_too_much_is_refused() -> None:
    link = established_user()
    with pytest.raises(ValueError, match="260"):
        link.send(bytes(261), 0.0)
    assert Link(Side.USER).send(b"x", 0.0) is False, "a link that is down carries nothing"


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), rate=st.floats(0, 0.3))
def test_whatever_is_lost_messages_arrive_once_and_in_order(seed: int, rate: float) -> None:
    """As long as the link is not re-established, which resets it and is told."""
    chance = random.Random(seed)
    line: Line = connected(lambda n: chance.random() < rate, LinkParameters(n200=50))
    messages = {side: [bytes([side is Side.USER, n]) for n in range(40)] for side in line.ends}
    for n in range(40):
        for side, link in line.ends.items():
            assert link.send(messages[side][n], line.now)
        line.run(chance.random())
    line.loses = lambda n: False
    line.run(200)
    for side in line.ends:
        assert line.received(side) == messages[side.other], f"what {side.name} received"
    assert all(link.state is LinkState.ESTABLISHED for link in line.ends.values())


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=12), max_size=20), st.booleans())
def test_garbage_is_counted_and_only_frames_are_sent(frames: list[bytes], up: bool) -> None:
    link = established_user() if up else Link(Side.NETWORK)
    before = arrived(link)
    for at, frame in enumerate(frames):
        link.receive_data(frame, at / 10)
        link.receive_data(b"\x02\x01" + frame, at / 10)
        for octets in link.data_to_send():
            assert Frame.parse(octets, link.side).serialize(link.side) == octets, f"{octets.hex()} is no frame of ours"
    assert arrived(link) - before == 2 * len(frames), f"each is counted, by its kind or as malformed: {link.counters}"
