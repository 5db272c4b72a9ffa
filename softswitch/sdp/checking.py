"""What an answer and a later offer must keep to (RFC 3264 §6, §8).

Checks raise on what makes a session impossible and return, as sentences, the deviations one can live with: phones
break the direction and version rules every day.
"""

from __future__ import annotations

from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import OfferAnswerError
from softswitch.sdp.media import MediaDescription


def answer_direction(offered: str, wanted: str = "sendrecv") -> str:
    """Our direction in answer to `offered`, doing no more than `wanted` (RFC 3264 §6.1)."""
    sends = wanted in ("sendrecv", "sendonly") and offered in ("sendrecv", "recvonly")
    receives = wanted in ("sendrecv", "recvonly") and offered in ("sendrecv", "sendonly")
    return _direction(sends, receives)


def _direction(sends: bool, receives: bool) -> str:
    if sends:
        return "sendrecv" if receives else "sendonly"
    return "recvonly" if receives else "inactive"


def check_answer(offer: SessionDescription, given: SessionDescription, *, subset: bool = False) -> list[str]:
    """Raise `OfferAnswerError` if `given` cannot be an answer to `offer` (RFC 3264 §6); return deviations.

    An accepted line needs one format in common; more formats than were offered are legal (§6.1) and refused only
    with `subset`.
    """
    if len(given.media) != len(offer.media):
        raise OfferAnswerError(f"{len(offer.media)} media lines offered, {len(given.media)} answered", "RFC 3264 §6")
    deviations: list[str] = []
    for number, (asked, got) in enumerate(zip(offer.media, given.media, strict=True), 1):
        if got.kind != asked.kind:
            raise OfferAnswerError(f"media line {number}: {asked.kind} answered with {got.kind}", "RFC 3264 §6")
        if not got.port:
            continue
        if not asked.port:
            raise OfferAnswerError(f"media line {number} was offered with port 0 but is accepted", "RFC 3264 §6")
        if got.protocol != asked.protocol:
            raise OfferAnswerError(f"media line {number}: {asked.protocol} answered with {got.protocol}", "RFC 3264 §6")
        _check_formats(number, asked, got, subset)
        offered, answered = asked.direction, got.direction
        if answer_direction(offered, answered) != answered:
            deviations.append(f"media line {number}: {offered} answered with {answered}")
    return deviations


def _check_formats(number: int, asked: MediaDescription, got: MediaDescription, subset: bool) -> None:
    offered, answered = _format_keys(asked), _format_keys(got)
    if not offered & answered:
        raise OfferAnswerError(f"media line {number}: no format of the answer was offered", "RFC 3264 §6.1")
    if subset and not answered <= offered:
        raise OfferAnswerError(f"media line {number}: the answer holds formats that were not offered", "RFC 3264 §6.1")


def _format_keys(media: MediaDescription) -> set[object]:
    """Formats in a form that compares across payload type numbers; those without a mapping by their text."""
    maps = media.rtpmaps
    keys: set[object] = set()
    for text in media.formats:
        mapping = maps.get(int(text)) if len(text) <= 3 and text.isdigit() and text.isascii() else None
        keys.add(text if mapping is None else mapping.key)
    return keys


def check_new_offer(previous: SessionDescription, new: SessionDescription, *, strict: bool = False) -> list[str]:
    """Raise `OfferAnswerError` if `new` may not follow `previous` of the same side (RFC 3264 §8); return deviations.

    Media lines may be added at the end and a line with port 0 may be used anew; none may vanish or move. A line may
    change its kind (audio to image for fax, §8.3.3). With `strict` a wrong ``o=`` raises too.
    """
    if len(new.media) < len(previous.media):
        raise OfferAnswerError(
            f"{len(previous.media)} media lines before, {len(new.media)} now: none may vanish", "RFC 3264 §8"
        )
    _check_order(previous, new)
    deviations: list[str] = []
    old, origin = previous.origin, new.origin
    if (old.username, old.session_id, old[3:]) != (origin.username, origin.session_id, origin[3:]):
        deviations.append("the origin changed within the session")
    else:
        step = origin.version_number - old.version_number
        changed = not same_content(previous, new)
        if step != int(changed):
            deviations.append(f"the version moved by {step} but the description {'changed' if changed else 'did not'}")
    if strict and deviations:
        raise OfferAnswerError(deviations[0], "RFC 3264 §8")
    return deviations


def _check_order(previous: SessionDescription, new: SessionDescription) -> None:
    pairs = [(old, now) for old, now in zip(previous.media, new.media, strict=False) if old.port and now.port]
    old_mids = {old.mid for old, _ in pairs} - {None}
    for old, now in pairs:
        if old.mid is not None and now.mid is not None and old.mid != now.mid and now.mid in old_mids:
            raise OfferAnswerError("media lines changed their order", "RFC 3264 §8")
    before, after = [old.kind for old, _ in pairs], [now.kind for _, now in pairs]
    if before != after and sorted(before) == sorted(after):
        raise OfferAnswerError("media lines changed their order", "RFC 3264 §8")


def same_content(first: SessionDescription, second: SessionDescription) -> bool:
    """Whether two descriptions say the same but for the origin."""
    return _content(first) == _content(second)


def _content(description: SessionDescription) -> tuple[object, ...]:
    """Everything but the origin, for comparing."""
    return (
        description.name,
        description.media,
        description.connections,
        description.timing,
        description.attributes,
        description.bandwidth,
        description.information,
        description.uri,
        description.emails,
        description.phones,
        description.key,
        description.unknown,
    )
