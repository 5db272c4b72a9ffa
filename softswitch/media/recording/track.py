"""One source on its way into a recording: its packets are decoded onto the recording's timeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from softswitch.media.formats import PAYLOAD_TYPES, StreamFormat
from softswitch.media.recording.packets import Packets
from softswitch.media.recording.translation import Translation, translated_rate

#: Seconds that a track holds before they are taken out; what lies further ahead is lost.
_WINDOW_S = 6
_MOST_DECODERS = 4


class TrackCounters(NamedTuple):
    """Packets that were decoded, made up for, came too late, and could not be decoded."""

    decoded: int
    concealed: int
    late: int
    malformed: int


def natural_rate(formats: Sequence[StreamFormat]) -> int:
    """The rate in Hz at which a source is best recorded: of the first of its formats that can be decoded; 0 if none."""
    from softswitch.media.voices import sample_rate

    for entry in formats:
        rate = sample_rate(entry, 16000) or translated_rate(entry)  # Opus has any rate; speech needs no more
        if rate:
            return rate
    return 0


class Track:
    """Decodes the packets of one source at `rate_hz`; `begin_ns` is the monotonic time of position 0."""

    def __init__(self, rate_hz: int, begin_ns: int, frontier: int, formats: Sequence[StreamFormat]) -> None:
        from softswitch.media.recording import loops

        self._loops = loops
        self._rate_hz = rate_hz
        self._state = np.zeros(loops.TRACK_WORDS, np.int64)
        self._state[loops.ORIGIN_NS] = begin_ns
        self._state[loops.SAMPLE_RATE] = rate_hz
        self._state[loops.FRONTIER] = frontier
        self._state[loops.SSRC] = -1
        self._window = np.zeros(1 << (_WINDOW_S * rate_hz - 1).bit_length(), np.int16)
        self.configure(formats)

    def configure(self, formats: Sequence[StreamFormat]) -> None:
        """The source has other formats from now on."""
        loops = self._loops
        self.formats = tuple(formats)
        self._table = np.full((PAYLOAD_TYPES, loops.ROW_WORDS), -1, np.int64)
        self._translation = Translation(formats, self._rate_hz)
        states: list[NDArray[np.int64]] = []
        for entry in [entry for entry in formats if not entry.auxiliary][:_MOST_DECODERS]:
            self._add_decoder(entry, states)
        self._states = np.concatenate(states) if states else np.zeros(1, np.int64)

    def _add_decoder(self, entry: StreamFormat, states: list[NDArray[np.int64]]) -> None:
        from mediacodecs import streams
        from mediacodecs.states.resampling import new_resampler
        from softswitch.media.voices import sample_rate

        loops, rate, encoding = self._loops, sample_rate(entry, self._rate_hz), entry.encoding
        if entry.payload_type in self._translation:
            rate, encoding = self._rate_hz, "L16"
        if not rate:
            return
        row = self._table[entry.payload_type]
        codec, state = streams.new_decoder(encoding, rate)
        row[loops.DECODER], row[loops.CLOCK], row[loops.CODEC], row[loops.RATE] = 0, entry.clock_rate, codec, rate
        row[loops.STATE] = sum(map(len, states))
        states.append(state)
        if rate != self._rate_hz:
            row[loops.RESAMPLER] = sum(map(len, states))
            states.append(new_resampler(rate, self._rate_hz))

    @property
    def decodes(self) -> bool:
        """Whether any of the source's formats can be decoded."""
        return bool((self._table[:, self._loops.DECODER] >= 0).any())

    def feed(self, packets: Packets) -> None:
        """Decode packets, in the order they came."""
        loops = self._loops
        packets = self._translation.apply(packets)
        order = np.empty(len(packets.heads), np.int64)
        loops.decode_packets(
            packets.heads,
            packets.octets,
            order,
            self._table,
            self._state,
            self._states,
            self._window,
            _PCM,
            _WIDE,
        )

    def take(self, count: int, total: NDArray[np.int32], column: int) -> None:
        """Add the next `count` samples to `total` (int32[count, channels]): to one column, or -1 to all."""
        self._loops.take(self._state, self._window, count, total, column)

    @property
    def end(self) -> int:
        """The position behind the last packet's samples."""
        return int(self._state[self._loops.END])

    @property
    def counters(self) -> TrackCounters:
        """What became of the packets."""
        loops, state = self._loops, self._state
        return TrackCounters(*(int(state[i]) for i in (loops.DECODED, loops.CONCEALED, loops.LATE, loops.MALFORMED)))


#: Room to decode a packet in; the recorder has one thread.
_PCM, _WIDE = np.zeros(5760, np.int16), np.zeros(5760 * 6, np.int16)
