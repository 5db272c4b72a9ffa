"""Who is to be heard: the scenes (calls and rooms) that are listened to, each with the ports of who takes part."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from softswitch import events
from softswitch.calls.call import Call
from softswitch.calls.leg import Leg
from softswitch.media import MediaError, Port
from softswitch.media.layouts.tap import TAP_RECEIVED, TAP_SENT
from softswitch.media.recording import requests
from softswitch.media.recording.requests import Request
from softswitch.recordings.listening import Listening
from softswitch.recordings.policy import Policy
from softswitch.recordings.scene import CALL, CALLEE, CALLER, Scene, Source

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange

_GROUP_PAST_S = 1.0


class Stage:
    """The scenes of this node by name, and who is in which room."""

    def __init__(
        self, exchange: Exchange, listening: Listening, ask: Callable[[Request], None], policy: Callable[[], Policy]
    ) -> None:
        self._exchange = exchange
        self._listening = listening
        self._ask = ask
        self._policy = policy
        self._members: dict[str, dict[str, tuple[Leg, Source]]] = {}  # by name of the room's scene, by leg id
        self.scenes: dict[str, Scene] = {}

    # -- calls ------------------------------------------------------------------------------------------------------

    def call(self, call: Call) -> Scene:
        """The scene of a call, with both its sides."""
        scene = Scene(CALL, call_id=call.id, caller=call.record.caller, callee=call.record.callee)
        scene = self.scenes.setdefault(scene.name, scene)
        self._follow(scene, call)
        return scene

    def follow(self, scene: Scene | None) -> None:
        """See again who takes part in a call, and who in a room shows something; its members come and go by events."""
        if scene is None:
            return
        call = self._exchange.calls.get(scene.call_id) if scene.kind == CALL else None
        if call is not None:
            self._follow(scene, call)
        elif scene.name in self._members:
            self._follow_room(scene)

    def follow_all(self) -> None:
        """See again who takes part in which call, and in which formats."""
        for scene in list(self.scenes.values()):
            self.follow(scene)
        self._listening.follow()

    def _follow(self, scene: Scene, call: Call) -> None:
        """Hear both sides of a call; where the switch itself talks to its only party, what it says."""
        caller = _live(call.port_of(call.caller))
        callee = _live(call.port_of(call.callee)) if call.callee is not None else None
        wanted = [Source(port, TAP_RECEIVED, lane) for port, lane in ((caller, CALLER), (callee, CALLEE)) if port]
        if caller is not None and call.callee is None:
            wanted.append(Source(caller, TAP_SENT, CALLEE))
        if scene.shows:
            wanted += [*self._pictures(call.caller, CALLER), *self._pictures(call.callee, CALLEE)]
        self._hear(scene, wanted)

    def _pictures(self, leg: Leg | None, lane: str) -> Iterable[Source]:
        port = _live(self._exchange.media.picture_port(leg)) if leg is not None else None
        if port is not None:
            yield Source(port, TAP_RECEIVED, lane, pictures=True)

    # -- rooms ------------------------------------------------------------------------------------------------------

    def room(self, kind: str, number: str) -> Scene:
        """The scene of a conference or talkgroup, with its members."""
        scene = Scene(kind, room=number)
        scene = self.scenes.setdefault(scene.name, scene)
        self._follow_room(scene)
        return scene

    def _follow_room(self, scene: Scene) -> None:
        members = self._members.get(scene.name, {}).values()
        wanted = [source for _, source in members]
        if scene.shows:
            wanted += [shown for leg, source in members for shown in self._pictures(leg, source.lane)]
        self._hear(scene, wanted)

    def is_used(self, kind: str, number: str) -> bool:
        """Whether anybody is in a room."""
        return bool(self._members.get(f"{kind} {number}"))

    def joined(self, kind: str, number: str, event: events.ConferenceJoined | events.GroupJoined) -> bool:
        """A party is in a room; False when it cannot be heard."""
        call = self._exchange.calls.get(event.call_id)
        leg = _leg(call, event.leg_id) if call is not None else None
        port = call.port_of(leg) if call is not None and leg is not None else None
        if leg is None or port is None:
            return False
        name = f"{kind} {number}"
        source = Source(port, TAP_RECEIVED, event.party or event.leg_id)
        self._members.setdefault(name, {})[event.leg_id] = leg, source
        self.follow(self.scenes.get(name))
        return True

    def left(self, kind: str, number: str, leg_id: str) -> None:
        """A party is in a room no more. The scene of a room that is empty is left to be cleared."""
        name = f"{kind} {number}"
        members = self._members.get(name, {})
        members.pop(leg_id, None)
        if not members:
            self._members.pop(name, None)
        else:
            self.follow(self.scenes.get(name))

    # -- inside -----------------------------------------------------------------------------------------------------

    def clear(self, scene: Scene) -> None:
        """Nothing is left to be heard."""
        self._hear(scene, ())
        del self.scenes[scene.name]

    def _hear(self, scene: Scene, wanted: Iterable[Source]) -> None:
        """Let a scene have these sources and no others."""
        after = {source.key: source for source in wanted if not source.port.closed}
        past_s = self._policy().pre_record_s if scene.kind == CALL else _GROUP_PAST_S
        for key, source in after.items():
            if scene.sources.get(key) == source:
                continue
            with contextlib.suppress(MediaError):
                self._listening.want(scene.name, source.port, source.direction, 0.0 if source.pictures else past_s)
                scene.sources[key] = source
                for identifier, running in scene.recordings.items():
                    if running.takes(source):
                        self._ask({"op": requests.BIND, "id": identifier, "source": list(key), "lane": source.lane})
        for key in [key for key in scene.sources if key not in after]:
            del scene.sources[key]
            for identifier in scene.recordings:
                self._ask({"op": requests.UNBIND, "id": identifier, "source": list(key)})
            self._listening.release(scene.name, key)


def _leg(call: Call, leg_id: str) -> Leg | None:
    return next((leg for leg in (call.caller, call.callee) if leg is not None and leg.id == leg_id), None)


def _live(port: Port | None) -> Port | None:
    return port if port is not None and not port.closed else None
