"""One link to a radio node, without I/O: who is keyed, what is heard, and what is sent.

A transmission begins with the first packet whose key is set, and ends with one whose key is not, or when frames stay
away. Only voice and what is told once a transmission needs an event each; a node that says nothing costs nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from gateways.usrp.packet import VOICE_OCTETS, Packet, PacketType, TalkerInfo, UsrpError

FRAME_S = 0.02
#: How far a frame may be from the one before, either way; further off the node has begun to count anew.
_APART = 50
#: How long voice that is still on its way through the switch is sent after the talker has let go.
_TAIL_S = 0.1
_DIGITS = frozenset("0123456789*#ABCD")


@dataclass(frozen=True, slots=True)
class Keyed:
    """The radio's key went down."""


@dataclass(frozen=True, slots=True)
class Unkeyed:
    """It came up, or frames stayed away."""


@dataclass(frozen=True, slots=True)
class Voice:
    """20 ms: the `frame`th of its transmission, frames that were lost included; `samples` as they came."""

    frame: int
    samples: bytes


@dataclass(frozen=True, slots=True)
class Named:
    """Who talks, or is about to."""

    info: TalkerInfo


@dataclass(frozen=True, slots=True)
class Digit:
    """A key of the radio's keypad."""

    digit: str


LinkEvent = Keyed | Unkeyed | Voice | Named | Digit


class Link:
    """One node. `missed_frames` end a transmission, `keep_alive_s` 0: no pings, `talkgroup` goes into every header."""

    def __init__(self, *, missed_frames: int = 4, keep_alive_s: float = 0.0, talkgroup: int = 0) -> None:
        self.counters: Counter[str] = Counter()
        self.keyed = False
        self.transmitting = False
        self._silence_s = missed_frames * FRAME_S
        self._keep_alive_s = keep_alive_s
        self._talkgroup = talkgroup
        self._events: deque[LinkEvent] = deque()
        self._output: deque[bytes] = deque()
        self._sequence = 0
        self._first = 0  # sequence number of the transmission's first voice
        self._latest = 0  # the frame heard last
        self._last_voice = 0.0
        self._ends_at: float | None = None  # of what we transmit
        self._ping_at: float | None = None

    # -- from the node ----------------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """Take one datagram; what is none of USRP is counted."""
        try:
            packet = Packet.parse(data)
            info = TalkerInfo.parse(packet.payload) if packet.kind == PacketType.TEXT else None
        except UsrpError:
            self.counters["malformed"] += 1
            return
        self.counters["received"] += 1
        if packet.kind == PacketType.VOICE:
            self._voice(packet, now)
            return
        if self.keyed:  # it has taken a number between two frames of voice
            self._first += 1
        if info is not None:
            self._events.append(Named(info))
        elif packet.kind == PacketType.DTMF and (digit := packet.payload[:1].decode("latin-1")) in _DIGITS:
            self._events.append(Digit(digit))
        elif packet.kind not in (PacketType.PING, PacketType.TEXT):
            self.counters["passed_over"] += 1

    def _voice(self, packet: Packet, now: float) -> None:
        if not packet.keyed:
            self._unkey()
            return
        if not self.keyed:
            self.keyed = True
            self._first, self._latest = packet.sequence, 0
            self._events.append(Keyed())
        self._last_voice = now
        if len(packet.payload) != VOICE_OCTETS:
            return
        ahead = (packet.sequence - self._first - self._latest + _APART) & 0xFFFFFFFF
        if ahead > 2 * _APART:
            ahead = _APART + 1
            self._first = packet.sequence - self._latest - 1
        frame = self._latest + ahead - _APART
        if frame < 0:  # it was overtaken by the transmission's first
            self.counters["late"] += 1
            return
        self._latest = max(self._latest, frame)
        self._events.append(Voice(frame, packet.payload))

    def _unkey(self) -> None:
        if self.keyed:
            self.keyed = False
            self._events.append(Unkeyed())

    # -- to the node ------------------------------------------------------------------------------------------------

    def begin(self, talker: TalkerInfo) -> None:
        """Transmit from now on; the node is told who talks."""
        self._ends_at = None
        self.transmitting = True
        self._send(PacketType.TEXT, talker.serialize(), keyed=False)

    def voice(self, samples: bytes) -> None:
        """Send 20 ms of a transmission, `samples` little-endian; nothing when there is none."""
        if self.transmitting:
            self._send(PacketType.VOICE, samples, keyed=True)

    def end(self, now: float) -> None:
        """Let the transmission end as soon as what is on its way has gone."""
        if self.transmitting and self._ends_at is None:
            self._ends_at = now + _TAIL_S

    def stop(self) -> None:
        """End the transmission at once."""
        if self.transmitting:
            self.transmitting = False
            self._ends_at = None
            self._send(PacketType.VOICE, b"", keyed=False)

    def _send(self, kind: PacketType, payload: bytes, *, keyed: bool) -> None:
        self._output.append(Packet(self._sequence, keyed, kind, self._talkgroup, payload).serialize())
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        self.counters["sent"] += 1

    # -- time, and what comes out -----------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Begin to keep the way to the node open."""
        self._ping_at = now if self._keep_alive_s else None

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        if self.keyed and now >= self._last_voice + self._silence_s:
            self.counters["fell_silent"] += 1
            self._unkey()
        if self._ends_at is not None and now >= self._ends_at:
            self.stop()
        if self._ping_at is not None and now >= self._ping_at:
            self._ping_at = now + self._keep_alive_s
            self._send(PacketType.PING, b"", keyed=False)

    def next_timer(self) -> float | None:
        """When to call `handle_timer`."""
        silent_at = self._last_voice + self._silence_s if self.keyed else None
        due = [at for at in (silent_at, self._ends_at, self._ping_at) if at is not None]
        return min(due, default=None)

    def next_event(self) -> LinkEvent | None:
        """The oldest event, taken out."""
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> list[bytes]:
        """What is to be sent, taken out."""
        output = list(self._output)
        self._output.clear()
        return output


__all__ = ["Digit", "Keyed", "Link", "LinkEvent", "Named", "Unkeyed", "Voice"]
