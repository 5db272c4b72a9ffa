"""Codecs: samples to payloads and back, one module a codec; `registry` says which work on this machine.

Importing this package is cheap: a codec's module (and with it numba) is loaded when the codec is asked for.
"""

from __future__ import annotations

from mediacodecs.codec import Codec, CodecUnavailable, Samples
from mediacodecs.registry import CodecStatus, create, supported

__all__ = ["Codec", "CodecStatus", "CodecUnavailable", "Samples", "create", "supported"]
