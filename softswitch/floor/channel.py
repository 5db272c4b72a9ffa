"""An arbiter and the octets of its participants: floor messages in become requests, events become floor messages.

The owner of a group drives the channel instead of the arbiter: `receive_data` for what participants send, `next_event`
until None, then `data_to_send`. What all are told is encoded once for each kind of peer. Peers that ask for it are sent
Granted, Taken and Deny again until they acknowledge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from softswitch.deadlines import TimerSet
from softswitch.floor import announcements, mcptt, tbcp
from softswitch.floor.announcements import Identity
from softswitch.floor.arbiter import Arbiter
from softswitch.floor.causes import tier_of
from softswitch.floor.events import (
    Denied,
    Event,
    Granted,
    Idle,
    QueueCancelled,
    Queued,
    Revoked,
    Taken,
    TalkerStopped,
)
from softswitch.floor.messages import FloorMessage, Kind, Source
from softswitch.floor.translation import FLOOR_PRIORITIES, from_talk_burst, to_talk_burst
from softswitch.rtp import RtpError

_RESEND_S = 1.0
_SENDINGS = 3


class Dialect(Enum):
    """What a participant speaks; NONE is known here by its identity alone."""

    MCPTT = "MCPTT"
    TBCP = "TBCP"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Peer:
    """A participant on the wire: its identity for others, the SSRC of its audio, and what it understands."""

    uri: str
    ssrc: int = 0
    dialect: Dialect = Dialect.MCPTT
    #: 3GPP release: messages and fields of later ones are not sent.
    release: int = 13
    #: wants to acknowledge Granted, Taken and Deny.
    acknowledges: bool = False
    #: its identity is not told to others.
    private: bool = False
    #: it asks for many (a gateway): the User ID of its requests is who talks.
    proxy: bool = False


class _Variant(NamedTuple):
    """Peers that get the same octets."""

    dialect: Dialect
    release: int
    acknowledges: bool


class GroupChannel:
    """The floor control channel of one group; `ssrc` is the switch's own."""

    def __init__(self, arbiter: Arbiter, ssrc: int) -> None:
        self.arbiter = arbiter
        self.ssrc = ssrc
        #: received, sent, malformed, resent.
        self.counters: Counter[str] = Counter()
        self._peers: dict[str, Peer] = {}
        self._variants: dict[_Variant, dict[str, None]] = {}
        self._out: list[tuple[bytes, Sequence[str]]] = []
        self._timers = TimerSet()
        self._unacknowledged: dict[tuple[str, str], tuple[Kind, bytes, int]] = {}
        self._now = 0.0

    # --- peers --------------------------------------------------------------------------------------------------

    def add_peer(self, participant: str, peer: Peer) -> None:
        """Make a participant's identity and dialect known; before it joins the arbiter, so that it is told."""
        self.remove_peer(participant)
        self._peers[participant] = peer
        if peer.dialect is not Dialect.NONE:
            self._variants.setdefault(self._variant(peer), {})[participant] = None

    def remove_peer(self, participant: str) -> None:
        """Forget a participant; after it has left the arbiter."""
        peer = self._peers.pop(participant, None)
        if peer is not None and peer.dialect is not Dialect.NONE:
            self._variants[self._variant(peer)].pop(participant, None)
        for slot in ("answer", "status"):
            self._acknowledged(participant, slot)

    @staticmethod
    def _variant(peer: Peer) -> _Variant:
        return _Variant(peer.dialect, peer.release, peer.acknowledges)

    # --- in -----------------------------------------------------------------------------------------------------

    def receive_data(self, participant: str, data: bytes, now: float) -> None:
        """A datagram from a participant; octets that cannot be read are counted and dropped."""
        self._now = now
        peer = self._peers.get(participant)
        if peer is None:
            return
        try:
            messages = (
                [from_talk_burst(tbcp.parse(data))] if peer.dialect is Dialect.TBCP else mcptt.parse_datagram(data)
            )
        except RtpError:
            self.counters["malformed"] += 1
            return
        for message in messages:
            self.counters["received"] += 1
            if message.ack_required and peer.dialect is Dialect.MCPTT:
                kind = int(message.kind)
                source = Source.CONTROLLING_FUNCTION
                ack = FloorMessage(Kind.ACK, self.ssrc, source=source, acknowledged=kind)
                self._out.append((mcptt.serialize(ack, peer.release), (participant,)))
            self._take(participant, peer, message, now)

    def _take(self, participant: str, peer: Peer, message: FloorMessage, now: float) -> None:
        kind, arbiter = message.kind, self.arbiter
        if kind is Kind.REQUEST:
            bursts = peer.dialect is Dialect.TBCP
            arbiter.request(
                participant,
                now,
                priority=message.priority,
                tier=tier_of(message.indicator),
                override=bursts and message.priority == FLOOR_PRIORITIES[3],
                queueing=not (bursts and message.priority == FLOOR_PRIORITIES[0]),
                user=message.user or "" if peer.proxy else "",
            )
        elif kind is Kind.RELEASE:
            arbiter.release(participant, now)
        elif kind is Kind.QUEUE_POSITION_REQUEST:
            arbiter.ask_position(participant, now)
        elif kind is Kind.ACK and message.acknowledged is not None:
            slot = "status" if message.acknowledged == Kind.TAKEN else "answer"
            waits = self._unacknowledged.get((participant, slot))
            if waits is not None and waits[0] == message.acknowledged:
                self._acknowledged(participant, slot)

    def _acknowledged(self, participant: str, slot: str) -> None:
        if self._unacknowledged.pop((participant, slot), None) is not None:
            self._timers.stop(slot, participant)

    # --- out ----------------------------------------------------------------------------------------------------

    def next_event(self, now: float) -> Event | None:
        """The arbiter's next event, put into octets for whom it concerns; None when there is none."""
        self._now = now
        event = self.arbiter.next_event()
        if event is not None:
            self._encode(event)
        return event

    def data_to_send(self) -> list[tuple[bytes, Sequence[str]]]:
        """(datagram, the participants it goes to), in order."""
        out, self._out = self._out, []
        return out

    def _to_one(self, participant: str, message: FloorMessage, slot: str = "") -> None:
        peer = self._peers.get(participant)
        if peer is not None and peer.dialect is not Dialect.NONE:
            self._send(self._variant(peer), message, (participant,), slot)

    def _to_all(self, build: Callable[[int], FloorMessage | None], excluding: str, slot: str = "") -> None:
        """Send what `build(release)` makes to everyone but one, encoded once per variant."""
        for variant, members in self._variants.items():
            if excluding in members:
                receivers: Sequence[str] = [member for member in members if member != excluding]
            else:
                receivers = list(members)
            message = build(variant.release if variant.dialect is Dialect.MCPTT else 0) if receivers else None
            if message is not None:
                self._send(variant, message, receivers, slot)

    def _send(self, variant: _Variant, message: FloorMessage, receivers: Sequence[str], slot: str) -> None:
        wants_ack = bool(slot) and variant.acknowledges and message.kind is not Kind.IDLE
        try:
            if variant.dialect is Dialect.MCPTT:
                message.ack_required = wants_ack
                data = mcptt.serialize(message, variant.release)
            else:
                wants_ack = wants_ack and message.kind is Kind.TAKEN
                message.ack_required = wants_ack
                data = tbcp.serialize(to_talk_burst(message, participants=len(self.arbiter.participants)))
        except RtpError:
            self.counters["unsendable"] += 1
            return
        self._out.append((data, receivers))
        self.counters["sent"] += len(receivers)
        if variant.acknowledges and slot:
            for receiver in receivers:
                self._acknowledged(receiver, slot)
                if wants_ack:
                    self._unacknowledged[receiver, slot] = (message.kind, data, 1)
                    self._timers.start(slot, self._now + _RESEND_S, receiver)

    def _identity(self, participant: str, user: str) -> Identity:
        peer = self._peers.get(participant)
        if peer is None:
            return Identity(user or None, 0)
        return Identity(None if peer.private else user or peer.uri, peer.ssrc)

    def _encode(self, event: Event) -> None:
        """Put an event into octets for whom it concerns."""
        ssrc = self.ssrc
        match event:
            case Granted():
                self._acknowledged(event.participant, "status")
                identity = self._identity(event.participant, event.user)
                self._to_one(event.participant, announcements.granted(ssrc, event, identity), "answer")
            case Taken():
                who = [self._identity(talker.participant, talker.user) for talker in event.talkers]
                self._to_those(
                    event.to, event.excluding, lambda release: announcements.taken(ssrc, event, who, release)
                )
            case Idle():
                self._to_those(event.to, "", lambda _: announcements.idle(ssrc, event))
            case TalkerStopped():
                identity = self._identity(event.participant, event.user)
                self._to_all(lambda release: announcements.talker_stopped(ssrc, event, identity, release), "")
            case Revoked():
                self._acknowledged(event.participant, "answer")
                self._to_one(event.participant, announcements.revoked(ssrc, event))
            case Queued():
                self._to_one(event.participant, announcements.queued(ssrc, event))
            case Denied():
                self._to_one(event.participant, announcements.denied(ssrc, event), "answer")
            case QueueCancelled():
                message = announcements.queue_cancelled(ssrc, event)
                if message is not None:
                    self._to_one(event.participant, message, "answer")

    def _to_those(self, to: str | None, excluding: str, build: Callable[[int], FloorMessage]) -> None:
        """Send how the floor stands to the one in `to`, or to everyone."""
        if to is None:
            self._to_all(build, excluding, "status")
        elif (peer := self._peers.get(to)) is not None:
            self._to_one(to, build(peer.release if peer.dialect is Dialect.MCPTT else 0), "status")

    # --- time ---------------------------------------------------------------------------------------------------

    def next_timer(self) -> float | None:
        """When to call `handle_timer`: the arbiter's time, or that of an acknowledgement."""
        mine, arbiters = self._timers.next_at(), self.arbiter.next_timer()
        if mine is None or arbiters is None:
            return arbiters if mine is None else mine
        return min(mine, arbiters)

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`."""
        self._now = now
        while (due := self._timers.pop_due(now)) is not None:
            slot, participant = due
            kind, data, sendings = self._unacknowledged.pop((participant, slot))
            if sendings < _SENDINGS:
                self._unacknowledged[participant, slot] = (kind, data, sendings + 1)
                self._timers.start(slot, now + _RESEND_S, participant)
                self._out.append((data, (participant,)))
                self.counters["resent"] += 1
        self.arbiter.handle_timer(now)
