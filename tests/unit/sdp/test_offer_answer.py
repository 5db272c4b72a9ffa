"""Offers and answers (RFC 3264)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp import (
    Capabilities,
    Codec,
    Crypto,
    GlareError,
    LocalMedia,
    LocalSession,
    MediaCapability,
    OfferAnswerError,
    OfferAnswerState,
    Origin,
    SessionDescription,
    agree,
    answer,
    check_answer,
    check_new_offer,
    hold,
    make_offer,
    next_version,
    resume,
    with_direction,
)
from softswitch.sdp.checking import answer_direction
from softswitch.sdp.formats import common_events, compatible
from softswitch.sdp.state import TRANSITIONS

OURS = Origin.create("127.0.0.1", 42)
PORT = LocalMedia("127.0.0.1", 30000)


def sdp(*media: str, version: int = 1, session: str = "", timing: str = "t=0 0") -> SessionDescription:
    text = f"v=0\no=- 7 {version} IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\n{timing}\n{session}" + "".join(
        line + "\n" for line in media
    )
    return SessionDescription.parse(text.encode())


def capabilities(*codecs: Codec, prefer: str = "offer", single: bool = False, **media: object) -> Capabilities:
    return Capabilities((MediaCapability("audio", codecs, **media),), prefer, single)  # type: ignore[arg-type]


def reply(
    offer: SessionDescription, wanted: Capabilities | None = None, *media: LocalMedia | None
) -> SessionDescription:
    given_answer = answer(offer, wanted or Capabilities(), LocalSession(OURS, media or (PORT,) * len(offer.media)))
    assert check_answer(offer, given_answer, subset=True) == [], "our own answer must be legal"
    return SessionDescription.parse(given_answer.serialize())


# --- answers -------------------------------------------------------------------------------------------------------


def test_common_codecs_are_answered_in_the_order_of_the_offer_with_its_numbers() -> None:
    offer = sdp(
        "m=audio 6000 RTP/AVP 9 0 96 8 97",
        "a=rtpmap:96 telephone-event/8000",
        "a=fmtp:96 0-15,66",
        "a=rtpmap:97 opus/48000/2",
    )
    media = reply(offer).media[0]
    assert media.formats == ["0", "8", "96"]
    assert media.fmtp(96) == "0-15"
    assert media.address() == ("127.0.0.1", 30000)
    assert media.direction == "sendrecv"


def test_own_order_can_be_preferred() -> None:
    offer = sdp("m=audio 6000 RTP/AVP 0 8 9")
    wanted = capabilities(Codec("G722"), Codec("PCMA"), Codec("PCMU"), prefer="own")
    assert reply(offer, wanted).media[0].formats == ["9", "8", "0"]


def test_a_single_codec_can_be_answered_with_its_companions() -> None:
    offer = sdp("m=audio 6000 RTP/AVP 0 8 101 13", "a=rtpmap:101 telephone-event/8000")
    wanted = capabilities(Codec("PCMA"), Codec("PCMU"), Codec("telephone-event"), Codec("CN"), single=True)
    assert reply(offer, wanted).media[0].formats == ["0", "101", "13"]


def test_telephone_events_follow_the_clock_rate_of_the_codec() -> None:
    offer = sdp(
        "m=audio 6000 RTP/AVP 111 0 100 101",
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:100 telephone-event/48000",
        "a=rtpmap:101 telephone-event/8000",
    )
    events = Codec("telephone-event", 48000), Codec("telephone-event", 8000)
    assert reply(offer, capabilities(Codec("opus", 48000, 2), *events)).media[0].formats == ["111", "100"]
    assert reply(offer, capabilities(Codec("PCMU"), *events)).media[0].formats == ["0", "101"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("0-16", "0-15", "0-15"),
        ("", "0-16", "0-15"),
        ("0-15,66,70", "66,70-71", "66,70"),
        ("1,2,3,5", "0-16", "1-3,5"),
        ("66", "0-15", ""),
        ("x,3-,-4,5-2,7", "0-16", "7"),
        ("0-99999999", "0-16", ""),
    ],
)
def test_events_in_common(first: str, second: str, expected: str) -> None:
    assert common_events(first, second) == expected


def test_a_line_with_events_alone_is_refused() -> None:
    offer = sdp("m=audio 6000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000")
    assert reply(offer).media[0].port == 0


def test_lines_that_cannot_be_taken_are_refused_in_their_place() -> None:
    offer = sdp(
        "m=video 6000 RTP/AVP 96",
        "a=mid:v",
        "m=audio 6002 RTP/AVP 8",
        "m=audio 6004 RTP/SAVP 8",
        "m=audio 6006 RTP/AVP 18",
        "m=audio 0 RTP/AVP 8",
        "m=image 6008 udptl t38",
    )
    given_answer = reply(offer)
    assert [(media.kind, media.port, media.protocol) for media in given_answer.media] == [
        ("video", 0, "RTP/AVP"),
        ("audio", 30000, "RTP/AVP"),
        ("audio", 0, "RTP/SAVP"),
        ("audio", 0, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"),
        ("image", 0, "udptl"),
    ]
    assert all(media.formats for media in given_answer.media), "a refused line keeps at least one format"
    assert given_answer.media[0].mid == "v"


def test_a_line_without_local_media_is_refused() -> None:
    offer = sdp("m=audio 6000 RTP/AVP 8", "m=audio 6002 RTP/AVP 8")
    assert [media.port for media in reply(offer, None, None, PORT).media] == [0, 30000]
    assert [media.port for media in reply(offer, None, PORT).media] == [30000, 0]


@pytest.mark.parametrize(
    ("offered", "wanted", "expected"),
    [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendonly", "sendrecv", "recvonly"),
        ("recvonly", "sendrecv", "sendonly"),
        ("inactive", "sendrecv", "inactive"),
        ("sendrecv", "sendonly", "sendonly"),
        ("sendonly", "sendonly", "inactive"),
        ("recvonly", "recvonly", "inactive"),
        ("sendrecv", "inactive", "inactive"),
        ("recvonly", "sendonly", "sendonly"),
    ],
)
def test_direction_is_mirrored(offered: str, wanted: str, expected: str) -> None:
    assert answer_direction(offered, wanted) == expected
    offer = sdp("m=audio 6000 RTP/AVP 8", f"a={offered}")
    assert reply(offer, None, LocalMedia("127.0.0.1", 30000, direction=wanted)).media[0].direction == expected


def test_a_null_address_is_answered_as_hold() -> None:
    assert reply(sdp("m=audio 6000 RTP/AVP 8", "c=IN IP4 0.0.0.0")).media[0].direction == "recvonly"


def test_timing_is_copied_and_origin_is_ours() -> None:
    given_answer = reply(sdp("m=audio 6000 RTP/AVP 8", timing="t=3724394400 3724398000"))
    assert given_answer.timing == ["t=3724394400 3724398000"]
    assert given_answer.origin == OURS


def test_rtcp_mux_needs_both() -> None:
    mux = LocalMedia("127.0.0.1", 30000, rtcp_mux=True)
    assert reply(sdp("m=audio 6000 RTP/AVP 8", "a=rtcp-mux"), None, mux).media[0].rtcp_mux
    assert not reply(sdp("m=audio 6000 RTP/AVP 8"), None, mux).media[0].rtcp_mux
    assert not reply(sdp("m=audio 6000 RTP/AVP 8", "a=rtcp-mux")).media[0].rtcp_mux


def test_an_odd_rtcp_port_and_another_host_are_written() -> None:
    places = (LocalMedia("127.0.0.1", 30000), LocalMedia("127.0.0.2", 30002, rtcp_port=30009))
    given_answer = reply(sdp("m=audio 6000 RTP/AVP 8", "m=audio 6002 RTP/AVP 8"), None, *places)
    assert given_answer.media[1].rtcp_address == ("127.0.0.2", 30009)
    assert given_answer.media[0].connections == [] and given_answer.media[1].host == "127.0.0.2"


def test_srtp_keys_packet_time_mid_and_feedback_are_written() -> None:
    key = Crypto.parse("1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd")
    offer = sdp("m=audio 6000 RTP/SAVPF 8", "a=mid:a", "a=rtcp-fb:8 nack", "a=rtcp-fb:* ccm fir", "a=rtcp-fb:0 nack")
    wanted = capabilities(Codec("PCMA"), protocols=("RTP/SAVPF",), ptime_ms=30, feedback=("nack", "nack pli"))
    media = reply(offer, wanted, LocalMedia("127.0.0.1", 30000, crypto=(key,), attributes=(("x", "y"),))).media[0]
    assert media.crypto == [key] and media.ptime == 30 and media.mid == "a" and media.attribute("x") == "y"
    assert [str(entry) for entry in media.rtcp_feedback] == ["8 nack"]


def test_fax_over_udptl_is_answered_by_its_format_name() -> None:
    wanted = Capabilities((MediaCapability("image", (), ("udptl",), ("t38",)),))
    assert reply(sdp("m=image 6000 udptl t38"), wanted).media[0].port == 30000
    assert reply(sdp("m=image 6000 udptl other"), wanted).media[0].port == 0


@pytest.mark.parametrize(
    ("encoding", "first", "second", "expected"),
    [
        ("PCMU", "", "x=1", True),
        ("H264", "profile-level-id=42e01f;packetization-mode=1", "packetization-mode=1;profile-level-id=42C00A", True),
        ("H264", "profile-level-id=42e01f;packetization-mode=1", "profile-level-id=42e01f", False),
        ("H264", "profile-level-id=64001f", "profile-level-id=42e01f", False),
        ("H264", "profile-level-id=42001f", "profile-level-id=42e01f", False),
        ("H264", "profile-level-id=zz", "", False),
        ("AMR", "octet-align=1", "", False),
        ("AMR-WB", "octet-align=0;mode-set=0,1", "", True),
        ("G7221", "bitrate=24000", "bitrate=32000", False),
    ],
)
def test_parameters_that_must_agree(encoding: str, first: str, second: str, expected: bool) -> None:
    assert compatible(encoding, first, second) is expected
    assert compatible(encoding.lower(), second, first) is expected


@pytest.mark.parametrize(
    ("mapping", "offered", "own", "expected"),
    [
        ("iLBC/8000", "mode=20", Codec("iLBC", fmtp="mode=20"), "mode=20"),
        ("iLBC/8000", "mode=20", Codec("iLBC"), "mode=30"),
        ("G729/8000", "annexb=no", Codec("G729"), "annexb=no"),
        ("G729/8000", "", Codec("G729", fmtp="annexb=no"), "annexb=no"),
        ("G729/8000", "annexb=yes", Codec("G729"), ""),
        (
            "AMR/8000",
            "octet-align=1;mode-set=7",
            Codec("AMR", fmtp="octet-align=1;max-red=0"),
            "octet-align=1;max-red=0;mode-set=7",
        ),
        ("opus/48000/2", "minptime=10;useinbandfec=0", Codec("opus", 48000, 2, "useinbandfec=1"), "useinbandfec=1"),
    ],
)
def test_parameters_of_the_answer(mapping: str, offered: str, own: Codec, expected: str) -> None:
    lines = [f"a=rtpmap:96 {mapping}"] + ([f"a=fmtp:96 {offered}"] if offered else [])
    assert reply(sdp("m=audio 6000 RTP/AVP 96", *lines), capabilities(own)).media[0].fmtp(96) == expected


def test_h264_answer_repeats_profile_and_mode_and_keeps_retransmission_with_it() -> None:
    offer = sdp(
        "m=video 6000 RTP/AVP 96 97 98 99",
        "a=rtpmap:96 H264/90000",
        "a=fmtp:96 profile-level-id=64001f;packetization-mode=1",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=rtpmap:98 H264/90000",
        "a=fmtp:98 profile-level-id=42e01f;packetization-mode=1",
        "a=rtpmap:99 rtx/90000",
        "a=fmtp:99 apt=98",
    )
    codecs = (Codec("H264", 90000, fmtp="profile-level-id=42e014;packetization-mode=1"), Codec("rtx", 90000))
    media = reply(offer, Capabilities((MediaCapability("video", codecs),))).media[0]
    assert media.formats == ["98", "99"]
    assert media.fmtp(98) == "profile-level-id=42e01f;packetization-mode=1"
    assert media.fmtp(99) == "apt=98"


# --- offers --------------------------------------------------------------------------------------------------------


def test_an_offer_lists_every_capability_with_free_numbers() -> None:
    wanted = Capabilities(
        (
            MediaCapability(
                "audio", (Codec("PCMA"), Codec("opus", 48000, 2), Codec("telephone-event", payload_type=96))
            ),
            MediaCapability("image", (), ("udptl",), ("t38",)),
            MediaCapability("video", (Codec("H264", 90000),), feedback=("nack pli",)),
        )
    )
    places = (LocalMedia("127.0.0.1", 30000, direction="sendonly"), None, LocalMedia("::1", 30002, rtcp_mux=True))
    offer = make_offer(wanted, LocalSession(OURS, places))
    assert [media.kind for media in offer.media] == ["audio", "video"]
    assert offer.media[0].formats == ["8", "97", "96"]
    assert str(offer.media[0].rtpmaps[97]) == "97 opus/48000/2"
    assert offer.media[0].direction == "sendonly" and offer.media[1].host == "::1" and offer.media[1].rtcp_mux
    assert SessionDescription.parse(offer.serialize()).media[1].attribute("rtcp-fb") == "* nack pli"


def test_an_offer_with_more_codecs_than_numbers_is_refused() -> None:
    codecs = tuple(Codec(f"c{number}") for number in range(33))
    with pytest.raises(OfferAnswerError):
        make_offer(capabilities(*codecs), LocalSession(OURS, (PORT,)))


def test_our_own_offer_and_answer_agree() -> None:
    offer = make_offer(Capabilities(), LocalSession(OURS, (PORT,)))
    stream = agree(reply(offer).media[0], offer.media[0])
    assert stream.live and [entry.encoding for entry in stream.formats] == ["PCMA", "PCMU"]
    assert stream.telephone_event == (101, 101)


# --- checks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offer", "given_answer"),
    [
        (["m=audio 1 RTP/AVP 0"], []),
        (["m=audio 1 RTP/AVP 0"], ["m=audio 1 RTP/AVP 0", "m=audio 3 RTP/AVP 0"]),
        (["m=audio 1 RTP/AVP 0", "m=video 3 RTP/AVP 31"], ["m=video 3 RTP/AVP 31", "m=audio 1 RTP/AVP 0"]),
        (["m=audio 1 RTP/AVP 0"], ["m=audio 1 RTP/SAVP 0"]),
        (["m=audio 0 RTP/AVP 0"], ["m=audio 1 RTP/AVP 0"]),
        (["m=audio 1 RTP/AVP 0"], ["m=audio 1 RTP/AVP 8"]),
        (["m=audio 1 RTP/AVP 96", "a=rtpmap:96 a/8000"], ["m=audio 1 RTP/AVP 96", "a=rtpmap:96 b/8000"]),
    ],
)
def test_impossible_answers_are_errors(offer: list[str], given_answer: list[str]) -> None:
    with pytest.raises(OfferAnswerError):
        check_answer(sdp(*offer), sdp(*given_answer))


@pytest.mark.parametrize(
    ("offer", "given_answer"),
    [
        (["m=audio 1 RTP/AVP 0 8"], ["m=audio 3 RTP/AVP 8"]),
        (["m=audio 1 RTP/AVP 0"], ["m=audio 0 RTP/AVP 99"]),
        (["m=audio 1 RTP/AVP 0"], ["m=audio 0 RTP/SAVP 0"]),
        (["m=audio 1 RTP/AVP 96", "a=rtpmap:96 Opus/48000/2"], ["m=audio 1 RTP/AVP 111", "a=rtpmap:111 opus/48000/2"]),
        (["m=image 1 udptl t38"], ["m=image 1 udptl t38"]),
        (["m=audio 1 RTP/AVP 0", "a=sendonly"], ["m=audio 1 RTP/AVP 0", "a=inactive"]),
    ],
)
def test_legal_answers_pass(offer: list[str], given_answer: list[str]) -> None:
    assert check_answer(sdp(*offer), sdp(*given_answer), subset=True) == []


def test_more_formats_than_offered_are_legal_unless_a_subset_is_wanted() -> None:
    offer, given_answer = sdp("m=audio 1 RTP/AVP 0"), sdp("m=audio 1 RTP/AVP 0 8")
    assert check_answer(offer, given_answer) == []
    with pytest.raises(OfferAnswerError):
        check_answer(offer, given_answer, subset=True)


def test_a_wrong_direction_is_told_but_tolerated() -> None:
    told = check_answer(sdp("m=audio 1 RTP/AVP 0", "a=sendonly"), sdp("m=audio 1 RTP/AVP 0", "a=sendrecv"))
    assert told == ["media line 1: sendonly answered with sendrecv"]


AUDIO, VIDEO = "m=audio 1 RTP/AVP 0", "m=video 3 RTP/AVP 31"


@pytest.mark.parametrize(
    ("previous", "new"),
    [
        ([AUDIO, VIDEO], [AUDIO]),
        ([AUDIO, VIDEO], [VIDEO, AUDIO]),
        ([AUDIO, "a=mid:a", AUDIO, "a=mid:b"], [AUDIO, "a=mid:b", AUDIO, "a=mid:a"]),
    ],
)
def test_lines_may_not_vanish_or_move(previous: list[str], new: list[str]) -> None:
    with pytest.raises(OfferAnswerError):
        check_new_offer(sdp(*previous), sdp(*new, version=2))


@pytest.mark.parametrize(
    ("previous", "new", "version"),
    [
        ([AUDIO], [AUDIO], 1),
        ([AUDIO], [AUDIO, VIDEO], 2),
        ([AUDIO, VIDEO], [AUDIO, "m=video 0 RTP/AVP 31"], 2),
        ([AUDIO, "m=video 0 RTP/AVP 31"], [AUDIO, "m=audio 5 RTP/AVP 8"], 2),
        ([AUDIO], ["m=image 1 udptl t38"], 2),
        ([AUDIO], ["m=audio 9 RTP/SAVP 8"], 2),
    ],
)
def test_legal_new_offers_pass(previous: list[str], new: list[str], version: int) -> None:
    assert check_new_offer(sdp(*previous), sdp(*new, version=version), strict=True) == []


@pytest.mark.parametrize(
    ("media", "version", "session"), [(AUDIO, 2, ""), (VIDEO, 1, ""), (VIDEO, 3, ""), (VIDEO, 0, "")]
)
def test_a_wrong_version_is_told_and_with_strict_an_error(media: str, version: int, session: str) -> None:
    previous, new = sdp(AUDIO), sdp(media, version=version, session=session)
    assert len(check_new_offer(previous, new)) == 1
    with pytest.raises(OfferAnswerError):
        check_new_offer(previous, new, strict=True)


def test_another_origin_is_told() -> None:
    new = sdp(AUDIO)
    new.origin = OURS
    assert check_new_offer(sdp(AUDIO), new) == ["the origin changed within the session"]


# --- hold, resume, versions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "held"),
    [("sendrecv", "sendonly"), ("recvonly", "inactive"), ("sendonly", "sendonly"), ("inactive", "inactive")],
)
def test_hold_takes_receiving_away_and_resume_gives_it_back(before: str, held: str) -> None:
    previous = sdp(AUDIO, f"a={before}", "m=video 0 RTP/AVP 31")
    on_hold = hold(previous)
    assert on_hold.media[0].direction == held and on_hold.held
    assert on_hold.origin.version_number == (2 if before != held else 1)
    assert previous.media[0].direction == before, "the previous description is left alone"
    assert on_hold.media[1].attributes == [], "a refused line is left alone"
    check_new_offer(previous, on_hold, strict=True)
    assert resume(on_hold).media[0].direction == ("sendrecv" if held == "sendonly" else "recvonly")


def test_hold_heeds_a_direction_of_the_session_level() -> None:
    on_hold = hold(sdp(AUDIO, session="a=recvonly\n"))
    assert SessionDescription.parse(on_hold.serialize()).media[0].direction == "inactive"


def test_with_direction_sets_every_live_line() -> None:
    changed = with_direction(sdp(AUDIO, VIDEO, "a=sendonly"), "inactive")
    assert [media.direction for media in changed.media] == ["inactive", "inactive"]
    with pytest.raises(OfferAnswerError):
        with_direction(changed, "both")


def test_the_version_moves_only_when_something_changed() -> None:
    previous = sdp(AUDIO, version=9)
    assert next_version(previous, sdp(AUDIO, version=77)).origin == previous.origin
    assert next_version(previous, sdp(VIDEO, version=77)).origin.version_number == 10


# --- the machine ---------------------------------------------------------------------------------------------------


def test_an_exchange_in_each_direction() -> None:
    state = OfferAnswerState()
    ours, theirs = make_offer(Capabilities(), LocalSession(OURS, (PORT,))), sdp("m=audio 6000 RTP/AVP 8")
    state.send_offer(ours)
    assert state.state == "local-offer" and state.pending is ours
    state.receive_answer(theirs)
    assert (state.state, state.local, state.remote) == ("stable", ours, theirs)
    assert state.pending is None
    new = sdp("m=audio 6000 RTP/AVP 8", "a=sendonly", version=2)
    state.receive_offer(new)
    given_answer = answer(new, Capabilities(), LocalSession(OURS.with_version(2), (PORT,)))
    state.send_answer(given_answer)
    assert (state.state, state.local, state.remote) == ("stable", given_answer, new)
    assert state.deviations == []


def test_a_failed_offer_leaves_the_session_as_it_was() -> None:
    state = OfferAnswerState()
    first = sdp(AUDIO)
    state.send_offer(first)
    state.receive_answer(first)
    state.receive_offer(sdp(AUDIO, VIDEO, version=2))
    state.fail()
    assert state.state == "stable" and state.remote is first and state.pending is None


def test_a_bad_answer_leaves_the_offer_open() -> None:
    state = OfferAnswerState()
    state.send_offer(sdp(AUDIO))
    with pytest.raises(OfferAnswerError):
        state.receive_answer(sdp(VIDEO))
    assert state.state == "local-offer"


def test_deviations_of_a_new_offer_are_noted() -> None:
    state = OfferAnswerState()
    state.send_offer(sdp(AUDIO))
    state.receive_answer(sdp(AUDIO))
    state.receive_offer(sdp(AUDIO, version=5))
    assert len(state.deviations) == 1


@pytest.mark.parametrize("event", ["send_offer", "receive_offer", "send_answer", "receive_answer", "fail"])
@pytest.mark.parametrize("start", ["stable", "local-offer", "remote-offer"])
def test_every_event_in_every_state_does_what_the_table_says(start: str, event: str) -> None:
    state = OfferAnswerState()
    if start == "local-offer":
        state.send_offer(sdp(AUDIO))
    elif start == "remote-offer":
        state.receive_offer(sdp(AUDIO))
    method = getattr(state, event)
    arguments = () if event == "fail" else (sdp(AUDIO),)
    expected = TRANSITIONS.get((start, event))
    if expected is not None:
        method(*arguments)
        assert state.state == expected
        return
    with pytest.raises(GlareError if event.endswith("offer") else OfferAnswerError):
        method(*arguments)
    assert state.state == start


# --- what was agreed -----------------------------------------------------------------------------------------------


def test_agreed_formats_carry_both_numbers() -> None:
    local = sdp("m=audio 1 RTP/AVP 96 0 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/48000").media[0]
    remote = sdp(
        "m=audio 6000 RTP/AVP 111 100 0",
        "a=rtpmap:111 OPUS/48000/2",
        "a=fmtp:111 useinbandfec=1",
        "a=rtpmap:100 telephone-event/48000",
        "a=ptime:40",
        "a=rtcp:7000",
    ).media[0]
    stream = agree(local, remote)
    assert stream.formats[0] == (96, 111, "OPUS", 48000, 2, "useinbandfec=1", 40.0)
    assert [entry.encoding for entry in stream.formats] == ["OPUS", "PCMU"]
    assert stream.telephone_event == (101, 100)
    assert (stream.remote, stream.remote_rtcp) == (("192.0.2.1", 6000), ("192.0.2.1", 7000))
    assert stream.send and stream.receive and not stream.rtcp_mux


@pytest.mark.parametrize(
    ("local", "remote", "send", "receive"),
    [
        ("sendrecv", "sendrecv", True, True),
        ("recvonly", "sendonly", False, True),
        ("sendonly", "recvonly", True, False),
        ("inactive", "sendrecv", False, False),
        ("sendrecv", "inactive", False, False),
    ],
)
def test_agreed_directions(local: str, remote: str, send: bool, receive: bool) -> None:
    stream = agree(sdp(AUDIO, f"a={local}").media[0], sdp(AUDIO, f"a={remote}").media[0])
    assert (stream.send, stream.receive) == (send, receive)


def test_mux_and_refusal() -> None:
    both = agree(sdp(AUDIO, "a=rtcp-mux").media[0], sdp(AUDIO, "a=rtcp-mux").media[0])
    assert both.rtcp_mux and both.remote_rtcp == both.remote
    assert not agree(sdp(AUDIO).media[0], sdp("m=audio 0 RTP/AVP 0").media[0]).live
    assert agree(sdp(AUDIO).media[0], sdp("m=audio 1 RTP/AVP 8").media[0]).formats == ()


_LINES = st.lists(
    st.sampled_from(
        [
            AUDIO,
            VIDEO,
            "m=audio 5 RTP/AVP 96 101 0 8",
            "m=audio 0 RTP/AVP 0",
            "m=image 5 udptl t38",
            "m=video 0",
            "a=rtpmap:96 opus/48000/2",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 66",
            "a=fmtp:96 apt=96",
            "a=sendonly",
            "a=inactive",
            "a=mid:1",
            "c=IN IP4 0.0.0.0",
        ]
    ),
    max_size=12,
)


@given(_LINES, st.sampled_from(["offer", "own"]), st.booleans())
def test_every_offer_has_a_legal_answer(lines: list[str], prefer: str, single: bool) -> None:
    offer = sdp(*lines)
    wanted = Capabilities(prefer=prefer, single=single)
    given_answer = reply(offer, wanted)
    for ours, theirs in zip(given_answer.media, offer.media, strict=True):
        assert agree(ours, theirs).live == (ours.port != 0)
