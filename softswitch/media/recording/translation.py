"""Packets of codecs that are only decoded (AAC, iLBC, G.723.1), brought into linear samples for a recording.

The recorder's compiled loop places, conceals and mixes them like any other codec's: here each payload becomes one of
L16. Such streams are few, so that it does no harm that each packet passes through Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediacodecs.codec import CodecUnavailable
from softswitch.media.formats import StreamFormat
from softswitch.media.layouts.tap import TAP_KIND, TAP_SIZE, TAP_TIMESTAMP
from softswitch.media.recording.packets import Packets

if TYPE_CHECKING:
    from mediacodecs.decoded_only import PayloadDecoder

#: Samples that are kept of a packet, of which the next one says half again: packets may lie a sample closer or further
#: apart than they have samples, when another rate was made of their own.
_KEPT = 4
_NOTHING = np.zeros(0, np.int16)


def translated_rate(entry: StreamFormat) -> int:
    """The rate in Hz at which such a format is best recorded; 0 for every other format, and where it cannot be."""
    from mediacodecs.decoded_only import RATES

    rate = RATES.get(entry.encoding.upper(), 0)
    return rate if rate and _decoder(entry, rate) is not None else 0


def _decoder(entry: StreamFormat, rate_hz: int) -> PayloadDecoder | None:
    from mediacodecs.decoded_only import new_decoder

    try:
        return new_decoder(entry.encoding, entry.fmtp, rate_hz)
    except (CodecUnavailable, ValueError):
        return None


class _Stream:
    """One format of one source: its decoder, and the end of what was decoded last."""

    def __init__(self, entry: StreamFormat, decoder: PayloadDecoder, rate_hz: int) -> None:
        self._decoder = decoder
        self._clock, self._rate_hz = entry.clock_rate, rate_hz
        self._first: int | None = None  # timestamp
        self._begin(0)

    def _begin(self, place: int) -> None:
        self._end, self._tail = place, np.zeros(_KEPT, np.int16)

    def linear(self, payload: bytes, timestamp: int) -> NDArray[np.uint8]:
        """The samples of one packet as octets of L16, without a seam to those before; none of what is damaged."""
        try:
            decoded = self._decoder.decode(payload)
        except ValueError:
            decoded = _NOTHING
        if not len(decoded):
            return np.zeros(0, np.uint8)
        place = self._place(timestamp)
        if abs(place - self._end) > _KEPT // 2:  # something was lost, or not sent
            self._begin(place)
        begin = place - self._end + _KEPT // 2
        samples = np.concatenate([self._tail, decoded])
        self._end += len(decoded)
        self._tail = samples[-_KEPT:]
        return np.frombuffer(samples[begin:].astype(">i2").tobytes(), np.uint8)

    def _place(self, timestamp: int) -> int:
        """Where a packet is laid: as the recorder's loop finds it, counted from the first one."""
        if self._first is None:
            self._first = timestamp
        return ((timestamp - self._first) & 0xFFFFFFFF) * self._rate_hz // self._clock


class Translation:
    """Those formats of one source, at `rate_hz`."""

    def __init__(self, formats: Sequence[StreamFormat], rate_hz: int) -> None:
        self._streams: dict[int, _Stream] = {}
        for entry in formats:
            decoder = _decoder(entry, rate_hz) if translated_rate(entry) else None
            if decoder is not None:
                self._streams[entry.payload_type] = _Stream(entry, decoder, rate_hz)

    def __contains__(self, payload_type: int) -> bool:
        """Whether packets of that payload type become L16."""
        return payload_type in self._streams

    def apply(self, packets: Packets) -> Packets:
        """The packets with payloads of L16 in place of those that are translated, in the order they came."""
        from softswitch.media.recording import loops

        if not self._streams:
            return packets
        heads, payloads, at = packets.heads.copy(), list[NDArray[np.uint8]](), 0
        for head in heads:
            payload = packets.octets[head[loops.AT] : head[loops.AT] + head[TAP_SIZE]]
            stream = self._streams.get(int(head[TAP_KIND]) & 0x7F)
            if stream is not None:
                payload = stream.linear(payload.tobytes(), int(head[TAP_TIMESTAMP]))
            head[loops.AT], head[TAP_SIZE] = at, len(payload)
            payloads.append(payload)
            at += len(payload)
        return Packets(heads, np.concatenate(payloads))
