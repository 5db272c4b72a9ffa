"""Parsing and writing of session descriptions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp import Connection, MediaDescription, Origin, SdpError, SessionDescription
from softswitch.sdp.description import SdpLimits

DATA = Path(__file__).parents[2] / "data" / "sdp"

PHONE = (
    b"v=0\r\no=user1 53655765 2353687637 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 6000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
)


#: No deadline: the machine that runs this may be busy with other work.
_CHARACTERS = "ab Z09:=/;,-*\t\0\x7fäß\u2028汉😀"


def head(body: str = "", session: str = "") -> bytes:
    return f"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n{session}t=0 0\r\n{body}".encode()


def audio(body: str = "", session: str = "", line: str = "m=audio 6000 RTP/AVP 0") -> MediaDescription:
    return SessionDescription.parse(head(f"{line}\r\n{body}", session)).media[0]


@pytest.mark.parametrize("path", sorted(DATA.glob("*.sdp")), ids=lambda path: path.stem)
def test_every_well_formed_sample_comes_back_octet_for_octet(path: Path) -> None:
    data = path.read_bytes()
    assert SessionDescription.parse(data).serialize() == data


def test_samples_are_there() -> None:
    assert len(list(DATA.glob("*.sdp"))) >= 8


def test_the_fields_of_a_phone_are_read() -> None:
    session = SessionDescription.parse(PHONE)
    media = session.media[0]
    assert session.origin == ("user1", "53655765", "2353687637", "IN", "IP4", "192.0.2.1")
    assert session.origin.version_number == 2353687637
    assert (media.kind, media.port, media.port_count, media.protocol) == ("audio", 6000, 1, "RTP/AVP")
    assert media.formats == ["0", "8", "101"]
    assert media.address(session) == ("192.0.2.1", 6000)
    assert [str(mapping) for mapping in media.rtpmaps.values()] == [
        "0 PCMU/8000",
        "8 PCMA/8000",
        "101 telephone-event/8000",
    ]
    assert media.fmtp(101) == "0-16" and media.fmtp(0) == ""
    assert session.newline == "\r\n"


def test_line_feed_alone_is_tolerated_and_noted() -> None:
    data = PHONE.replace(b"\r\n", b"\n")
    session = SessionDescription.parse(data)
    assert session.newline == "\n"
    assert session.serialize() == data
    assert session.media == SessionDescription.parse(PHONE).media


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (PHONE.replace(b"s=-\r\n", b""), PHONE.replace(b"s=-\r\n", b"")),
        (PHONE.replace(b"t=0 0\r\n", b""), PHONE.replace(b"t=0 0\r\n", b"")),
        (PHONE[:-2], PHONE),
        (PHONE + b"\r\n\r\n", PHONE),
        (PHONE.replace(b"\r\n", b"\n", 3), PHONE.replace(b"\r\n", b"\n")),
        (PHONE.replace(b"AVP 0 8", b"AVP  0  8"), PHONE),
        (PHONE.replace(b"t=0 0\r\n", b"").replace(b"s=-\r\n", b"t=0 0\r\ns=-\r\n"), PHONE),
        (PHONE.replace(b"IN IP4 192.0.2.1\r\nt", b"IN  IP4 192.0.2.1 \r\nt"), PHONE),
        (PHONE.replace(b"v=0", b"v=0 "), PHONE),
        (head("m=video 0\r\n"), head("m=video 0\r\n")),
        (head("m=image 0 udptl\r\n"), head("m=image 0 udptl\r\n")),
    ],
    ids=[
        "no s=",
        "no t=",
        "no last line end",
        "blank lines",
        "mixed ends",
        "blanks",
        "order",
        "c=",
        "v=",
        "cut m=",
        "m=",
    ],
)
def test_deviations_of_real_devices_are_tolerated(data: bytes, written: bytes) -> None:
    assert SessionDescription.parse(data).serialize() == written


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", 1),
        (b"o=- 1 1 IN IP4 192.0.2.1\r\n", 1),
        (b"v=1\r\no=- 1 1 IN IP4 192.0.2.1\r\n", 1),
        (b"v=0\r\ns=-\r\n", 0),
        (b"v=0\r\no=- 1 IN IP4\r\n", 2),
        (b"v=0\r\no=- 1 x IN IP4 192.0.2.1\r\n", 2),
        (b"v=0\r\no=- 1 " + b"9" * 31 + b" IN IP4 192.0.2.1\r\n", 2),
        (head("nonsense\r\n"), 6),
        (head("m=audio\r\n"), 6),
        (head("m=audio x RTP/AVP 0\r\n"), 6),
        (head("m=audio 65536 RTP/AVP 0\r\n"), 6),
        (head("m=audio -1 RTP/AVP 0\r\n"), 6),
        (head("m=audio 6000/0 RTP/AVP 0\r\n"), 6),
        (head("m=audio 6000\r\n"), 6),
        (head("m=audio ６000 RTP/AVP 0\r\n"), 6),
        (head("a=x\0y\r\n"), 6),
        (head("a=x\ry\r\n"), 6),
        (head("m=audio 6000 RTP/AVP 0\r\nc=IN IP4\r\n"), 7),
        (head("m=audio 6000 RTP/AVP " + "0 " * 257 + "\r\n"), 6),
        (head("m=audio 6000 RTP/AVP 0\r\n" * 33), 38),
        (head("a=x\r\n" * 2050), 0),
        (head("a=" + "x" * 65536 + "\r\n"), 0),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_line(data: bytes, line: int) -> None:
    with pytest.raises(SdpError) as caught:
        SessionDescription.parse(data)
    assert caught.value.line == line, str(caught.value)


def test_limits_are_arguments() -> None:
    with pytest.raises(SdpError):
        SessionDescription.parse(PHONE, SdpLimits(octets=100))
    with pytest.raises(SdpError):
        SessionDescription.parse(PHONE, SdpLimits(lines=5))


def test_unknown_lines_keep_their_places() -> None:
    data = head(
        "m=video 6000 RTP/AVP 96\r\nx=first\r\na=rtpmap:96 PS/90000\r\nx=second\r\na=recvonly\r\ny=0100000001\r\n"
        "f=v/2/6/25/1/4000a///\r\nm=audio 0 RTP/AVP 8\r\nx=last\r\n",
        session="x=session\r\n",
    )
    session = SessionDescription.parse(data)
    assert session.serialize() == data
    assert (session.y, session.f) == ("0100000001", "v/2/6/25/1/4000a///")
    assert session.media[0].y == "0100000001" and session.media[1].y is None


def test_lines_at_the_end_of_a_section_stay_at_its_end_when_it_grows() -> None:
    session = SessionDescription.parse(head("m=video 6000 RTP/AVP 96\r\ny=0100000001\r\n"))
    session.media[0].attributes.append(("rtpmap", "96 PS/90000"))
    assert session.serialize().endswith(b"a=rtpmap:96 PS/90000\r\ny=0100000001\r\n")


def test_ssrc_line_can_be_set() -> None:
    media = audio()
    media.y = "0200000002"
    media.f = "v/////a/1/8/1"
    media.y = "0300000003"
    assert media.lines()[-2:] == ["f=v/////a/1/8/1", "y=0300000003"]
    media.y = None
    assert media.y is None


@pytest.mark.parametrize(
    ("body", "session", "expected"),
    [
        ("", "", "sendrecv"),
        ("a=sendonly\r\n", "", "sendonly"),
        ("", "a=inactive\r\n", "inactive"),
        ("a=recvonly\r\n", "a=inactive\r\n", "recvonly"),
        ("c=IN IP4 0.0.0.0\r\n", "", "sendonly"),
        ("c=IN IP6 ::\r\n", "", "sendonly"),
        ("c=IN IP4 0.0.0.0\r\na=recvonly\r\n", "", "inactive"),
        ("c=IN IP4 0.0.0.0\r\na=sendonly\r\n", "", "sendonly"),
        ("c=IN IP4 0.0.0.0\r\na=inactive\r\n", "", "inactive"),
    ],
)
def test_direction_heeds_session_level_and_null_address(body: str, session: str, expected: str) -> None:
    assert (
        SessionDescription.parse(
            head("m=audio 6000 RTP/AVP 0\r\n" + body, "").replace(b"t=0 0\r\n", b"t=0 0\r\n" + session.encode())
        )
        .media[0]
        .direction
        == expected
    )


def test_null_address_beside_the_discard_port_is_no_hold() -> None:
    assert audio("c=IN IP4 0.0.0.0\r\n", line="m=audio 9 UDP/TLS/RTP/SAVPF 111").direction == "sendrecv"


@pytest.mark.parametrize(
    ("body", "held"), [("", False), ("a=sendonly\r\n", True), ("a=inactive\r\n", True), ("a=recvonly\r\n", False)]
)
def test_hold_is_seen(body: str, held: bool) -> None:
    session = SessionDescription.parse(head("m=audio 6000 RTP/AVP 0\r\n" + body))
    assert session.media[0].held is held
    assert session.held is held


def test_session_without_live_media_is_not_held() -> None:
    assert not SessionDescription.parse(head("m=audio 0 RTP/AVP 0\r\na=inactive\r\n")).held


def test_setting_a_direction_replaces_every_other() -> None:
    media = audio("a=sendonly\r\na=ptime:20\r\na=inactive\r\n")
    media.direction = "recvonly"
    assert media.attributes == [("recvonly", None), ("ptime", "20")]
    with pytest.raises(SdpError):
        media.direction = "both"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", ("192.0.2.1", 6001)),
        ("a=rtcp:53020\r\n", ("192.0.2.1", 53020)),
        ("a=rtcp:53020 IN IP4 198.51.100.7\r\n", ("198.51.100.7", 53020)),
        ("a=rtcp:53020 IN IP6 2001:db8::7\r\n", ("2001:db8::7", 53020)),
        ("a=rtcp:nonsense\r\n", ("192.0.2.1", 6001)),
        ("a=rtcp:99999\r\n", ("192.0.2.1", 6001)),
        ("c=IN IP6 2001:db8::1\r\n", ("2001:db8::1", 6001)),
    ],
)
def test_address_of_rtcp(body: str, expected: tuple[str, int]) -> None:
    assert audio(body).rtcp_address == expected


def test_a_refused_stream_has_no_rtcp() -> None:
    assert audio(line="m=audio 0 RTP/AVP 0").rtcp_address is None
    assert audio(line="m=audio 65535 RTP/AVP 0").rtcp_address is None


def test_several_connections_and_a_multicast_suffix_are_kept() -> None:
    media = audio("c=IN IP4 233.252.0.1/127\r\nc=IN IP4 233.252.0.2/127/3\r\n")
    assert media.host == "233.252.0.1"
    assert [connection.address for connection in media.connections] == ["233.252.0.1/127", "233.252.0.2/127/3"]


def test_ipv6_addresses_are_read_and_made() -> None:
    assert audio("c=IN IP6 2001:db8::7\r\n").host == "2001:db8::7"
    assert str(Connection.to("::1")) == "IN IP6 ::1"
    assert str(Origin.create("::1", 7, 2)) == "- 7 2 IN IP6 ::1"


@pytest.mark.parametrize(
    ("line", "body", "expected"),
    [
        ("m=audio 1 RTP/AVP 0 9", "", {0: ("pcmu", 8000, 1), 9: ("g722", 8000, 1)}),
        ("m=audio 1 RTP/AVP 8", "a=rtpmap:8 PCMA/8000/1\r\n", {8: ("pcma", 8000, 1)}),
        ("m=audio 1 RTP/AVP 111", "a=rtpmap:111 opus/48000/2\r\n", {111: ("opus", 48000, 2)}),
        ("m=audio 1 RTP/AVP 10", "", {10: ("l16", 44100, 2)}),
        ("m=audio 1 RTP/AVP 96", "", {}),
        ("m=audio 1 RTP/AVP 96", "a=rtpmap:96\r\n", {}),
        ("m=audio 1 RTP/AVP 96", "a=rtpmap:96 x/0\r\n", {}),
        ("m=audio 1 RTP/AVP 96", "a=rtpmap:200 x/8000\r\n", {}),
        ("m=audio 1 RTP/AVP 0", "a=rtpmap:97 x/8000\r\n", {0: ("pcmu", 8000, 1)}),
        ("m=audio 1 RTP/AVP 0", "a=rtpmap:0 G726-32/8000\r\n", {0: ("g726-32", 8000, 1)}),
        ("m=image 1 udptl t38", "", {}),
    ],
)
def test_meaning_of_payload_types(line: str, body: str, expected: dict[int, tuple[str, int, int]]) -> None:
    assert {number: mapping.key for number, mapping in audio(body, line=line).rtpmaps.items()} == expected


def test_payload_type_is_found_by_name() -> None:
    media = SessionDescription.parse(PHONE).media[0]
    assert media.payload_type("TELEPHONE-EVENT") == 101
    assert media.payload_type("telephone-event", 48000) is None
    assert media.payload_type("opus") is None


@pytest.mark.parametrize(
    ("text", "expected"), [("20", 20.0), ("2.5", 2.5), ("x", None), ("0", None), ("", None), (".", None)]
)
def test_packet_duration(text: str, expected: float | None) -> None:
    if text == ".":
        assert audio("a=ptime:.\r\n").attribute("ptime") == "."
    media = audio(f"a=ptime:{text}\r\na=maxptime:{text}\r\n")
    assert (media.ptime, media.maxptime) == (expected, expected)


def test_typed_attributes() -> None:
    media = audio(
        "a=mid:0\r\na=rtcp-mux\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:broken\r\n"
        "a=ssrc:1 cname:x y\r\na=ssrc:2 flag\r\na=ssrc:x\r\na=extmap:1/sendonly urn:a b c\r\na=extmap:x\r\n"
        "a=fingerprint:SHA-256 AB:cd\r\na=fingerprint:sha-1 zz\r\na=setup:actpass\r\na=ice-ufrag:u\r\n"
        "a=ice-pwd:p\r\na=candidate:1 1 UDP 1 192.0.2.9 9 typ host\r\n"
    )
    assert (media.mid, media.rtcp_mux, media.setup, media.ice_ufrag, media.ice_password) == (
        "0",
        True,
        "actpass",
        "u",
        "p",
    )
    assert [str(entry) for entry in media.rtcp_feedback] == ["* nack pli", "96 ccm fir"]
    assert [str(entry) for entry in media.ssrcs] == ["1 cname:x y", "2 flag"]
    assert [str(entry) for entry in media.extension_maps] == ["1/sendonly urn:a b c"]
    assert [str(entry) for entry in media.fingerprints] == ["sha-256 AB:CD"]
    assert media.candidates == ["1 1 UDP 1 192.0.2.9 9 typ host"]


def test_session_attributes() -> None:
    session = SessionDescription.parse(head("a=group:BUNDLE 0 1\r\na=ice-lite\r\na=group:\r\n"))
    assert [str(group) for group in session.groups] == ["BUNDLE 0 1"]
    assert session.ice_lite
    assert session.attribute("missing") is None and session.first("audio") is None


def test_attributes_are_set_and_removed() -> None:
    media = audio("a=a:1\r\na=b\r\na=a:2\r\n")
    media.set_attribute("a", "3")
    media.set_attribute("c")
    assert media.attributes == [("a", "3"), ("b", None), ("c", None)]
    media.remove_attribute("a", "b")
    assert media.attributes == [("c", None)] and media.has_attribute("c")


def test_a_value_with_a_line_end_is_not_written() -> None:
    session = SessionDescription.parse(PHONE)
    for name in ("x\r\nm=audio 1 RTP/AVP 0", "x\ny", "x\ry"):
        session.name = name
        with pytest.raises(SdpError):
            session.serialize()


def test_octets_that_are_not_utf8_survive() -> None:
    data = PHONE.replace(b"s=-", b"s=\xc4\xe3\xba\xc3")
    assert SessionDescription.parse(data).serialize() == data


def test_a_copy_is_independent() -> None:
    session = SessionDescription.parse(PHONE)
    other = session.copy()
    assert other == session
    other.media[0].formats.append("9")
    other.media[0].attributes.clear()
    other.connections.clear()
    assert session.serialize() == PHONE


@given(st.binary(max_size=300))
def test_any_octets_give_a_description_or_an_error(data: bytes) -> None:
    _read_everything(data)


@given(st.lists(st.sampled_from("vosiuepcbtrzkamxyf"), max_size=20), st.data())
def test_any_lines_give_a_description_or_an_error(letters: list[str], data: st.DataObject) -> None:
    values = st.one_of(
        st.text(_CHARACTERS, max_size=20),
        st.sampled_from(
            [
                "rtpmap:96 a/1",
                "fmtp:0 a=b",
                "audio 5 RTP/AVP 0 96",
                "IN IP4 0.0.0.0",
                "- 1 1 IN IP4 a",
                "crypto:1 a inline:",
            ]
        ),
    )
    lines = [f"{letter}={data.draw(values)}" for letter in letters]
    _read_everything("\r\n".join(["v=0", "o=- 1 1 IN IP4 a", *lines, ""]).encode())


def _read_everything(data: bytes) -> None:
    try:
        session = SessionDescription.parse(data)
    except SdpError:
        return
    written = session.serialize()
    assert SessionDescription.parse(written).serialize() == written
    for media in session.media:
        assert media.direction in {"sendrecv", "sendonly", "recvonly", "inactive"}
        for name in dir(type(media)):
            if isinstance(getattr(type(media), name), property):
                getattr(media, name)


_TOKEN = st.text("abcXYZ0189-./", min_size=1, max_size=8)
_VALUE = st.text(_CHARACTERS.replace("\0", ""), max_size=20)


@st.composite
def _well_formed(draw: st.DrawFn) -> bytes:
    def optional(letter: str, most: int = 1) -> list[str]:
        return [f"{letter}={value}" for value in draw(st.lists(_VALUE, max_size=most))]

    connection = st.sampled_from([[], ["c=IN IP4 192.0.2.1"], ["c=IN IP6 2001:db8::1"]])
    attribute = st.one_of(
        _TOKEN.map("a={}".format), st.tuples(_TOKEN, _VALUE).map(lambda pair: f"a={pair[0]}:{pair[1]}")
    )
    lines = ["v=0", f"o={draw(_TOKEN)} {draw(st.integers(0, 2**63))} {draw(st.integers(0, 2**63))} IN IP4 192.0.2.1"]
    lines += [f"s={draw(_VALUE)}", *optional("i"), *optional("u"), *optional("e", 2), *optional("p", 2)]
    lines += [*draw(connection), *optional("b", 2), "t=0 0", *optional("k"), *draw(st.lists(attribute, max_size=3))]
    for _ in range(draw(st.integers(0, 3))):
        port = draw(st.integers(0, 65535))
        count = draw(st.sampled_from(["", "/2"]))
        formats = " ".join(draw(st.lists(_TOKEN, min_size=1, max_size=4)))
        lines += [f"m={draw(_TOKEN)} {port}{count} RTP/AVP {formats}", *optional("i"), *draw(connection)]
        lines += [
            *optional("b", 2),
            *optional("k"),
            *draw(st.lists(attribute, max_size=4)),
            *optional("y"),
            *optional("f"),
        ]
    newline = draw(st.sampled_from(["\r\n", "\n"]))
    return (newline.join(lines) + newline).encode()


@given(_well_formed())
def test_every_well_formed_description_comes_back_octet_for_octet(data: bytes) -> None:
    assert SessionDescription.parse(data).serialize() == data
