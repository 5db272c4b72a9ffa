"""Rewriting a description for a media relay."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp import Codec, MediaAddress, Origin, SdpError, SessionDescription, rewrite
from softswitch.sdp.relay import BYPASS

DATA = Path(__file__).parents[2] / "data" / "sdp"
RELAY = MediaAddress("127.0.0.1", 30000)
EVENT = Codec("telephone-event", 8000, 1, "0-16", 101)


def sdp(*lines: str) -> SessionDescription:
    text = "v=0\no=bob 7 3 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n" + "".join(line + "\n" for line in lines)
    return SessionDescription.parse(text.encode())


OFFER = (
    "m=audio 6000 RTP/AVP 111 0 8 100 101 13",
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 useinbandfec=1",
    "a=rtcp-fb:111 nack",
    "a=rtpmap:100 telephone-event/48000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    "a=ptime:20",
)


def encodings(session: SessionDescription, index: int = 0) -> list[str]:
    return [mapping.encoding for mapping in session.media[index].rtpmaps.values()]


def test_addresses_are_ours_and_codecs_are_theirs() -> None:
    offer = sdp(*OFFER)
    before = offer.serialize()
    result = rewrite(offer, [RELAY])
    assert result.media[0].address() == ("127.0.0.1", 30000)
    assert result.media[0].formats == offer.media[0].formats
    assert result.media[0].attributes == offer.media[0].attributes
    assert result.origin == ("-", "7", "3", "IN", "IP4", "127.0.0.1")
    assert b"192.0.2.1" not in result.serialize() and b"bob" not in result.serialize()
    assert offer.serialize() == before, "the original is left alone"


def test_an_origin_of_our_own_is_written() -> None:
    assert rewrite(sdp(*OFFER), [RELAY], origin=Origin.create("::1", 5)).origin.session_id == "5"


def test_everything_that_would_go_round_the_relay_is_taken_out() -> None:
    browser = SessionDescription.parse((DATA / "browser.sdp").read_bytes())
    result = rewrite(browser, [RELAY, MediaAddress("127.0.0.1", 30002, rtcp_mux=True)])
    names = {name for name, _ in result.attributes}.union(
        *({name for name, _ in media.attributes} for media in result.media)
    )
    assert names & BYPASS == {"rtcp-mux"}
    assert [media.rtcp_mux for media in result.media] == [False, True]
    assert "192.0.2.30" not in result.serialize().decode()
    assert result.media[0].attribute("fingerprint"), "keys of media that passes through stay"


def test_rtcp_elsewhere_is_said() -> None:
    result = rewrite(sdp("m=audio 6000 RTP/AVP 0", "a=rtcp:7000"), [MediaAddress("127.0.0.1", 30000, 30009)])
    assert result.media[0].rtcp_address == ("127.0.0.1", 30009)
    assert rewrite(sdp("m=audio 6000 RTP/AVP 0", "a=rtcp:7000"), [RELAY]).media[0].rtcp_address == ("127.0.0.1", 30001)


def test_lines_without_an_address_are_refused_in_place() -> None:
    offer = sdp("m=audio 6000 RTP/AVP 0", "m=video 6002 RTP/AVP 31", "m=audio 0 RTP/AVP 8", "m=audio 6004 RTP/AVP 8")
    result = rewrite(offer, [RELAY, None, RELAY])
    assert [(media.kind, media.port) for media in result.media] == [
        ("audio", 30000),
        ("video", 0),
        ("audio", 0),
        ("audio", 0),
    ]


def test_lines_at_different_hosts_have_their_own_connection() -> None:
    result = rewrite(sdp("m=audio 6000 RTP/AVP 0", "m=video 6002 RTP/AVP 31"), [None, MediaAddress("::1", 30002)])
    assert result.media[1].host == "::1"
    both = rewrite(sdp("m=audio 6000 RTP/AVP 0", "m=video 6002 RTP/AVP 31"), [RELAY, MediaAddress("::1", 30002)])
    assert [media.host for media in both.media] == ["127.0.0.1", "::1"]


@pytest.mark.parametrize(
    ("lines", "direction"), [((), "sendonly"), (("a=recvonly",), "inactive"), (("a=sendrecv",), "sendonly")]
)
def test_the_hold_of_a_null_address_is_said_by_the_direction(lines: tuple[str, ...], direction: str) -> None:
    result = rewrite(sdp("m=audio 6000 RTP/AVP 0", "c=IN IP4 0.0.0.0", *lines), [RELAY])
    assert result.media[0].direction == direction and result.media[0].host == "127.0.0.1"


def test_a_direction_of_the_session_level_stays_in_force() -> None:
    offer = SessionDescription.parse(
        b"v=0\no=- 1 1 IN IP4 a\ns=-\nc=IN IP4 a\nt=0 0\na=sendonly\nm=audio 5 RTP/AVP 0\n"
    )
    assert rewrite(offer, [RELAY]).media[0].direction == "sendonly"


@pytest.mark.parametrize(
    ("allow", "expected"),
    [
        (["PCMU"], ["PCMU", "telephone-event", "CN"]),
        (["pcma", "pcmu"], ["PCMU", "PCMA", "telephone-event", "CN"]),
        (["opus"], ["opus", "telephone-event"]),
        (None, ["opus", "PCMU", "PCMA", "telephone-event", "telephone-event", "CN"]),
    ],
)
def test_codecs_are_restricted_with_what_belongs_to_them(allow: list[str] | None, expected: list[str]) -> None:
    result = rewrite(sdp(*OFFER), [RELAY], allow=allow)
    assert encodings(result) == expected
    if allow and "opus" not in allow:
        assert "111" not in result.serialize().decode()


def test_nothing_allowed_is_a_refusal() -> None:
    assert rewrite(sdp(*OFFER), [RELAY], allow=["G729"]).media[0].port == 0
    assert rewrite(sdp(*OFFER), [RELAY], allow=["telephone-event"]).media[0].port == 0


def test_codecs_are_added_behind_theirs_before_the_events() -> None:
    result = rewrite(
        sdp(*OFFER), [RELAY], allow=["PCMU"], add=[Codec("PCMA"), Codec("opus", 48000, 2, "x=1", 111), EVENT]
    )
    assert encodings(result) == ["PCMU", "PCMA", "opus", "telephone-event", "telephone-event", "CN"]
    assert result.media[0].formats[2] == "96", "a number the offer used for something is not used again"
    assert result.media[0].fmtp(96) == "x=1"


def test_an_added_codec_keeps_the_events_of_its_clock() -> None:
    result = rewrite(sdp(*OFFER), [RELAY], allow=["G722"], add=[Codec("G722")])
    assert encodings(result) == ["G722", "telephone-event", "CN"]


def test_what_is_present_is_not_added_again() -> None:
    assert encodings(rewrite(sdp("m=audio 1 RTP/AVP 0"), [RELAY], add=[Codec("PCMU"), Codec("PCMA")])) == [
        "PCMU",
        "PCMA",
    ]


def test_a_fixed_number_that_means_something_else_is_not_used_again() -> None:
    result = rewrite(sdp("m=audio 1 RTP/AVP 0", "a=rtpmap:0 G726-32/8000"), [RELAY], add=[Codec("PCMU")])
    assert [str(mapping) for mapping in result.media[0].rtpmaps.values()] == ["0 G726-32/8000", "96 PCMU/8000"]


def test_what_only_repairs_video_and_estimates_of_bandwidth_end_at_the_relay() -> None:
    offer = sdp(
        "m=video 1 RTP/AVP 96 97 98 99",
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=rtpmap:98 H264/90000",
        "a=rtpmap:99 rtx/90000",
        "a=fmtp:99 apt=98",
        "a=rtcp-fb:96 goog-remb",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack  pli",
        "a=rtcp-fb:* transport-cc",
        "a=rtcp-fb:97 nack",
        "a=rtcp-fb:98 ccm fir",
    )
    assert rewrite(offer, [RELAY], allow=["H264"], kinds=["video"]).media[0].formats == ["98"]
    relayed = rewrite(offer, [RELAY], allow=["PCMU"]).media[0]
    assert relayed.formats == ["96", "98"], "what is left of video is left alone"
    assert relayed.attribute_values("rtcp-fb") == ["96 nack", "96 nack  pli", "98 ccm fir"]
    assert relayed.attribute_values("fmtp") == []


def test_codecs_are_added_to_lines_of_their_kind() -> None:
    offer = sdp("m=audio 1 RTP/AVP 0", "m=video 3 RTP/AVP 96", "a=rtpmap:96 VP8/90000")
    codecs = [Codec("H264", 90000), Codec("PCMA")]
    result = rewrite(offer, [RELAY, RELAY], add=codecs, kinds=["audio", "video"])
    assert [encodings(result, 0), encodings(result, 1)] == [["PCMU", "PCMA"], ["VP8", "H264"]]
    assert encodings(rewrite(offer, [RELAY, RELAY], add=codecs), 1) == ["VP8"]


def test_a_codec_for_which_no_number_is_left_is_not_added() -> None:
    numbers = range(96, 128)
    offer = sdp(
        "m=audio 1 RTP/AVP " + " ".join(map(str, numbers)), *(f"a=rtpmap:{number} c{number}/8000" for number in numbers)
    )
    result = rewrite(offer, [RELAY], add=[Codec("opus", 48000, 2)])
    assert len(result.media[0].formats) == 32


def test_missing_name_and_timing_are_repaired_and_gb28181_lines_kept() -> None:
    offer = SessionDescription.parse(
        b"v=0\no=- 1 1 IN IP4 a\nm=video 5 RTP/AVP 96\na=rtpmap:96 PS/90000\ny=0100000001\n"
    )
    result = rewrite(offer, [RELAY])
    assert result.y == "0100000001"
    assert b"s=-\nc=IN IP4 127.0.0.1\nt=0 0\n" in result.serialize()


def test_other_media_keep_their_formats_under_a_restriction() -> None:
    assert rewrite(sdp("m=image 5 udptl t38"), [RELAY], allow=["PCMU"]).media[0].formats == ["t38"]


@given(
    st.lists(
        st.sampled_from([*OFFER, "m=image 5 udptl t38", "m=video 0", "a=fmtp:97 apt=x", "a=rtpmap:97 rtx/8000", "y=1"]),
        max_size=12,
    ),
    st.none() | st.lists(st.sampled_from(["PCMU", "opus", "rtx", "nothing"])),
    st.lists(st.sampled_from([Codec("PCMU"), Codec("opus", 48000, 2), EVENT])),
)
def test_any_description_can_be_rewritten(lines: list[str], allow: list[str] | None, add: list[Codec]) -> None:
    try:
        offer = sdp(*lines)
    except SdpError:
        return
    result = rewrite(offer, [RELAY] * len(offer.media), allow=allow, add=add, kinds=("audio", "video"))
    assert len(result.media) == len(offer.media)
    assert SessionDescription.parse(result.serialize()).serialize() == result.serialize()
    assert all(media.host == "127.0.0.1" for media in result.media)
