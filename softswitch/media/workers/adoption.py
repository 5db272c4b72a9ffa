"""Ports that an earlier switch has left open in worker processes, as a switch that attaches to them finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softswitch.media.layouts.commands import COMMAND_CLOSE, COMMAND_LEAVE, COMMAND_ROOM_UNLINK, COMMAND_ROUTE
from softswitch.media.layouts.shared import (
    CONFERENCE_PEER,
    FAN_OUT_PEER,
    LINK_NEAR,
    NO_PEER,
    NO_VOICE,
    NOBODY,
    OPEN,
    PLAY_ENCODED,
)
from softswitch.media.memory import Arena
from softswitch.media.playing.clips import ClipStore
from softswitch.media.records import Fields, route_fields
from softswitch.media.rooms.store import RoomStore, sides_of
from softswitch.media.routing import NO_ROUTE
from softswitch.media.workers.packet_thread import PacketThread


class PortRecord(NamedTuple):
    """An open port of an earlier switch: its `owner` (a call's identifier) says what it belonged to.

    `slot` and `generation` name its record, `peer` is the slot of the port it is relayed to, -1 for none.
    """

    slot: int
    generation: int
    owner: str
    local_port: int
    worker: int
    peer: int
    packets_received: int


class Adoption:
    """`waiting` holds, by slot, what was found and is not released yet, and `links` the ends of links between wings of
    rooms, which nobody will claim.

    Until the last is released their rooms, voices and played samples are kept from being dealt out anew.
    """

    def __init__(self, arena: Arena, threads: Sequence[PacketThread], rooms: RoomStore, clips: ClipStore) -> None:
        for thread in threads:
            thread.ring.wait(thread.ring.written)
        self._ports, self._rooms, self._sides = arena.ports, arena.rooms, arena.links
        found = np.flatnonzero(arena.ports["state"] == OPEN)
        records = arena.ports[found]
        joining = records["kind"] >= LINK_NEAR
        self.waiting: dict[int, PortRecord] = {int(slot): self._read(int(slot)) for slot in found[~joining]}
        self.links: dict[int, PortRecord] = {int(slot): self._read(int(slot)) for slot in found[joining]}
        in_rooms = {
            int(number) for number in records["room"][np.isin(records["peer"], (CONFERENCE_PEER, FAN_OUT_PEER))]
        }
        self._held = [(thread, number) for thread in threads for number in _held(arena, thread.number)]
        in_rooms |= {number for _, number in self._held}
        heard = {int(arena.rooms[number]["hearer"]) for number in in_rooms} - {NOBODY}
        playing = [record for record in (*records, *(arena.rooms[number] for number in in_rooms)) if record["playing"]]
        self._vacate: list[Callable[[], None]] = [
            rooms.occupy(in_rooms, _voices(records) | heard),
            clips.occupy({(int(record["play_offset"]), int(record["play_length"])) for record in playing}),
        ]

    def release(self, record: PortRecord, thread: PacketThread) -> int:
        """Close a port; returns the count that the ring of its thread reaches when it is done. Raises KeyError."""
        del (self.links if record.slot in self.links else self.waiting)[record.slot]
        head: Fields = {"port": record.slot, "generation": record.generation}
        if self._ports[record.slot]["peer"] in (CONFERENCE_PEER, FAN_OUT_PEER):
            thread.ring.post(head | {"operation": COMMAND_LEAVE})
        for other in self._peers(record):
            nobody = {"operation": COMMAND_ROUTE, "port": other.slot, "generation": other.generation}
            thread.ring.post(nobody | route_fields(NO_PEER, NO_ROUTE))
        return thread.ring.post(head | {"operation": COMMAND_CLOSE})

    def let_go(self) -> None:
        """Nobody is in a room any more: the homes of conferences need not take their turns for their wings."""
        for thread, number in self._held:
            room = self._rooms[number]
            head: Fields = {
                "operation": COMMAND_ROOM_UNLINK,
                "room": number,
                "generation": int(room["generation"]),
            }
            for side in list(sides_of(self._rooms, self._sides, number)):
                thread.ring.post(head | {"link": side})
            thread.ring.wait(thread.ring.written)
        self._held.clear()

    def vacate(self) -> None:
        """The last port is closed: what they used may be others'."""
        for vacate in self._vacate:
            vacate()
        self._vacate.clear()

    def _peers(self, record: PortRecord) -> list[PortRecord]:
        """Who would send through the port's socket."""
        return [self.waiting[record.peer]] if record.peer in self.waiting else []

    def _read(self, slot: int) -> PortRecord:
        record = self._ports[slot]
        return PortRecord(
            slot=slot,
            generation=int(record["generation"]),
            owner=record["owner"].tobytes().rstrip(b"\0").decode(errors="replace"),
            local_port=int(record["local_port"]),
            worker=int(record["worker"]),
            peer=max(int(record["peer"]), NO_PEER),
            packets_received=int(record["packets_received"]),
        )


def _held(arena: Arena, worker: int) -> Iterator[int]:
    """The rooms of a worker that take their turns for the sake of their wings."""
    for first in arena.workers[worker]["room_wheel"]:
        number = int(first)
        while number != NOBODY:
            if arena.rooms[number]["held"]:
                yield number
            number = int(arena.rooms[number]["next_room"])


def _voices(records: NDArray[Any]) -> set[int]:
    """The voices that records of open ports use: members of rooms, ears, encoders of what is played."""
    encoded = (records["playing"] != 0) & (records["play_codec"] == PLAY_ENCODED)
    used = (
        records["voice"][np.isin(records["peer"], (CONFERENCE_PEER, FAN_OUT_PEER)) & (records["voice"] != NO_VOICE)],
        records["ear"][records["ear"] != NO_VOICE],
        records["play_voice"][encoded],
    )
    return {int(number) for number in np.concatenate(used)}
