"""Vocoders of digital radio that exist as chips or licensed libraries: the plug-in interface, and the AMBE-3000's
packets. Nothing here opens a socket: `softswitch.runtime.vocoders` does.
"""

from __future__ import annotations

from mediacodecs.vocoders.dvsi_packets import RATES, Rate
from mediacodecs.vocoders.interface import Vocoder, VocoderBusy, VocoderLost, VocoderMissed

__all__ = ["RATES", "Rate", "Vocoder", "VocoderBusy", "VocoderLost", "VocoderMissed"]
