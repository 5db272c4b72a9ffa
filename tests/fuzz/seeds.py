"""Seeds: torture messages, ordinary traffic, and one fault at a time put into an INVITE in the manner of PROTOS."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.unit.sip_message.torture import load

INVITE = (
    b"INVITE sip:1002@127.0.0.1;user=phone SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-1;rport, SIP/2.0/TCP [::1]:5060;received=::2\r\n"
    b'From: "Al \\"x\\"" <sip:1001@127.0.0.1:5080>;tag=1\r\n'
    b"To: <sip:1002@127.0.0.1>\r\n"
    b"Call-ID: 1@127.0.0.1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b'Contact: <sip:1001@127.0.0.1:5080;transport=udp?a=b>;+sip.instance="<urn:uuid:0>";q=0.5\r\n'
    b"Max-Forwards: 70\r\n"
    b"Route: <sip:127.0.0.1;lr>, <sip:[::1];lr>\r\n"
    b"Session-Expires: 1800;refresher=uac\r\n"
    b"Replaces: 2@h;to-tag=a;from-tag=b\r\n"
    b'Reason: Q.850;cause=16;text="a, b"\r\n'
    b'Authorization: Digest username="1001", realm="softswitch", nonce="1.1.0", uri="sip:h", response="0", '
    b'algorithm=MD5, cnonce="c", qop=auth, nc=00000001\r\n'
    b"Require: 100rel\r\n"
    b"Content-Type: multipart/mixed;boundary=b\r\n"
    b"Content-Length: 48\r\n"
    b"\r\n"
    b"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b--"
)

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nb=AS:64\r\nt=0 0\r\n"
    b"m=audio 30000/2 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
    b"a=rtcp:30001\r\na=rtcp-mux\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + b"A" * 40 + b"\r\na=sendrecv\r\n"
    b"m=video 0 RTP/AVP 31\r\nc=IN IP6 ::1\r\na=inactive\r\n"
)

_FAULTS = (
    b"", b" ", b"\t", b"\x00", b"%00", b"%n%n%n", b"%s" * 50, b"A" * 300, b"\xff\xfe", b"\xc0\x80",
    b"\xf8\x88\x80\x80\x80",
    b"-1", b"0", b"4294967296", b"99999999999999999999", b"\r\n ", b"\r\n\r\n", b'"', b"<", b">", b";", b";;", b",,",
    b"=",    b"@", b":", b"::", b"[", b"]", b"\\", b"?", b"&", b"*", b"\r", b"\n", "大".encode(),
)  # fmt: skip
_BREAKS = b' \r\n:;,=<>@"/?'


def sip_seeds() -> list[bytes]:
    """Whole messages, good and bad."""
    return [message.data for topic in ("rfc4475", "rfc5118") for message in load(topic)] + [INVITE]


def sdp_seeds() -> list[bytes]:
    """Session descriptions: our own, and those in the bodies of the messages."""
    bodies = [data.partition(b"\r\n\r\n")[2] for data in sip_seeds()]
    return [SDP, *(body for body in bodies if body.startswith(b"v=0"))]


def faults(message: bytes) -> Iterator[bytes]:
    """The message with each element replaced by each fault, doubled, and dropped."""
    start = 0
    for end in range(len(message) + 1):
        if end == len(message) or message[end] in _BREAKS:
            if end > start:
                element = message[start:end]
                for fault in (*_FAULTS, element + element, element * 60):
                    yield message[:start] + fault + message[end:]
            start = end + 1


def mutations(seeds: list[bytes], count: int) -> Iterator[bytes]:
    """A fixed series of random edits: the same on every run."""
    random = Random(4475)
    for _ in range(count):
        data = bytearray(random.choice(seeds))
        for _ in range(random.randrange(1, 8)):
            at = random.randrange(len(data) + 1)
            kind = random.randrange(4)
            if kind == 0 and at < len(data):
                data[at] = random.randrange(256)
            elif kind == 1:
                data[at:at] = random.choice(_FAULTS)
            elif kind == 2:
                del data[at : at + random.randrange(1, 20)]
            else:
                other = random.choice(seeds)
                begin = random.randrange(len(other) + 1)
                data[at:at] = other[begin : begin + random.randrange(40)]
        yield bytes(data)
