"""What SDP's name and fmtp of a codec say about its frames; needs no library.

Sources: RFC 3551 §4.5 (GSM), RFC 3952 §4 (iLBC), RFC 4867 §8 (AMR). Codec2 has no RFC: 2400 bit/s in frames of 20 ms,
as other switches send it, and `mode=` for another rate.
"""

from __future__ import annotations

#: Codec2's modes in bit/s with the milliseconds and octets of a frame.
CODEC2_MODES = {3200: (20, 8), 2400: (20, 6), 1600: (40, 8), 1400: (40, 7), 1300: (40, 7), 1200: (40, 6)}
_CODEC2_DEFAULT = 2400
_FRAME_MS = {"GSM": 20, "AMR": 20, "AMR-WB": 20}
_SAMPLE_RATES = {"G722": 16000, "AMR-WB": 16000}
_RTP_CLOCKS = {"AMR-WB": 16000, "OPUS": 48000}


def parameters(fmtp: str) -> dict[str, str]:
    """The parameters of an `a=fmtp` by lower-case name, without its payload type."""
    pairs = (item.partition("=") for item in fmtp.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def codec2_mode(fmtp: str) -> int:
    """The mode in bit/s; what is unknown is the default."""
    value = parameters(fmtp).get("mode", "")
    mode = int(value) if value.isascii() and value.isdigit() and len(value) <= 4 else _CODEC2_DEFAULT
    return mode if mode in CODEC2_MODES else _CODEC2_DEFAULT


def octet_aligned(fmtp: str) -> bool:
    """Whether AMR comes octet-aligned; bandwidth-efficient when nothing is said (RFC 4867 §8.1)."""
    return parameters(fmtp).get("octet-align") == "1"


def packing(encoding: str, fmtp: str) -> str:
    """What must be equal for two formats of one encoding to have the same payload."""
    name = encoding.upper()
    if name in ("AMR", "AMR-WB"):
        return "octet-aligned" if octet_aligned(fmtp) else "bandwidth-efficient"
    return str(codec2_mode(fmtp)) if name == "CODEC2" else ""


def frame_ms(encoding: str, fmtp: str = "") -> int:
    """The frame of which a packet has a whole number, in ms; 10 for codecs that take any multiple of it."""
    name = encoding.upper()
    if name == "CODEC2":
        return CODEC2_MODES[codec2_mode(fmtp)][0]
    return _FRAME_MS.get(name, 10)


def sample_rate(encoding: str) -> int:
    """The rate of the samples of a codec that has only one, in Hz."""
    return _SAMPLE_RATES.get(encoding.upper(), 8000)


def rtp_clock(encoding: str) -> int:
    """The rate of the RTP timestamps (L16 has its sample rate), in Hz."""
    return _RTP_CLOCKS.get(encoding.upper(), 8000)
