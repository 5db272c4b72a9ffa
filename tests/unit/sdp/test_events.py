"""Telephone-events that one party has and the other not."""

from __future__ import annotations

import pytest

from softswitch.sdp.events import fit_events
from softswitch.sdp.media import MediaDescription

PCMU, EVENTS, WIDE_EVENTS = "0 PCMU/8000", "101 telephone-event/8000", "102 telephone-event/48000"
OPUS = "96 opus/48000/2"


def media(*maps: str, fmtp: str = "") -> MediaDescription:
    numbers = [text.partition(" ")[0] for text in maps]
    attributes: list[tuple[str, str | None]] = [("rtpmap", text) for text in maps]
    attributes += [("fmtp", f"{number} {fmtp}") for number in numbers if fmtp and number in ("101", "102")]
    return MediaDescription("audio", 4000, "RTP/AVP", numbers, attributes=attributes)


@pytest.mark.parametrize(
    ("answered", "offered", "wanted", "fitting"),
    [
        ((PCMU,), (PCMU, EVENTS), True, (PCMU, EVENTS)),
        ((PCMU,), (PCMU, EVENTS), False, (PCMU,)),
        ((PCMU, EVENTS), (PCMU, EVENTS), True, (PCMU, EVENTS)),
        ((PCMU, EVENTS), (PCMU,), True, (PCMU,)),
        ((PCMU, EVENTS), (PCMU,), False, (PCMU,)),
        ((PCMU,), (PCMU, WIDE_EVENTS), True, (PCMU,)),
        ((OPUS,), (OPUS, PCMU, EVENTS, WIDE_EVENTS), True, (OPUS, WIDE_EVENTS)),
        (("101 opus/48000/2",), (OPUS, "101 telephone-event/48000"), True, ("101 opus/48000/2",)),
    ],
)
def test_the_answer_has_the_events_of_the_offer(answered, offered, wanted, fitting) -> None:
    before = media(*answered)
    fitted = fit_events(before, media(*offered), wanted=wanted)
    assert [str(mapping) for mapping in fitted.rtpmaps.values()] == list(fitting)
    assert [str(mapping) for mapping in before.rtpmaps.values()] == list(answered), "what was said is left as it is"


def test_the_events_agreed_on_are_those_that_we_know_of_those_offered() -> None:
    fitted = fit_events(media(PCMU), media(PCMU, EVENTS, fmtp="0-11,66"), wanted=True)
    assert fitted.fmtps["101"] == "0-11"
    without = fit_events(media(PCMU, EVENTS, fmtp="0-15"), media(PCMU), wanted=True)
    assert not without.fmtps, "nothing is left of what is left out"
