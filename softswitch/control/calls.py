"""Calls for the API: rows, and what may be done to them. Each command is one mutation through the SIP driver."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.api.auth import Principal
from softswitch.api.problems import Problem
from softswitch.api.services import CallCommand, Row
from softswitch.app import Application
from softswitch.calls.call import Call
from softswitch.calls.dispatching.invitation import Invitation
from softswitch.calls.dispatching.operator import NotPossible, Operator, Order, Refused, named, parties
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.machine import Method, legal_methods
from softswitch.control.call_media import CallMedia
from softswitch.control.reach import refusal
from softswitch.events.groups import DispatcherActed
from softswitch.media.playing.hold import hold_music
from softswitch.media.playing.sounds import SoundError, announcement
from softswitch.media.recording.reader import load_sound
from softswitch.sip.causes import status_of_cause

_RATE_HZ = 8000
_FLOOR_METHODS = (Method.REQUEST_FLOOR, Method.RELEASE_FLOOR, Method.WAIT_FLOOR)
_SETUP_METHODS = (Method.RING, Method.QUEUE, Method.PROCEED, Method.ANSWER)
Operation = Callable[[Call, Mapping[str, Any], Principal], None]


class CallControl:
    """The calls of one exchange as the API sees and commands them."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._sounds: dict[str, NDArray[np.int16]] = {}
        self._operator = Operator(app.exchange, app.ids.next, hold_music, self.sound)
        self._media = CallMedia(app, self._operator, self.sound)
        operations: dict[str, Operation] = {
            "disconnect": self._disconnect,
            "force_release": self._force_release,
            "hold": lambda call, body, by: self._operator.hold(call, body["leg_id"]),
            "resume": lambda call, body, by: self._operator.resume(call, body["leg_id"]),
            "transfer": lambda call, body, by: self._operator.transfer(call, body["leg_id"], body["target"], by.name),
            "stop_play": lambda call, body, by: self._media.stop(call, body["leg_id"]),
            "record": lambda call, body, by: self._media.record(call, body, by),
            "dtmf": lambda call, body, by: self._operator.dtmf(
                call, body["leg_id"], body["digits"], int(body["duration_ms"])
            ),
        }
        for name, silent in (("insert", False), ("listen", True)):
            operations[name] = partial(self._supervise, silent)
        operations["whisper"] = self._whisper
        for method in _SETUP_METHODS:
            operations[method.value] = partial(self._apply, method)
        for method in _FLOOR_METHODS:
            operations[method.value] = partial(self._floor, method)
        self.commands: dict[str, CallCommand] = {
            name: partial(self._run, operation) for name, operation in operations.items()
        }
        self.commands["play"] = self._play

    # -- rows -------------------------------------------------------------------------------------------------------

    def rows(self) -> Iterable[Row]:
        """Every call in progress, oldest first."""
        calls = self._app.exchange.calls.values()
        joining = [call for call in calls if call.record.joins]
        return [self._row(call, joining) for call in calls]

    def row(self, identifier: str) -> Row | None:
        """One call, its legs with what was counted of their media."""
        call = self._app.exchange.calls.get(identifier)
        return None if call is None else self._row(call, self._app.exchange.calls.values(), detailed=True)

    def _row(self, call: Call, others: Iterable[Call] = (), *, detailed: bool = False) -> Row:
        """A call's row; `others` are those that may have been placed to join it."""
        record = call.record
        return {
            "call_id": call.id,
            "state": call.machine.state.value,
            "caller": record.caller,
            "callee": record.callee,
            "started_at": record.started_at,
            "answered_at": record.answered_at or None,
            "emergency": record.emergency,
            "location": record.location,
            "legal_methods": [method.value for method in legal_methods(call.machine.state)],
            "operations": self._offered(call),
            "legs": [self._leg(leg, detailed=detailed) for leg in parties(call)],
            "recordings": self._app.recordings.of_call(call.id),
            "playback": self._app.playbacks.state(call.id),
            "joins": record.joins,
            "joins_as": record.joins_as,
            "joined_by": [
                {"call_id": each.id, "party": each.record.callee, "joins_as": each.record.joins_as}
                for each in others
                if each.record.joins == call.id
            ],
        }

    def _offered(self, call: Call) -> list[str]:
        """The commands that make sense now, given who is in the call and what is held and played."""
        legs, talking = parties(call), call.callee is not None
        joinable = talking or self._app.talkgroups.seat_of(call.caller.id) is not None
        senseless = {
            "insert": not joinable,
            "listen": not joinable,
            "whisper": not talking,
            "hold": all(self._operator.is_held(leg) for leg in legs),
            "resume": not any(self._operator.is_held(leg) for leg in legs),
            "stop_play": self._app.playbacks.state(call.id) is None,
        }
        possible = self._operator.possible(call)
        return [name for name in possible if name in self.commands and not senseless.get(name)]

    def _leg(self, leg: Leg, *, detailed: bool) -> Row:
        row = {**leg.describe(), "held": self._operator.is_held(leg)}
        if detailed:
            codec, quality = self._app.exchange.media.quality(leg)
            row.update(codec=codec, srtp=self._app.exchange.media.srtp(leg), media=quality or {})
        return row

    def sounds(self) -> Iterable[Row]:
        """What can be played."""
        names = ["music", "welcome"]
        names += [service.number for service in self._app.settings.service if service.kind == "announcement"]
        found = ((name, self.sound(name)) for name in names)
        return [
            {"name": name, "seconds": round(len(samples) / _RATE_HZ, 2)}
            for name, samples in found
            if samples is not None
        ]

    def sound(self, name: str) -> NDArray[np.int16] | None:
        """The samples of a sound at 8 kHz; None when there is none of that name."""
        if name == "music":
            return hold_music()
        if name == "welcome":
            return announcement()
        for service in self._app.settings.service:
            if service.kind == "announcement" and service.number == name:
                return announcement() if service.file is None else self._file(service.file)
        return None

    def _file(self, path: str) -> NDArray[np.int16] | None:
        samples = self._sounds.get(path)
        if samples is None:
            try:
                samples = self._sounds[path] = load_sound(Path(path), _RATE_HZ)
            except (SoundError, OSError):
                return None
        return samples

    # -- commands ---------------------------------------------------------------------------------------------------

    def originate(self, body: Mapping[str, Any], principal: Principal) -> Row:
        """Place a call; its row as it is now."""
        order = Order(
            body["caller"],
            body["callee"] or "",
            body["play"] or "",
            body["caller_name"],
            float(body["timeout_s"]),
            principal.name,
        )
        try:
            call = self._app.driver.call(lambda now: self._operator.originate(order))
        except Refused as error:
            raise refusal(error.cause, error.field) from error
        return self._row(call)

    def _run(self, operation: Operation, identifier: str, body: Mapping[str, Any], principal: Principal) -> None:
        call = self._app.exchange.calls.get(identifier)
        if call is None:
            raise LookupError(f"there is no call {identifier!r}")
        try:
            self._app.driver.call(lambda now: operation(call, body, principal))
        except NotPossible as error:
            members = {
                "method": error.operation,
                "state": error.state.value,
                "legal_methods": [name for name in error.possible if name in self.commands],
            }
            raise Problem(409, str(error), kind="illegal-transition", members=members) from error
        except Refused as error:
            raise refusal(error.cause, error.field) from error

    async def _play(self, identifier: str, body: Mapping[str, Any], principal: Principal) -> None:
        """Play, after what that takes has been loaded on a thread: half a second in which calls are not to wait."""
        await asyncio.to_thread(self._media.prepare, body)
        self._run(lambda call, body, by: self._media.play(call, body), identifier, body, principal)

    def _apply(self, method: Method, call: Call, body: Mapping[str, Any], principal: Principal) -> None:
        self._operator.apply(call, method)

    def _floor(self, method: Method, call: Call, body: Mapping[str, Any], principal: Principal) -> None:
        self._operator.floor(call, method, body["party"])

    def _supervise(self, silent: bool, call: Call, body: Mapping[str, Any], principal: Principal) -> None:
        """Let a dispatcher into a call of two, or into the talkgroup that its party is in."""
        app, party = self._app, body["party"]
        seat = app.talkgroups.seat_of(call.caller.id)
        if seat is not None:
            welcome = app.talkgroups.listen if silent else partial(app.talkgroups.enter, invited=True, dispatcher=True)
            number = seat.group.number
            placed = app.inviter.call(
                Invitation(party, number, by=principal.name), lambda taken, leg: welcome(taken, leg, number)
            )
        else:
            placed = app.supervision.join(call, party, silent=silent, by=principal.name)
        if placed.record.cause is not None:
            raise Refused("party", named(placed.record.cause, party))
        group = seat.group.number if seat is not None else ""
        operation = "listen" if silent else "insert"
        app.bus.tell(DispatcherActed, operation, group, call.id, party, principal.name, placed.id)

    def _whisper(self, call: Call, body: Mapping[str, Any], principal: Principal) -> None:
        """Let a dispatcher speak to one of two parties alone."""
        app, party = self._app, body["party"]
        placed = app.supervision.join(call, party, silent=False, by=principal.name, to=body["to"])
        if placed.record.cause is not None:
            raise Refused("party", named(placed.record.cause, party))
        app.bus.tell(DispatcherActed, "whisper", "", call.id, party, principal.name, placed.id)

    def _disconnect(self, call: Call, body: Mapping[str, Any], principal: Principal) -> None:
        self._operator.release(call, _cause(call, body, f"ended by {principal.name}"))

    def _force_release(self, call: Call, body: Mapping[str, Any], principal: Principal) -> None:
        if call.record.emergency and not principal.may("admin"):
            raise Problem(403, "an emergency call is released by force only with role admin")
        self._operator.release(call, _cause(call, body, f"released by force by {principal.name}"))
        self._app.bus.tell(DispatcherActed, "force_release", "", call.id, call.record.callee, principal.name)


def _cause(call: Call, body: Mapping[str, Any], text: str) -> Cause:
    """What the parties and the record are told; a call that was answered ends with BYE and so with 200."""
    q850 = int(body["q850_cause"])
    status = 200 if call.record.answered_at or q850 == 16 else status_of_cause(q850)
    return Cause(status, q850, str(body["reason"] or text), "operator")
