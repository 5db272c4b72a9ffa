"""Compound RTCP packets (RFC 3550 §6.1) and the reduced-size ones of RFC 5506."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp import (
    bandwidth_estimate,
    full_intra_request,
    header,
    negative_acknowledgement,
    picture_loss,
)
from softswitch.rtp.rtcp.application import Application
from softswitch.rtp.rtcp.bandwidth_estimate import BandwidthEstimate
from softswitch.rtp.rtcp.extended_report import ExtendedReport
from softswitch.rtp.rtcp.full_intra_request import FullIntraRequest
from softswitch.rtp.rtcp.goodbye import Goodbye
from softswitch.rtp.rtcp.negative_acknowledgement import NegativeAcknowledgement
from softswitch.rtp.rtcp.picture_loss import PictureLoss
from softswitch.rtp.rtcp.receiver_report import ReceiverReport
from softswitch.rtp.rtcp.sender_report import SenderReport
from softswitch.rtp.rtcp.source_description import SourceDescription
from softswitch.rtp.rtcp.unknown import UnknownPacket

RtcpPacket = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Goodbye
    | Application
    | NegativeAcknowledgement
    | PictureLoss
    | FullIntraRequest
    | BandwidthEstimate
    | ExtendedReport
    | UnknownPacket
)

_PARSERS: dict[int, Callable[[header.RawPacket], RtcpPacket]] = {
    header.SENDER_REPORT: SenderReport.from_raw,
    header.RECEIVER_REPORT: ReceiverReport.from_raw,
    header.SOURCE_DESCRIPTION: SourceDescription.from_raw,
    header.GOODBYE: Goodbye.from_raw,
    header.APPLICATION: Application.from_raw,
    header.EXTENDED_REPORT: ExtendedReport.from_raw,
}

_FEEDBACK: dict[tuple[int, int], Callable[[header.RawPacket], RtcpPacket]] = {
    (header.TRANSPORT_FEEDBACK, negative_acknowledgement.FORMAT): NegativeAcknowledgement.from_raw,
    (header.PAYLOAD_FEEDBACK, picture_loss.FORMAT): PictureLoss.from_raw,
    (header.PAYLOAD_FEEDBACK, full_intra_request.FORMAT): FullIntraRequest.from_raw,
}


def parse_compound(data: bytes, *, reduced_size: bool = True) -> list[RtcpPacket]:
    """The packets of one datagram; raises `RtpError`.

    Without `reduced_size` (RFC 5506) the first packet must be a report (RFC 3550 §6.1). Padding belongs to the last
    packet only.
    """
    if not data:
        raise RtpError("an empty RTCP datagram")
    packets: list[RtcpPacket] = []
    at = 0
    while at < len(data):
        raw, end = header.split(data, at)
        if not packets and not reduced_size and raw.packet_type not in (header.SENDER_REPORT, header.RECEIVER_REPORT):
            raise RtpError("a compound packet begins with a report", at)
        if raw.padding and end != len(data):
            raise RtpError("padding in the middle of a compound packet", at)
        packets.append(_parse(raw))
        at = end
    return packets


def serialize_compound(packets: Iterable[RtcpPacket]) -> bytes:
    """One datagram of these packets, in their order; raises `RtpError`."""
    return b"".join(packet.serialize() for packet in packets)


def _parse(raw: header.RawPacket) -> RtcpPacket:
    parser = _PARSERS.get(raw.packet_type) or _FEEDBACK.get((raw.packet_type, raw.counter))
    if parser is not None:
        return parser(raw)
    if (
        raw.packet_type == header.PAYLOAD_FEEDBACK
        and raw.counter == bandwidth_estimate.FORMAT
        and raw.body[8:12] == b"REMB"
    ):
        return BandwidthEstimate.from_raw(raw)
    return UnknownPacket.from_raw(raw)
