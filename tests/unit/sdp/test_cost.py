"""A hostile description costs no more than its length deserves."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from softswitch.sdp import (
    Capabilities,
    Codec,
    LocalMedia,
    LocalSession,
    MediaAddress,
    MediaCapability,
    Origin,
    SdpError,
    SessionDescription,
    agree,
    answer,
    check_answer,
    check_new_offer,
    hold,
    rewrite,
)

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
FORMATS = "m=video 6000 RTP/AVP " + " ".join(str(number % 128) for number in range(256)) + "\r\n"

HOSTILE: dict[str, str] = {
    "many media": "m=audio 6000 RTP/AVP 0 8\r\na=sendonly\r\n" * 32,
    "many attributes": FORMATS + "a=sendrecv\r\n" * 2000,
    "many mappings": FORMATS + "".join(f"a=rtpmap:{number % 128} H264/90000\r\n" for number in range(2000)),
    "many variants": FORMATS
    + "".join(f"a=rtpmap:{number} H264/90000\r\na=fmtp:{number} {'x=1;' * 100}\r\n" for number in range(128)),
    "one format, many parameters": FORMATS + "a=rtpmap:96 H264/90000\r\n" + "a=fmtp:96 a=b;c=d;e=f\r\n" * 2000,
    "many unknown lines": FORMATS + "x=1\r\n" * 2000,
    "many repairs": FORMATS
    + "".join(f"a=rtpmap:{number} rtx/90000\r\na=fmtp:{number} apt={number + 1}\r\n" for number in range(128)),
    "long events": "m=audio 6000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 " + "0-255," * 10000,
    "one long line": "a=" + "x:" * 32000 + "\r\n",
}

WANTED = Capabilities(
    (
        MediaCapability(),
        MediaCapability(
            "video", (Codec("H264", 90000, fmtp="packetization-mode=0"), Codec("rtx", 90000)), feedback=("nack",)
        ),
    )
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_description_is_dealt_with_in_milliseconds(name: str) -> None:
    data = (HEAD + HOSTILE[name]).encode()
    local = LocalSession(Origin.create("127.0.0.1", 1), [LocalMedia("127.0.0.1", 30000)] * 32)

    def work() -> None:
        offer = SessionDescription.parse(data)
        offer.serialize()
        ours = answer(offer, WANTED, local)
        check_answer(offer, ours)
        check_new_offer(offer, hold(offer))
        relayed = rewrite(
            offer, [MediaAddress("127.0.0.1", 30000)] * 32, allow=["H264"], add=[Codec("H265", 90000)], kinds=("video",)
        )
        relayed.serialize()
        for mine, theirs in zip(relayed.media, offer.media, strict=True):
            agree(mine, theirs)

    # The cheapest of three: what the process does beside it, collecting garbage say, is not its cost.
    assert any(_seconds(work) < 0.5 for _ in range(3))


def _seconds(work: Callable[[], None]) -> float:
    """Processor time of this thread."""
    begun = time.thread_time()
    try:
        work()
    except SdpError as error:
        pytest.fail(f"the sample should be readable: {error}")
    return time.thread_time() - begun
