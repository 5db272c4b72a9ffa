"""The control side's words turned into fields of the shared records."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.addresses import encode_address
from softswitch.media.allocation import BoundPair
from softswitch.media.formats import MAXIMUM_FORMATS, PAYLOAD_TYPES, StreamFormat
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.shared import (
    FEEDBACK_FIR,
    FEEDBACK_NACK,
    FEEDBACK_PLI,
    MAXIMUM_PACKET,
    NO_FEEDER,
    NO_PEER,
    NO_PICTURE,
    NO_VOICE,
    PICTURE_H264,
    PICTURE_H265,
    PICTURE_VP8,
    PLAY_ENCODED,
    PLAY_L16,
    UNMAPPED,
)
from softswitch.media.playing.clips import Clip
from softswitch.media.routing import PortSettings, Route
from softswitch.media.transport.srtp import keying_fields
from softswitch.media.voices import packet_time_ms
from softswitch.rtp.e_model import codec_rating

Fields = dict[str, Any]

#: Encodings whose key frames are known, and the feedback that is given and taken (``a=rtcp-fb``).
PICTURES = {"H264": PICTURE_H264, "H265": PICTURE_H265, "VP8": PICTURE_VP8}
FEEDBACK = {"nack": FEEDBACK_NACK, "nack pli": FEEDBACK_PLI, "ccm fir": FEEDBACK_FIR}

_TICK_MS = 10
#: Octet -> letter, every letter equally often.
_CNAME_LETTERS = b"abcdefghijklmnopqrstuvwxyz234567" * 8
_HEADER_OCTETS = 12
_VIDEO_CLOCK_HZ = 90000


def _new_port() -> NDArray[np.uint8]:
    ports = np.zeros(1, PORT)
    ports["symmetric"] = 1
    ports["peer"] = NO_PEER
    ports["route_payload_type"] = UNMAPPED
    ports["deliver_payload_type"] = UNMAPPED
    ports["feeder"] = NO_FEEDER
    ports["rx_ssrc"] = -1
    ports["round_trip"] = -1
    ports["key_timestamp"] = ports["key_heard"] = ports["key_fence"] = -1
    ports["ear"] = NO_VOICE
    ports["srtp_ssrc"] = -1
    ports["srtp_index"] = -1
    ports["srtcp_index"] = -1
    ports["srtp_sent_index"] = -1
    ports["srtcp_sent_index"] = -1
    return ports.view(np.uint8)


#: The octets of a port's record before anything is known of it.
_NEW_PORT = _new_port()


def prepare_port(
    ports: NDArray[Any], slot: int, pair: BoundPair, *, owner: str, worker: int, ipv6: bool, latch_silence_s: float
) -> None:
    """Make a free record that of a new port.

    SSRC, first sequence number and timestamp are random (RFC 3550 §5.1, §8), so is the CNAME (RFC 7022 §4.2).
    """
    record = ports[slot]
    generation = int(record["generation"]) + 1
    ports[slot : slot + 1].view(np.uint8)[:] = _NEW_PORT
    record["generation"] = generation
    record["worker"] = worker
    record["rtp_fd"], record["rtcp_fd"] = pair.rtp_fd, pair.rtcp_fd
    record["local_port"] = pair.port
    record["ipv6"] = ipv6
    record["latch_silence_ns"] = int(latch_silence_s * 1e9)
    random = secrets.token_bytes(26)
    record["tx_ssrc"] = int.from_bytes(random[:4], "big")
    record["tx_sequence"] = int.from_bytes(random[4:6], "big") >> 1  # the upper half is left for the first wrap
    record["tx_timestamp"] = int.from_bytes(random[6:10], "big")
    record["cname"] = np.frombuffer(random[10:26].translate(_CNAME_LETTERS), np.uint8)
    octets = owner.encode()[: record.dtype["owner"].shape[0]]
    record["owner"][: len(octets)] = np.frombuffer(octets, np.uint8)


def settings_fields(settings: PortSettings, family: int) -> Fields:
    """The fields of a CONFIGURE command; raises ValueError for an address that is none of the port's family,
    MediaError for SRTP where this machine cannot do it."""
    signalled, signalled_length = encode_address(settings.remote, family)
    rtcp, rtcp_length = encode_address(settings.remote_rtcp, family)
    format_of = np.zeros(PAYLOAD_TYPES, np.uint8)
    clock = np.zeros(MAXIMUM_FORMATS, np.int32)
    picture = np.zeros(MAXIMUM_FORMATS, np.uint8)
    for i, entry in enumerate(settings.receivable):
        clock[i] = entry.clock_rate
        picture[i] = PICTURES.get(entry.encoding.upper(), NO_PICTURE)
        if format_of[entry.payload_type] == 0:
            format_of[entry.payload_type] = i + 1
    return {
        "transport": 0,
        "send": settings.send,
        "receive": settings.receive,
        "symmetric": settings.symmetric,
        "rtcp_mux": settings.rtcp_mux,
        "timeout_ns": int(settings.timeout_s * 1e9),
        "event_formats": _bits(settings, "TELEPHONE-EVENT"),
        "noise_formats": _bits(settings, "CN"),
        **_sound_fields(settings),
        "signalled": signalled,
        "signalled_length": signalled_length,
        "signalled_rtcp": rtcp,
        "signalled_rtcp_length": rtcp_length,
        "format_of": format_of,
        "clock": clock,
        "picture": picture,
        "feedback": sum(bit for name, bit in FEEDBACK.items() if name in settings.feedback),
        **keying_fields(settings.srtp),
    }


def shows_pictures(settings: PortSettings) -> bool:
    """Whether the peer sends pictures whose key frames are known."""
    return any(entry.encoding.upper() in PICTURES for entry in settings.receivable)


def _sound_fields(settings: PortSettings) -> Fields:
    """What the judgement of a port's sound needs to know; `impairment` −1 says that it is no speech."""
    chosen = next((entry for entry in settings.receivable if not entry.auxiliary), None)
    speech = chosen is not None and chosen.clock_rate != _VIDEO_CLOCK_HZ
    rating = codec_rating(chosen.encoding if chosen is not None else "")
    return {
        "extended": settings.extended,
        "packet_ms": chosen.ptime_ms if chosen is not None else 20,
        "impairment": rating.impairment if speech else -1.0,
        "robustness": rating.robustness,
    }


