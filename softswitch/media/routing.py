"""How a packet of each payload type gets from one port to another: decided here once, looked up for every packet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from softswitch.media.errors import NotTranscodable
from softswitch.media.formats import MAXIMUM_FORMATS, StreamFormat
from softswitch.media.layouts.shared import ALAW_TO_ULAW, COPY, ULAW_TO_ALAW, UNMAPPED
from softswitch.media.transport.named_streams import Name
from softswitch.media.transport.srtp import KeysAwaited, SrtpKeys

_CONVERSIONS = {("PCMA", "PCMU"): ALAW_TO_ULAW, ("PCMU", "PCMA"): ULAW_TO_ALAW}


@dataclass(frozen=True, slots=True)
class PortSettings:
    """What offer and answer agreed for one port.

    `remote` and `remote_rtcp` are the peer's signalled (host, port), literal addresses; None, port 0 or an unspecified
    host: nowhere yet. `formats` are the payload types the peer sends us, `send_formats` those it wants (None: the
    same), `send_format` the one that is played and converted into (None: the first that fits). `symmetric`: answer to
    where packets come from (RFC 4961) instead of to `remote` alone. `timeout_s` 0: silence is no event. `srtp`: the
    keys of a secured stream; giving the same ones again changes nothing, others take effect with the next packet.
    `feedback`: what the peer acts on of ``nack``, ``nack pli`` and ``ccm fir`` (RFC 4585 §4.2, RFC 5104 §7.1).
    `sources`: SSRCs that the peer has named for the stream (RFC 5576), of use where several come to one address, as is
    `name`, the line's MID and the header extension that brings it (RFC 9143 §15).
    `comfort_noise`: a peer that takes it (RFC 3389) is sent descriptions of silence instead of it, where we encode.
    `extensions`: header extensions both agreed on, each (identifier, URI) (RFC 8285 §5).
    `extended`: blocks of extended reports that the peer wants, bits of `softswitch.media.layouts.quality`.
    """

    remote: tuple[str, int] | None = None
    remote_rtcp: tuple[str, int] | None = None
    rtcp_mux: bool = False
    send: bool = True
    receive: bool = True
    formats: tuple[StreamFormat, ...] = ()
    send_format: StreamFormat | None = None
    telephone_event: int | None = None
    symmetric: bool = True
    timeout_s: float = 0
    send_formats: tuple[StreamFormat, ...] | None = None
    srtp: SrtpKeys | KeysAwaited | None = None
    feedback: frozenset[str] = frozenset()
    extended: int = 0
    sources: tuple[int, ...] = ()
    name: Name | None = None
    comfort_noise: bool = False
    extensions: frozenset[tuple[int, str]] = frozenset()

    def __post_init__(self) -> None:
        if len(self.receivable) > MAXIMUM_FORMATS:
            raise ValueError(f"{len(self.receivable)} formats, a port has room for {MAXIMUM_FORMATS}")

    @property
    def receivable(self) -> tuple[StreamFormat, ...]:
        """The formats the peer sends; `telephone_event` is one of them even when `formats` leaves it out."""
        return self._with_telephone_event(self.formats)

    @property
    def sendable(self) -> tuple[StreamFormat, ...]:
        """The formats the peer takes, the preferred one first."""
        formats = self._with_telephone_event(self.formats if self.send_formats is None else self.send_formats)
        if self.send_format is None:
            return formats
        return (self.send_format, *(entry for entry in formats if entry != self.send_format))

    def _with_telephone_event(self, formats: tuple[StreamFormat, ...]) -> tuple[StreamFormat, ...]:
        payload_type = self.telephone_event
        if payload_type is None or any(entry.payload_type == payload_type for entry in formats):
            return formats
        clock_rate = formats[0].clock_rate if formats else 8000
        return (*formats, StreamFormat(payload_type, "telephone-event", clock_rate))


class Route(NamedTuple):
    """For each format of the receiving port, in order: the payload type to send and what to do to the payload.

    `extensions`: whether header extensions go along, because they mean the same on both sides.
    """

    payload_types: tuple[int, ...]
    conversions: tuple[int, ...]
    extensions: bool = False


NO_ROUTE = Route((), ())


def find_route(source: PortSettings, target: PortSettings) -> Route:
    """The way from `source`'s formats to what `target` sends; raises NotTranscodable when no main format has one.

    A format the target knows too is passed on as it is. What it does not know is converted, if it can be, into the
    target's preferred format. Packets of the others (a telephone-event without counterpart) are dropped and counted.
    Header extensions stay where both sides agreed on the same ones; also none, since then all have to pass over them
    (RFC 3550 §5.3.1). The name of a line is nobody's but its own.
    """
    payload_types, conversions = [], []
    carried = False
    sendable = target.sendable
    for entry in source.receivable:
        payload_type, conversion = carry(entry, sendable)
        payload_types.append(payload_type)
        conversions.append(conversion)
        carried |= payload_type != UNMAPPED and not entry.auxiliary
    if not carried and source.formats and sendable:
        here = ", ".join(entry.encoding for entry in source.formats)
        there = ", ".join(entry.encoding for entry in sendable)
        raise NotTranscodable(f"no way from {here} to {there}")
    return Route(
        tuple(payload_types), tuple(conversions), source.extensions == target.extensions and source.name is None
    )


def carry(entry: StreamFormat, sendable: tuple[StreamFormat, ...]) -> tuple[int, int]:
    """The payload type and conversion that bring a format to one who takes `sendable`; (UNMAPPED, COPY) for none."""
    same = [other for other in sendable if entry.same_payload(other)]
    if same:
        # Several payload types of one encoding differ in fmtp (H.264 profiles): the equal one, else the first.
        best = next((other for other in same if other.fmtp == entry.fmtp), same[0])
        return best.payload_type, COPY
    for other in sendable:
        conversion = _CONVERSIONS.get((entry.encoding.upper(), other.encoding.upper()))
        if conversion is not None and entry.clock_rate == other.clock_rate and entry.channels == other.channels:
            return other.payload_type, conversion
    return UNMAPPED, COPY
