"""A group in virtual time: one arbiter behind its channel, participants at the far ends of a network that may lose."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import defaultdict

from softswitch.floor import Arbiter, ArbiterSettings, Event, MediaGate, Member, QueueCancelled, Tier, mcptt, tbcp
from softswitch.floor.channel import Dialect, GroupChannel, Peer
from softswitch.floor.participant import Participant
from softswitch.floor.participant_events import ParticipantEvent, ParticipantSettings
from softswitch.floor.states import ParticipantState
from softswitch.floor.translation import from_talk_burst, to_talk_burst

_FRAME_S = 0.1


class Group:
    """`loss` and `duplication` are shares of datagrams, drawn from `seed`; every delay is 5 to 40 ms."""

    def __init__(
        self,
        names: list[str],
        settings: ArbiterSettings | None = None,
        *,
        loss: float = 0.0,
        duplication: float = 0.0,
        seed: int = 1,
        members: dict[str, Member] | None = None,
        peers: dict[str, Peer] | None = None,
        participant: ParticipantSettings | None = None,
    ) -> None:
        self.now = 0.0
        self.loss, self.duplication = loss, duplication
        self.chance = random.Random(seed)
        self.channel = GroupChannel(Arbiter(settings), 0x0A0A0A01)
        self.events: list[tuple[float, Event]] = []
        self.told: dict[str, list[ParticipantEvent]] = defaultdict(list)
        self.gates: set[str] = set()
        self.most_open = 0
        self.participants: dict[str, Participant] = {}
        self.settings = participant
        self._order = itertools.count()
        self._mail: list[tuple[float, int, str, bool, bytes]] = []
        self._next_frame = 0.0
        for number, name in enumerate(names):
            self.join(name, (members or {}).get(name), (peers or {}).get(name, Peer(f"sip:{name}@x", 100 + number)))
        self.arbiter.start(self.now)
        self._settle()

    @property
    def arbiter(self) -> Arbiter:
        return self.channel.arbiter

    def join(self, name: str, member: Member | None = None, peer: Peer | None = None) -> None:
        peer = peer or Peer(f"sip:{name}@x", 99)
        self.channel.add_peer(name, peer)
        self.participants[name] = Participant(peer.ssrc, self.settings)
        self.participants[name].join(self.now)
        self.arbiter.participant_joined(name, self.now, member)
        self._settle()

    def leave(self, name: str) -> None:
        """The leg dies: nothing of the participant arrives any more."""
        self.arbiter.participant_left(name, self.now)
        self.channel.remove_peer(name)
        del self.participants[name]
        self._settle()

    def press(self, name: str, tier: Tier = Tier.NORMAL) -> None:
        self.participants[name].press(self.now, tier)
        self._settle()

    def let_go(self, name: str) -> None:
        self.participants[name].let_go(self.now)
        self._settle()

    def run(self, seconds: float) -> None:
        """Let time pass; who has permission sends media, which is heard by all when the gate is open."""
        end = self.now + seconds
        while True:
            timers = [self.channel.next_timer(), *(one.next_timer() for one in self.participants.values())]
            due = min((at for at in timers if at is not None), default=self._next_frame)
            due = min(due, self._next_frame, self._mail[0][0] if self._mail else self._next_frame)
            if due > end:
                break
            self.now = max(self.now, due)
            self._step()
        self.now = end

    def _step(self) -> None:
        while self._mail and self._mail[0][0] <= self.now:
            _, _, name, inwards, data = heapq.heappop(self._mail)
            self._deliver(name, inwards, data)
            self._settle()
        if self._next_frame <= self.now:
            self._next_frame = self.now + _FRAME_S
            self._frames()
        self.channel.handle_timer(self.now)
        for one in self.participants.values():
            one.handle_timer(self.now)
        self._settle()

    def _frames(self) -> None:
        for name, one in self.participants.items():
            if one.transmitting and self.arbiter.media_heard(name, self.now):
                for other_name, other in self.participants.items():
                    if other_name != name:
                        other.media_received(self.now)
            self._settle()

    def _deliver(self, name: str, inwards: bool, data: bytes) -> None:
        one = self.participants.get(name)
        if inwards and one is not None:
            self.channel.receive_data(name, data, self.now)
        elif one is not None:
            if self._speaks_tbcp(name):
                one.receive(from_talk_burst(tbcp.parse(data)), self.now)
            else:
                for message in mcptt.parse_datagram(data):
                    one.receive(message, self.now)

    def _speaks_tbcp(self, name: str) -> bool:
        return self.channel._peers[name].dialect is Dialect.TBCP

    def _settle(self) -> None:
        while (event := self.channel.next_event(self.now)) is not None:
            self.events.append((self.now, event))
            if isinstance(event, MediaGate):
                (self.gates.add if event.open else self.gates.discard)(event.participant)
                self.most_open = max(self.most_open, len(self.gates))
        for data, receivers in self.channel.data_to_send():
            for receiver in receivers:
                self._post(receiver, False, data)
        for name, one in self.participants.items():
            for message in one.messages_to_send():
                data = tbcp.serialize(to_talk_burst(message)) if self._speaks_tbcp(name) else mcptt.serialize(message)
                self._post(name, True, data)
            while (told := one.next_event()) is not None:
                self.told[name].append(told)

    def _post(self, name: str, inwards: bool, data: bytes) -> None:
        copies = 0 if self.chance.random() < self.loss else 2 if self.chance.random() < self.duplication else 1
        for _ in range(copies):
            at = self.now + self.chance.uniform(0.005, 0.040)
            heapq.heappush(self._mail, (at, next(self._order), name, inwards, data))

    def of(self, kind: type) -> list[Event]:
        """The events of one kind so far."""
        return [event for _, event in self.events if isinstance(event, kind)]

    def states(self) -> dict[str, ParticipantState]:
        return {name: one.state for name, one in self.participants.items()}

    def cancelled(self) -> list[QueueCancelled]:
        return [event for _, event in self.events if isinstance(event, QueueCancelled)]
