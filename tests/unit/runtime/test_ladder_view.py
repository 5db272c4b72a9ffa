"""Ladders of a call and captures of it, made from messages alone."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.runtime.ladder_view import SWITCH, build_ladder, to_rows, to_svg, to_text
from softswitch.runtime.message_store import MessageLimits, MessageStore, of_dialogs
from softswitch.runtime.pcap import Datagram, write_pcap
from softswitch.runtime.trace import Direction, TracedMessage
from softswitch.sip.address import Address

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"


def message(text: str, direction: Direction = "in", port: int = 5080, time: float = 100.0) -> TracedMessage:
    data = text.replace("\n", "\r\n").encode()
    return TracedMessage(time, direction, Address("udp", "192.0.2.1", port), ("10.0.0.1", 5060), data)


def invite(call_id: str = "a@h", **more: object) -> TracedMessage:
    text = (
        f"INVITE sip:1002@h SIP/2.0\nCall-ID: {call_id}\nContent-Type: application/sdp\n\nv=0\nm=audio 4000 RTP/AVP 0\n"
    )
    return message(text + f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\n", **more)  # type: ignore[arg-type]


def call() -> list[TracedMessage]:
    return [
        invite(time=100.0),
        invite("b@h", direction="out", port=5090, time=100.01),
        message("SIP/2.0 486 Busy Here\nCall-ID: b@h\nCSeq: 1 INVITE\n\n", port=5090, time=101.0),
        message("SIP/2.0 486 Busy Here\nCall-ID: a@h\nCSeq: 1 INVITE\n\n", "out", time=101.01),
        message("SIP/2.0 486 Busy Here\nCall-ID: a@h\nCSeq: 1 INVITE\n\n", "out", time=101.51),
    ]


def test_parties_stand_left_and_right_of_the_switch() -> None:
    ladder = build_ladder("c1", call(), {"a@h": "1001", "b@h": "1002"})
    assert ladder.parties == ("1001 192.0.2.1:5080", SWITCH, "1002 192.0.2.1:5090")
    assert [(a.source, a.destination) for a in ladder.arrows][:2] == [
        ("1001 192.0.2.1:5080", SWITCH),
        (SWITCH, "1002 192.0.2.1:5090"),
    ]
    assert [arrow.repeated for arrow in ladder.arrows] == [False, False, False, False, True]


def test_a_ladder_tells_when_its_beginning_is_gone() -> None:
    parties = {"a@h": "1001", "b@h": "1002"}
    whole, cut = build_ladder("c1", call(), parties), build_ladder("c1", call()[1:], parties)
    assert whole.complete and to_rows(whole)["complete"]
    assert not cut.complete, "the INVITE of a@h is not there"
    for text in (to_svg(cut), to_text(cut)):
        assert "what came before is no longer kept" in text
    assert "no longer kept" not in to_svg(whole) + to_text(whole)
    assert build_ladder("c1", [], {}).complete, "a call without SIP has lost nothing"


def test_no_form_of_a_ladder_holds_a_key() -> None:
    ladder = build_ladder("c1", call(), {})
    for text in (to_svg(ladder), to_text(ladder), str(to_rows(ladder))):
        assert KEY not in text
    assert "crypto:1 AES_CM_128_HMAC_SHA1_80" in to_svg(ladder), "all else of the line stays"


def test_the_picture_is_xml_without_scripts() -> None:
    picture = to_svg(build_ladder("<c&1>", call(), {"a@h": "<script>"}))
    tree = ElementTree.fromstring(picture)
    assert not [e for e in tree.iter() if e.tag.endswith("script")]
    assert not [name for e in tree.iter() for name in e.attrib if name.startswith("on") or name.endswith("href")]
    assert sum(e.tag.endswith("path") for e in tree.iter()) == 5, "an arrow for each message"


@given(st.binary(max_size=300))
def test_whatever_was_received_can_be_drawn(data: bytes) -> None:
    received = message("")._replace(data=data)
    ladder = build_ladder("c", [received], {})
    ElementTree.fromstring(to_svg(ladder))
    assert to_text(ladder)


def test_an_empty_ladder_says_so() -> None:
    assert "no messages are kept" in to_svg(build_ladder("c", [], {}))


def test_the_store_keeps_calls_within_its_bounds() -> None:
    store = MessageStore(MessageLimits(messages_per_call=2, octets=100_000, keep_s=50))
    store(message("REGISTER sip:h SIP/2.0\nCall-ID: r@h\n\n"))
    store(message("SIP/2.0 200 OK\nCall-ID: r@h\nCSeq: 1 REGISTER\n\n", "out"))
    assert len(store) == 0, "registrations are no calls"
    for number in range(5):
        store(invite(time=100.0 + number))
    store(invite("other@h", time=105.0))
    found = of_dialogs(store.snapshot(), {"a@h": ""}, 2)
    assert [each.time for each in found] == [103.0, 104.0], "the last two"
    store(invite("late@h", time=160.0))
    assert [each.time for each in store.snapshot()] == [160.0], "the others are too old"
    for number in range(2000):
        store(invite("much@h", time=160.0 + number / 1000))
    assert store.octets <= 100_000


@pytest.mark.parametrize("status", ["180 Ringing", "200 OK", "405 Method Not Allowed"])
@pytest.mark.parametrize("last", ["REGISTER", "OPTIONS", "PUBLISH"])
def test_answers_of_calls_are_kept_whatever_method_allow_ends_with(status: str, last: str) -> None:
    store = MessageStore(MessageLimits())
    store(message(f"SIP/2.0 {status}\nAllow: INVITE, BYE, {last}\nCall-ID: a@h\nCSeq: 7 INVITE\n\n", "out"))
    assert len(store) == 1, "the CSeq says whose answer it is"
    store(message(f"SIP/2.0 {status}\nAllow: INVITE, {last}\nCall-ID: r@h\ncseq:\t8  {last}\n\n", "out"))
    assert len(store) == 1, f"an answer to {last} belongs to no call"


def test_frames_have_right_lengths_and_checksums() -> None:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6

    four = Datagram(1.5, ("192.0.2.1", 5060), ("10.0.0.1", 5061), b"hello")
    six = Datagram(2.0, ("2001:db8::1", 5060), ("::1", 5061), b"odd")
    data = write_pcap([four, six])
    assert struct.unpack_from("<I", data)[0] == 0xA1B2C3D4
    at = 24
    for datagram, layer in ((four, IP), (six, IPv6)):
        seconds, microseconds, length, _ = struct.unpack_from("<IIII", data, at)
        assert seconds + microseconds / 1e6 == datagram.time
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        packet = layer(frame)
        assert bytes(packet[UDP].payload) == datagram.payload
        said = packet[UDP].chksum
        del packet[UDP].chksum
        assert layer(bytes(packet))[UDP].chksum == said, "scapy finds the same checksum"
    assert at == len(data)
