"""Telephone-events (RFC 4733) for who turns them into something else: agreed with one party when the other has none."""

from __future__ import annotations

from dataclasses import replace

from softswitch.sdp.capabilities import TELEPHONE_EVENT
from softswitch.sdp.fields import RtpMap
from softswitch.sdp.formats import AUXILIARY, common_events
from softswitch.sdp.media import MediaDescription

_NAME = "telephone-event"


def fit_events(answered: MediaDescription, offered: MediaDescription, *, wanted: bool) -> MediaDescription:
    """An answer with the telephone-events of the offer that it shall fit.

    Those that were not offered are left out; where they are `wanted`, those that were offered for the clock of a codec
    of the answer are put in.
    """
    theirs, asked = _events(answered), _events(offered)
    if theirs and not asked:
        return _without(answered, set(theirs))
    if theirs or not wanted:
        return answered
    clocks = {mapping.clock_rate for mapping in answered.rtpmaps.values() if mapping.encoding.lower() not in AUXILIARY}
    added = {
        number: mapping
        for number, mapping in asked.items()
        if mapping.clock_rate in clocks and number not in answered.rtpmaps
    }
    parameters, attributes = offered.fmtps, list(answered.attributes)
    for number, mapping in added.items():
        attributes.append(("rtpmap", str(mapping)))
        events = common_events(parameters.get(str(number), ""), TELEPHONE_EVENT.fmtp)
        attributes.append(("fmtp", f"{number} {events}"))
    return replace(answered, formats=[*answered.formats, *map(str, added)], attributes=attributes)


def _events(media: MediaDescription) -> dict[int, RtpMap]:
    return {number: mapping for number, mapping in media.rtpmaps.items() if mapping.encoding.lower() == _NAME}


def _without(media: MediaDescription, numbers: set[int]) -> MediaDescription:
    dropped = {str(number) for number in numbers}
    attributes = [
        (name, value)
        for name, value in media.attributes
        if name not in ("rtpmap", "fmtp") or value is None or value.partition(" ")[0] not in dropped
    ]
    return replace(media, formats=[text for text in media.formats if text not in dropped], attributes=attributes)
