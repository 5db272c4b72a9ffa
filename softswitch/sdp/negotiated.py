"""What an offer and its answer come to for one stream: whom to send to, in which formats, in which directions."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.sdp.formats import AUXILIARY, Format, compatible, read_formats
from softswitch.sdp.media import MediaDescription

_DEFAULT_PTIME_MS = 20.0

#: Variants of one codec that are compared: a description full of them must not cost quadratic time.
_SAME_CODEC = 8


class AgreedFormat(NamedTuple):
    """A codec both sides named: we are sent `receive_payload_type` (our number) and send `send_payload_type`.

    `fmtp` are the peer's parameters, `ptime_ms` the packet duration it asked for.
    """

    receive_payload_type: int
    send_payload_type: int
    encoding: str
    clock_rate: int
    channels: int
    fmtp: str
    ptime_ms: float


class AgreedStream(NamedTuple):
    """One negotiated stream as our side sees it.

    `remote` and `remote_rtcp` are (host, port), None when the stream is refused. `formats` begin with the one to send.
    `telephone_event` is (receive, send) payload type at the clock rate of that one, None when not agreed.
    """

    live: bool
    send: bool
    receive: bool
    remote: tuple[str, int] | None
    remote_rtcp: tuple[str, int] | None
    rtcp_mux: bool
    formats: tuple[AgreedFormat, ...]
    telephone_event: tuple[int, int] | None


_DEAD = AgreedStream(False, False, False, None, None, False, (), None)


def agree(local: MediaDescription, remote: MediaDescription) -> AgreedStream:
    """Join the same media line of our description and the peer's, whichever of them was the offer (RFC 3264 §7)."""
    if not local.port or not remote.port:
        return _DEAD
    ours = _by_key(read_formats(local))
    ptime = remote.ptime or _DEFAULT_PTIME_MS
    formats: list[AgreedFormat] = []
    events: dict[int, tuple[int, int]] = {}
    for theirs in read_formats(remote):
        own = _partner(ours, theirs)
        if own is None:
            continue
        name, rate = theirs.mapping.encoding.lower(), theirs.mapping.clock_rate
        pair = own.mapping.payload_type, theirs.mapping.payload_type
        if name == "telephone-event":
            events.setdefault(rate, pair)
        elif name not in AUXILIARY:
            formats.append(
                AgreedFormat(*pair, theirs.mapping.encoding, rate, theirs.mapping.channels or 1, theirs.fmtp, ptime)
            )
    mine, peer = local.direction, remote.direction
    mux = local.rtcp_mux and remote.rtcp_mux
    address = remote.host, remote.port
    return AgreedStream(
        True,
        mine in ("sendrecv", "sendonly") and peer in ("sendrecv", "recvonly"),
        mine in ("sendrecv", "recvonly") and peer in ("sendrecv", "sendonly"),
        address,
        address if mux else remote.rtcp_address,
        mux,
        tuple(formats),
        events.get(formats[0].clock_rate) if formats else None,
    )


def _by_key(formats: list[Format]) -> dict[tuple[str, int, int], list[Format]]:
    grouped: dict[tuple[str, int, int], list[Format]] = {}
    for entry in formats:
        same = grouped.setdefault(entry.mapping.key, [])
        if len(same) < _SAME_CODEC:
            same.append(entry)
    return grouped


def _partner(ours: dict[tuple[str, int, int], list[Format]], theirs: Format) -> Format | None:
    for own in ours.get(theirs.mapping.key, ()):
        if compatible(own.mapping.encoding, own.fmtp, theirs.fmtp):
            return own
    return None
