"""STUN messages: the vectors of RFC 5769, an independent implementation, and garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.rtp.ice.stun import (
    BINDING,
    ERROR,
    ICE_CONTROLLED,
    PRIORITY,
    REQUEST,
    SUCCESS,
    USERNAME,
    XOR_MAPPED_ADDRESS,
    StunError,
    StunMessage,
    is_stun,
)

PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
#: RFC 5769 §2.1, §2.2, §2.3.
SAMPLE_REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36"
    "000600096576746a3a683676592020200008001 49aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf".replace(" ", "")
)
SAMPLE_IPV4_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
SAMPLE_IPV6_RESPONSE = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)


def test_the_request_of_rfc_5769_is_read_and_its_integrity_holds() -> None:
    message = StunMessage.parse(SAMPLE_REQUEST)
    assert (message.message_class, message.method, message.username) == (REQUEST, BINDING, "evtj:h6vY")
    assert message.attribute(PRIORITY) == bytes.fromhex("6e0001ff")
    assert message.attribute(ICE_CONTROLLED) == bytes.fromhex("932ff9b151263b36")
    assert message.has_integrity(PASSWORD), "MESSAGE-INTEGRITY of RFC 5769 §2.1 should be that of its password"
    assert not message.has_integrity(PASSWORD + "x"), "another password must not fit"


@pytest.mark.parametrize(
    ("octets", "address"),
    [
        (SAMPLE_IPV4_RESPONSE, ("192.0.2.1", 32853)),
        (SAMPLE_IPV6_RESPONSE, ("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
    ],
)
def test_the_responses_of_rfc_5769_name_the_mapped_address(octets: bytes, address: tuple[str, int]) -> None:
    message = StunMessage.parse(octets)
    assert message.message_class == SUCCESS
    assert message.mapped_address == address
    assert message.has_integrity(PASSWORD)


def test_what_is_written_is_read_by_aioice() -> None:
    stun = pytest.importorskip("aioice.stun")
    request = StunMessage(REQUEST, BINDING, b"transactions", [(USERNAME, b"us:them"), (PRIORITY, bytes(4))])
    octets = request.serialize("secret")
    theirs = stun.parse_message(octets)
    assert theirs.attributes["USERNAME"] == "us:them"
    answer = StunMessage.parse(octets).answer(("198.51.100.7", 4711), "secret")
    assert stun.parse_message(answer).attributes["XOR-MAPPED-ADDRESS"] == ("198.51.100.7", 4711)
    assert StunMessage.parse(answer).has_integrity("secret")


def test_a_refusal_names_what_was_not_understood() -> None:
    request = StunMessage.parse(StunMessage(REQUEST, BINDING, bytes(12), [(0x0055, b"what")]).serialize())
    assert request.unknown == [0x0055]
    refusal = StunMessage.parse(request.refusal(420, "Unknown Attribute"))
    assert (refusal.message_class, refusal.error_code) == (ERROR, 420)
    assert refusal.attribute(0x000A) == b"\x00\x55"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        SAMPLE_REQUEST[:19],
        SAMPLE_REQUEST[:-1],
        SAMPLE_REQUEST[:4] + b"\x21\x12\xa4\x43" + SAMPLE_REQUEST[8:],
        SAMPLE_REQUEST[:-1] + b"\x00",  # the fingerprint
        b"\x80" + SAMPLE_REQUEST[1:],
        SAMPLE_REQUEST[:22] + b"\xff\xff" + SAMPLE_REQUEST[24:],
    ],
)
def test_what_is_no_message_is_refused(octets: bytes) -> None:
    with pytest.raises(StunError):
        StunMessage.parse(octets)


@given(st.binary(max_size=200))
def test_any_octets_are_a_message_or_an_error(octets: bytes) -> None:
    framed = b"\x00\x01" + (len(octets) & ~3).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12)
    for data in (octets, framed + octets[: len(octets) & ~3]):
        try:
            message = StunMessage.parse(data)
        except StunError:
            continue
        assert is_stun(data)
        assert message.mapped_address is None or message.attribute(XOR_MAPPED_ADDRESS)
        assert not message.has_integrity("secret")
        assert isinstance(message.username, str)
        assert message.error_code >= 0


@given(
    st.binary(min_size=12, max_size=12),
    st.lists(st.tuples(st.integers(0x8000, 0x8021), st.binary(max_size=40)), max_size=8),
)
def test_what_is_written_is_read_again(transaction: bytes, attributes: list[tuple[int, bytes]]) -> None:
    octets = StunMessage(REQUEST, BINDING, transaction, attributes).serialize("key")
    message = StunMessage.parse(octets)
    assert message.transaction_id == transaction
    assert message.attributes[: len(attributes)] == attributes
    assert message.has_integrity("key")
