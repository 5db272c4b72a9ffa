"""AAC in RTP as cameras send it: RFC 3640 (mpeg4-generic, AAC-hbr and AAC-lbr) and RFC 6416 (MP4A-LATM).

What comes out are raw access units and the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) that a decoder needs. Needs
no library.
"""

from __future__ import annotations

from typing import NamedTuple

from mediacodecs.framing import parameters

#: Access units of one packet, and octets of one (ISO/IEC 14496-3: 6144 bits a channel).
_MOST_UNITS, _MOST_OCTETS = 64, 8192
_MODES = {"aac-hbr": (13, 3, 3), "aac-lbr": (6, 2, 2)}
_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_LATM_CONFIG_BITS = 15  # of StreamMuxConfig before the AudioSpecificConfig, version 0


class AacFormat(NamedTuple):
    """How a stream is packed: widths of size, index and delta in an AU header (0: LATM), and the configuration."""

    size_bits: int
    index_bits: int
    delta_bits: int
    config: bytes

    @property
    def latm(self) -> bool:
        """Whether it is MP4A-LATM."""
        return self.size_bits == 0

    @property
    def sample_rate(self) -> int:
        """Hz, 0 when the configuration does not say it in its first octets."""
        index = int.from_bytes(self.config[:2], "big") >> 7 & 15 if len(self.config) >= 2 else 15
        return _RATES[index] if index < len(_RATES) else 0

    @property
    def channels(self) -> int:
        """Channels, 0 when the configuration does not say it in its first octets."""
        return int.from_bytes(self.config[:2], "big") >> 3 & 15 if len(self.config) >= 2 else 0


def read_format(encoding: str, fmtp: str) -> AacFormat:
    """The packing that rtpmap's name and fmtp describe; raises ValueError for what is none of ours."""
    given = parameters(fmtp)
    try:
        config = bytes.fromhex(given.get("config", "").strip('"'))
    except ValueError:
        raise ValueError("AAC: config is not hexadecimal") from None
    if not 2 <= len(config) <= 64:
        raise ValueError("AAC: no config in the session description")
    if encoding.upper() == "MP4A-LATM":
        if given.get("cpresent", "1") != "0":
            raise ValueError("MP4A-LATM: a configuration within the stream (cpresent=1) is not supported")
        return AacFormat(0, 0, 0, _specific_config(config))
    if encoding.upper() != "MPEG4-GENERIC":
        raise ValueError(f"{encoding} is no AAC")
    mode = _MODES.get(given.get("mode", "").lower())
    if mode is None:
        raise ValueError(f"mpeg4-generic: mode {given.get('mode', '')!r} is not AAC-hbr or AAC-lbr")
    names = ("sizelength", "indexlength", "indexdeltalength")
    texts = [given.get(name, str(default)) for name, default in zip(names, mode, strict=True)]
    widths = [int(text) if text.isascii() and text.isdigit() and len(text) < 3 else -1 for text in texts]
    if not (1 <= widths[0] <= 16 and all(0 <= width <= 16 for width in widths[1:])):
        raise ValueError("mpeg4-generic: no such AU headers")
    return AacFormat(widths[0], widths[1], widths[2], config)


def _specific_config(stream: bytes) -> bytes:
    """The AudioSpecificConfig in a StreamMuxConfig of one program, layer and frame a packet (ISO 14496-3 §1.7.3)."""
    bits = int.from_bytes(stream, "big")
    total = 8 * len(stream)
    if bits >> (total - _LATM_CONFIG_BITS) != 0b0_1_000000_0000_000:
        raise ValueError("MP4A-LATM: more than one program, layer or frame in a packet is not supported")
    left = total - _LATM_CONFIG_BITS
    shifted = (bits & ((1 << left) - 1)) << (-left % 8)
    return shifted.to_bytes((left + 7) // 8, "big")


def access_units(form: AacFormat, payload: bytes) -> list[bytes]:
    """The whole access units of a packet; raises ValueError for a payload that is none, or a part of a larger unit."""
    return _latm_units(payload) if form.latm else _generic_units(form, payload)


def _latm_units(payload: bytes) -> list[bytes]:
    size = position = 0
    while position < len(payload):
        octet = payload[position]
        size += octet
        position += 1
        if octet < 255:
            break
    if size == 0 or size > len(payload) - position or size > _MOST_OCTETS:
        raise ValueError("MP4A-LATM: the length does not fit")
    return [payload[position : position + size]]


def _generic_units(form: AacFormat, payload: bytes) -> list[bytes]:
    if len(payload) < 2:
        raise ValueError("mpeg4-generic: no AU headers")
    bits = int.from_bytes(payload[:2], "big")
    begin = 2 + (bits + 7) // 8
    if begin > len(payload):
        raise ValueError("mpeg4-generic: AU headers are longer than the packet")
    units: list[bytes] = []
    headers, position = int.from_bytes(payload[2:begin], "big"), 0
    total = 8 * (begin - 2)
    while position < bits:
        index = form.delta_bits if position else form.index_bits
        width = form.size_bits + index
        if position + width > bits or len(units) == _MOST_UNITS:
            raise ValueError("mpeg4-generic: AU headers do not fit")
        size = headers >> (total - position - form.size_bits) & ((1 << form.size_bits) - 1)
        if size == 0 or begin + size > len(payload):
            raise ValueError("mpeg4-generic: an access unit is not whole")
        units.append(payload[begin : begin + size])
        begin += size
        position += width
    if not units:
        raise ValueError("mpeg4-generic: no access unit")
    return units
