"""RTCP (RFC 3550 §6, RFC 4585, RFC 5104, RFC 3611): a module per packet kind, `parse_compound` for a datagram."""

from __future__ import annotations

from softswitch.rtp.rtcp.application import Application
from softswitch.rtp.rtcp.bandwidth_estimate import BandwidthEstimate
from softswitch.rtp.rtcp.compound import RtcpPacket, parse_compound, serialize_compound
from softswitch.rtp.rtcp.extended_report import (
    DelayReport,
    DelaySinceLast,
    ExtendedReport,
    ReferenceTime,
    UnknownBlock,
    VoipMetrics,
)
from softswitch.rtp.rtcp.full_intra_request import FullIntraRequest
from softswitch.rtp.rtcp.goodbye import Goodbye
from softswitch.rtp.rtcp.negative_acknowledgement import NegativeAcknowledgement
from softswitch.rtp.rtcp.picture_loss import PictureLoss
from softswitch.rtp.rtcp.receiver_report import ReceiverReport
from softswitch.rtp.rtcp.report_block import ReportBlock
from softswitch.rtp.rtcp.sender_report import SenderReport, middle_of_ntp, ntp_from_unix, unix_from_ntp
from softswitch.rtp.rtcp.source_description import Chunk, Item, SourceDescription
from softswitch.rtp.rtcp.unknown import UnknownPacket

__all__ = [
    "Application",
    "BandwidthEstimate",
    "Chunk",
    "DelayReport",
    "DelaySinceLast",
    "ExtendedReport",
    "FullIntraRequest",
    "Goodbye",
    "Item",
    "NegativeAcknowledgement",
    "PictureLoss",
    "ReceiverReport",
    "ReferenceTime",
    "ReportBlock",
    "RtcpPacket",
    "SenderReport",
    "SourceDescription",
    "UnknownBlock",
    "UnknownPacket",
    "VoipMetrics",
    "middle_of_ntp",
    "ntp_from_unix",
    "parse_compound",
    "serialize_compound",
    "unix_from_ntp",
]