def _bits(settings: PortSettings, encoding: str) -> int:
    """One bit for each format of that encoding."""
    return sum(1 << i for i, entry in enumerate(settings.receivable) if entry.encoding.upper() == encoding)


def route_fields(peer: int, route: Route) -> Fields:
    """The fields of a ROUTE command to the record `peer` (NO_PEER: to nobody)."""
    payload_types = np.full(MAXIMUM_FORMATS, UNMAPPED, np.uint8)
    conversions = np.zeros(MAXIMUM_FORMATS, np.uint8)
    payload_types[: len(route.payload_types)] = route.payload_types
    conversions[: len(route.conversions)] = route.conversions
    tables = {"route_payload_type": payload_types, "route_convert": conversions}
    return {"peer": peer, "route_extensions": route.extensions, **tables}


def playback_fields(playback: int, clip: Clip, entry: StreamFormat, codec: int, *, loop: bool) -> Fields:
    """The fields of a PLAY command, for a codec whose samples are octets or words; raises ValueError when a packet of
    the format's ptime would be too long."""
    turns = max(round(entry.ptime_ms / _TICK_MS), 1)
    samples = entry.clock_rate * turns * _TICK_MS // 1000
    if codec == PLAY_ENCODED:
        turns, octets = packet_time_ms(entry) // _TICK_MS, 0
    else:
        octets = samples * (2 if codec == PLAY_L16 else 1)
    if octets + _HEADER_OCTETS > MAXIMUM_PACKET:
        raise ValueError(f"{entry.ptime_ms} ms of {entry.encoding}/{entry.clock_rate} do not fit into one packet")
    return {
        "play_id": playback,
        "play_offset": clip.offset,
        "play_length": clip.length,
        "play_loop": loop,
        "play_codec": codec,
        "play_payload_type": entry.payload_type,
        "play_clock": entry.clock_rate,
        "play_samples": samples,
        "play_ticks": turns,
        "play_voice": NO_VOICE,
    }
