"""One AMBE-3000 channel as a sans-IO session: found, set to its rate, then one frame after the other.

The chip answers in order, so one packet is under way at a time. When an answer does not come within 40 ms the frame is
missed and the product name is asked for: only what comes after that answer belongs to the frames sent later. When
that is not answered either, three times, the chip is lost, and is looked for every five seconds.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import NamedTuple

from mediacodecs.codec import Samples
from mediacodecs.vocoders import dvsi_packets as packets
from mediacodecs.vocoders.interface import VocoderBusy, VocoderLost

ANSWER_S, PROBE_S, PROBES, SEARCH_S = 0.040, 0.5, 3, 5.0
#: Frames that may wait: 160 ms; more would only be late.
MOST_WAITING = 8


class State(Enum):
    """Looking for the chip, choosing its rate, coding, waiting for it to fall into step again, gone."""

    PROBING = "probing"
    SETTING = "setting"
    READY = "ready"
    RESYNCING = "resyncing"
    LOST = "lost"


class Encoded(NamedTuple):
    """The frame for request `ticket`."""

    ticket: int
    frame: bytes


class Decoded(NamedTuple):
    """The samples, int16[160], for request `ticket`."""

    ticket: int
    samples: Samples


class Missed(NamedTuple):
    """Request `ticket` was not answered, or nonsense."""

    ticket: int


class Found(NamedTuple):
    """The chip is there and set; what it calls itself."""

    product: str


class Lost(NamedTuple):
    """The chip does not answer; all requests are missed."""

    reason: str


SessionEvent = Encoded | Decoded | Missed | Found | Lost


class _Request(NamedTuple):
    ticket: int
    packet: bytes
    answer: int


class DvsiSession:
    """Requests get tickets; `next_event` tells what became of them. Times are seconds of one clock."""

    def __init__(self, rate: packets.Rate) -> None:
        self.rate = rate
        self.state = State.LOST
        self.product = ""
        self.malformed = 0
        self._waiting: deque[_Request] = deque()
        self._current: _Request | None = None
        self._output: deque[bytes] = deque()
        self._events: deque[SessionEvent] = deque()
        self._deadline: float | None = None
        self._probes = 0
        self._tickets = 0

    def start(self, now: float) -> None:
        """Begin to look for the chip."""
        self._probes = 0
        self._probe(State.PROBING, now)

    def encode(self, samples: Samples, now: float) -> int:
        """Have int16[160] coded; returns the ticket. Raises VocoderBusy, VocoderLost, ValueError."""
        return self._submit(packets.speech(samples), packets.CHANNEL, now)

    def decode(self, frame: bytes, now: float) -> int:
        """Have a frame decoded; returns the ticket. Raises VocoderBusy, VocoderLost, ValueError."""
        return self._submit(packets.channel(frame, self.rate.bits), packets.SPEECH, now)

    def data_to_send(self) -> bytes | None:
        """The next packet for the chip, or None."""
        return self._output.popleft() if self._output else None

    def next_event(self) -> SessionEvent | None:
        """What has happened, in order, or None."""
        return self._events.popleft() if self._events else None

    def next_timer(self) -> float | None:
        """When `handle_timer` is to be called."""
        return self._deadline

    def receive_data(self, data: bytes, now: float) -> None:
        """One packet came; what is none, or was not asked for, is counted."""
        try:
            packet = packets.read(data)
        except ValueError:
            self.malformed += 1
            return
        if packet.kind == packets.CONTROL:
            self._control(packet.fields, now)
        elif self.state is State.READY and self._current is not None and packet.kind == self._current.answer:
            self._answered(self._current, packet, now)

    def handle_timer(self, now: float) -> None:
        """The time `next_timer` gave has come."""
        if self._deadline is None or now < self._deadline:
            return
        if self.state is State.READY and self._current is not None:
            self._events.append(Missed(self._current.ticket))
            self._current = None
            self._probes = 0
            self._probe(State.RESYNCING, now)
        elif self.state is State.LOST:
            self.start(now)
        elif self._probes < PROBES:
            self._probe(State.RESYNCING if self.state is State.RESYNCING else State.PROBING, now)
        else:
            self._lose("it does not answer", now)

    def _submit(self, packet: bytes, answer: int, now: float) -> int:
        if self.state in (State.LOST, State.PROBING, State.SETTING):
            raise VocoderLost("the vocoder does not answer")
        if len(self._waiting) >= MOST_WAITING:
            raise VocoderBusy(f"{MOST_WAITING} frames wait for the vocoder")
        self._tickets += 1
        self._waiting.append(_Request(self._tickets, packet, answer))
        self._go_on(now)
        return self._tickets

    def _go_on(self, now: float) -> None:
        if self.state is State.READY and self._current is None and self._waiting:
            self._current = self._waiting.popleft()
            self._output.append(self._current.packet)
            self._deadline = now + ANSWER_S
        elif self.state is State.READY and self._current is None:
            self._deadline = None

    def _probe(self, state: State, now: float) -> None:
        self.state = state
        self._probes += 1
        if state is State.PROBING:
            self._output.append(packets.PARITY_OFF)
        self._output.append(packets.ASK_PRODUCT)
        self._deadline = now + PROBE_S

    def _control(self, fields: bytes, now: float) -> None:
        kind = fields[0] if fields else -1
        if kind == packets.FIELD_PRODID and self.state is State.PROBING:
            self.product = fields[1:].split(b"\0")[0][:32].decode("ascii", "replace")
            self.state = State.SETTING
            self._output.append(packets.set_rate(self.rate))
            self._deadline = now + PROBE_S
        elif kind == packets.FIELD_RATEP and self.state is State.SETTING:
            if fields[1:2] not in (b"", b"\0"):
                self._lose("it refuses the rate", now)
                return
            self._ready(now)
            self._events.append(Found(self.product))
        elif kind == packets.FIELD_PRODID and self.state is State.RESYNCING:
            self._ready(now)
        elif kind == packets.FIELD_READY and self.state in (State.READY, State.RESYNCING):
            self._lose("it has been reset", now)
            self.start(now)

    def _ready(self, now: float) -> None:
        self.state = State.READY
        self._go_on(now)

    def _answered(self, request: _Request, packet: packets.Packet, now: float) -> None:
        self._current = None
        try:
            if packet.kind == packets.SPEECH:
                self._events.append(Decoded(request.ticket, packets.read_speech(packet.fields)))
            else:
                bits, frame = packets.read_channel(packet.fields)
                if bits != self.rate.bits:
                    raise ValueError(f"{bits} bits")
                self._events.append(Encoded(request.ticket, frame))
        except ValueError:
            self.malformed += 1
            self._events.append(Missed(request.ticket))
        self._go_on(now)

    def _lose(self, reason: str, now: float) -> None:
        for request in ([self._current] if self._current is not None else []) + list(self._waiting):
            self._events.append(Missed(request.ticket))
        self._current = None
        self._waiting.clear()
        self._output.clear()
        self.state = State.LOST
        self._deadline = now + SEARCH_S
        self._events.append(Lost(reason))
