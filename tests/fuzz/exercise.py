"""What must hold for any octets whatever: the claims the fuzz targets and property tests check."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.sip.admission import admit
from softswitch.sip.digest import Authenticator, Nonces
from softswitch.sip.errors import ProtocolError
from softswitch.sip.headers import (
    Challenge,
    Event,
    MediaType,
    NameAddr,
    RAck,
    Reason,
    Replaces,
    SessionExpires,
    SubscriptionState,
    Via,
)
from softswitch.sip.message import Message, Request, Response
from softswitch.sip.multipart import parse_multipart
from softswitch.sip.parser import DEFAULT_LIMITS, Limits, MalformedMessage, parse_message, validate
from softswitch.sip.stream import StreamFramer
from softswitch.sip.uri import parse_uri

# A message grows when compact names are written out: reading back is not held to the limits of the wire.
_WIDE = Limits(message=2**24, fields=2**16, line=2**23)
_AUTHENTICATOR = Authenticator("softswitch", Nonces(b"0123456789abcdef"))

_TYPED = (
    "via", "vias", "from_", "to", "cseq", "call_id", "contact", "contacts", "routes", "record_routes", "max_forwards",
    "expires", "content_type", "require", "supported", "allow",
)  # fmt: skip

# Values that must read back the same after being written.
_VALUES: tuple[Callable[[str], object], ...] = (
    NameAddr.parse, Via.parse, RAck.parse, MediaType.parse, SessionExpires.parse, Reason.parse, Replaces.parse,
    Event.parse, SubscriptionState.parse, Challenge.parse, parse_uri,
)  # fmt: skip


def exercise_sip(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Message | None:
    """Parse and use one datagram; the message when there is one. Anything but ProtocolError escapes."""
    try:
        message = parse_message(data, limits)
    except MalformedMessage as error:
        assert error.status == 0 or error.message is not None, "what is answered must be addressable"
        if isinstance(error.message, Request):
            _answer(error.message, error.status)
        return None
    _check_round_trip(message)
    for name in _TYPED:
        _read(lambda name=name: getattr(message, name))  # type: ignore[misc]
    for name, value in message.fields[:64]:
        message.get(name)
        _read(lambda name=name: message.values(name))  # type: ignore[misc]
        for parse in _VALUES:
            exercise_value(parse, value)
    _read(lambda: parse_multipart(message.content_type or MediaType("text", "plain"), message.body))
    if isinstance(message, Request):
        _judge(message)
    else:
        _read(lambda: validate(message))
    return message


def exercise_value(parse: Callable[[str], object], text: str) -> None:
    """A value is refused, or is written in a form that reads back the same (odd parameter values get quotes)."""
    try:
        value = parse(text)
    except ProtocolError:
        return
    written = str(value)
    assert str(parse(written)) == written, f"{text!r} was written as {written!r}"


def exercise_stream(data: bytes) -> None:
    """Octets on a stream, in two slicings: the same messages come out."""
    outcomes = []
    for size in (len(data) or 1, 7):
        framer = StreamFramer()
        frames: list[bytes] = []
        try:
            for start in range(0, len(data), size):
                frames += [
                    frame for frame in framer.receive_data(data[start : start + size]) if isinstance(frame, bytes)
                ]
        except ProtocolError:
            assert framer.error is not None
        outcomes.append(frames)
    assert outcomes[0] == outcomes[1], "slicing changed the messages"


def _read(access: Callable[[], object]) -> None:
    try:
        access()
    except ProtocolError as error:
        assert error.status in (0, 400, 401, 415, 416, 505, 513)


def _check_round_trip(message: Message) -> None:
    again = parse_message(message.serialize(), _WIDE)
    assert again.start_line() == message.start_line()
    assert again.body == message.body
    kept = [item for item in message.fields if item[0] != "Content-Length"]
    assert [item for item in again.fields if item[0] != "Content-Length"] == kept


def _judge(request: Request) -> None:
    _AUTHENTICATOR.verify_message(request.method, request, lambda user: None, 0.0)
    try:
        validate(request)
    except ProtocolError as error:
        _answer(request, error.status)
        return
    refusal = admit(request, methods=("INVITE", "OPTIONS", "REGISTER", "MESSAGE"))
    if refusal is not None:
        refusal.serialize()
    _answer(request, 200)


def _answer(request: Request, status: int) -> None:
    data = Response.to_request(request, status, to_tag="t").serialize()
    assert data.startswith(b"SIP/2.0 %d " % status)
    parse_message(data, _WIDE)
