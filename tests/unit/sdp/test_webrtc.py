"""Descriptions of browsers: undressed to plain RTP, and ours dressed for them."""

from __future__ import annotations

import pytest

from softswitch.sdp.attributes import Fingerprint
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sdp.webrtc import StreamTransport, dress, is_secured, transports, undress

#: As Chromium writes it, shortened: trickle ICE, a bundle, retransmission and header extensions.
OFFER = b"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=ice-options:trickle
a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:stream track
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:0 PCMU/8000
a=ssrc:1 cname:x
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF
a=setup:actpass
a=mid:1
a=recvonly
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
""".replace(b"\n", b"\r\n")
OURS = StreamTransport(
    "ufrag", "password", (Fingerprint("sha-256", bytes(32)),), "passive", ("1 1 udp 1 h 1 typ host",)
)


def test_a_browser_s_offer_becomes_plain_rtp() -> None:
    offer = SessionDescription.parse(OFFER)
    assert is_secured(offer)
    plain = undress(offer)
    audio, video = plain.media
    assert (audio.protocol, audio.formats) == ("RTP/AVP", ["111", "0"])
    assert (video.protocol, video.formats, video.direction) == ("RTP/AVP", ["96"], "recvonly")
    text = plain.serialize().decode()
    for word in ("ice-", "fingerprint", "setup", "extmap", "BUNDLE", "ssrc", "rtx", "red/", "goog-remb", "mid:"):
        assert word not in text, f"{word} says nothing to a peer without ICE and DTLS"
    assert "a=fmtp:111 minptime=10;useinbandfec=1" in text
    assert "a=rtcp-fb:96 nack pli" in text
    assert audio.direction == "sendrecv", "0.0.0.0 beside port 9 is no hold (RFC 8840)"


def test_each_line_s_transport_is_read() -> None:
    audio, video = transports(SessionDescription.parse(OFFER))
    assert audio is not None and video is not None
    assert (audio.ufrag, audio.setup, audio.fingerprints[0].algorithm) == ("abcd", "actpass", "sha-256")


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"a=fingerprint", b"a=x-nothing"), (b"a=ice-pwd", b"a=x-nothing"), (b"setup:actpass", b"setup:holdconn")],
)
def test_a_secured_line_without_what_it_needs_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(SdpError):
        transports(SessionDescription.parse(OFFER.replace(old, new)))


def test_a_browser_agrees_on_no_header_extension_that_nobody_else_knows() -> None:
    plain = undress(SessionDescription.parse(OFFER))
    plain.attributes.append(("extmap", "2 urn:ietf:params:rtp-hdrext:toffset"))
    plain.media[0].attributes.append(("extmap", "1 urn:ietf:params:rtp-hdrext:ssrc-audio-level"))
    text = dress(plain, [OURS, None], ["UDP/TLS/RTP/SAVPF"] * 2, ["0", "1"]).serialize().decode()
    assert "extmap" not in text


def test_what_phones_leave_out_is_said_to_a_browser() -> None:
    """RFC 8829 §5.2.1 wants a direction, and an rtpmap for each format."""
    plain = SessionDescription.parse(
        b"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n"
        b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
    text = dress(plain, [OURS], [], ["0"]).serialize().decode()
    maps = [line for line in text.splitlines() if line.startswith("a=rtpmap")]
    assert "a=sendrecv" in text
    assert sorted(maps) == ["a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=rtpmap:8 PCMA/8000"]


def test_our_answer_is_dressed_line_by_line() -> None:
    plain = undress(SessionDescription.parse(OFFER))
    protocols = ["UDP/TLS/RTP/SAVPF"] * 2
    text = dress(plain, [OURS, None], protocols, ["0", "1"], bundle=["0"]).serialize().decode()
    audio, _, video = text.partition("m=video")
    assert video.startswith(" 0 UDP/TLS/RTP/SAVPF"), "a line without a transport is refused in its place"
    assert "a=mid:1" in video
    for line in ("a=group:BUNDLE 0", "a=ice-lite", "a=ice-ufrag:ufrag", "a=setup:passive", "a=mid:0", "a=rtcp-mux"):
        assert line in audio, f"{line} is missing"
    assert is_secured(SessionDescription.parse(text.encode()))
