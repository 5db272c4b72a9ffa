"""Framing on a stream, however the octets are sliced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.errors import ProtocolError
from softswitch.sip.parser import Limits, parse_message
from softswitch.sip.stream import KeepAlive, StreamFramer
from tests.unit.sip_message.torture import load

ONE = b"OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 5\r\n\r\nhello"
TWO = b"BYE sip:b SIP/2.0\r\nl:0\r\n\r\n"
BARE = b"INFO sip:c SIP/2.0\r\nCall-ID: 3\r\n\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_messages_come_out_whole_for_any_slicing(size: int) -> None:
    framer = StreamFramer()
    stream = ONE + TWO + b"\r\n\r\n" + BARE + ONE
    frames: list[bytes | KeepAlive] = []
    for start in range(0, len(stream), size):
        frames += framer.receive_data(stream[start : start + size])
    assert [frame for frame in frames if isinstance(frame, bytes)] == [ONE, TWO, BARE, ONE]
    assert framer.pending == 0


def test_pings_and_pongs() -> None:
    framer = StreamFramer()
    assert framer.receive_data(b"\r\n\r\n") == [KeepAlive.PING]
    assert framer.receive_data(b"\r\n") == [KeepAlive.PONG]
    assert framer.receive_data(b"\r\n") == [KeepAlive.PONG]
    assert framer.receive_data(b"\r") == []
    assert framer.receive_data(b"\n\r\n" + TWO) == [KeepAlive.PING, TWO]
    assert framer.receive_data(b"\r\n\r") == []
    assert framer.receive_data(b"\n") == [KeepAlive.PING]
    assert framer.receive_data(b"\r\n" + TWO) == [KeepAlive.PONG, TWO]


def test_a_train_of_pings_is_one_ping() -> None:
    assert StreamFramer().receive_data(b"\r\n\r\n" * 10000 + TWO) == [KeepAlive.PING, TWO]


@pytest.mark.parametrize(
    "length",
    [
        b"Content-Length: 5", b"content-length:5", b"CONTENT-LENGTH : 5", b"l:5", b"L :  5 ", b"Content-Length:\r\n 5",
        b"l\t:\r\n\t5", b"Content-Length-Not: 9\r\nContent-Length: 5", b"lang: 7\r\nContent-Length: 5",
        b"X: a\r\n l: 9\r\nContent-Length: 5",
    ],
)  # fmt: skip
def test_content_length_in_every_spelling(length: bytes) -> None:
    message = b"OPTIONS sip:a SIP/2.0\r\n" + length + b"\r\nX: y\r\n\r\nhello"
    assert StreamFramer().receive_data(message + TWO) == [message, TWO]
    assert parse_message(message).body == b"hello", "parser and framer agree"


@pytest.mark.parametrize(
    "bad",
    [
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 70000\r\n\r\n",
        b"\n", b"\rX", b"\r\n\rX",
    ],
)  # fmt: skip
def test_a_lost_stream_raises_after_what_was_whole(bad: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(map(StreamFramer().receive_data, [bad, b"x", b"x"]))
    framer = StreamFramer()
    assert framer.receive_data(ONE + bad)[0] == ONE
    if framer.error is None:
        return  # a keep-alive came first, or more is awaited
    with pytest.raises(ProtocolError):
        framer.receive_data(TWO)
    assert framer.pending == 0


def test_memory_is_bounded() -> None:
    framer = StreamFramer(Limits(message=1000))
    with pytest.raises(ProtocolError) as caught:
        for _ in range(100):
            framer.receive_data(b"X" * 100)
            assert framer.pending <= 1100
    assert caught.value.status == 513


def test_octets_after_a_message_are_the_next_message() -> None:
    """What a datagram ignores, a stream frames (RFC 4475 §3.1.1.8)."""
    data = next(message.data for message in load("rfc4475") if message.name == "dblreq")
    frames = StreamFramer().receive_data(data)
    assert [frame.partition(b" ")[0] for frame in frames if isinstance(frame, bytes)][:2] == [b"REGISTER", b"INVITE"]


@given(st.lists(st.sampled_from([ONE, TWO, BARE, b"\r\n\r\n"]), max_size=8), st.data())
def test_slicing_never_changes_the_messages(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    framer = StreamFramer()
    frames: list[bytes | KeepAlive] = []
    start = 0
    while start < len(stream):
        end = data.draw(st.integers(start + 1, len(stream)))
        frames += framer.receive_data(stream[start:end])
        start = end
    assert [frame for frame in frames if isinstance(frame, bytes)] == [
        piece for piece in pieces if piece != b"\r\n\r\n"
    ]


@given(st.lists(st.binary(max_size=64), max_size=8))
def test_any_octets_give_frames_or_a_protocol_error(pieces: list[bytes]) -> None:
    framer = StreamFramer(Limits(message=128))
    try:
        for piece in pieces:
            framer.receive_data(piece)
    except ProtocolError as error:
        assert error is framer.error
