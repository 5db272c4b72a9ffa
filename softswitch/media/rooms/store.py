"""The numbers of rooms and voices, and their records in the shared memory, as the control side deals them out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.errors import MediaError
from softswitch.media.formats import StreamFormat
from softswitch.media.layouts.events import EVENT_ROOM_PLAYED
from softswitch.media.layouts.link import MAXIMUM_SIDES
from softswitch.media.layouts.room import MAXIMUM_ROOMS
from softswitch.media.layouts.shared import NOBODY
from softswitch.media.memory import Arena
from softswitch.media.notices import LoudestSpeaker, MediaEvent, RoomPlaybackEnded
from softswitch.media.playing.clips import Clip, ClipStore
from softswitch.media.records import Fields
from softswitch.media.routing import PortSettings
from softswitch.media.voices import (
    VoiceCounters,
    prepare_ear,
    prepare_hearer,
    prepare_rendition,
    prepare_speaker,
    prepare_voice,
    read_voice,
)

if TYPE_CHECKING:
    from softswitch.media.port import Port
    from softswitch.media.rooms.conference import Conference
    from softswitch.media.rooms.rooms import Room
    from softswitch.media.rooms.wings import Wing
    from softswitch.media.workers.packet_thread import PacketThread


class RoomStore:
    """What the rooms of one engine share; everything is called under the engine's lock.

    `later(thread, position, action)` is to act when a thread has done its commands up to a position, `settle` to wait
    for all of them.
    """

    def __init__(
        self,
        arena: Arena,
        clips: ClipStore,
        later: Callable[[PacketThread, int, Callable[[], object]], None],
        settle: Callable[[], None],
    ) -> None:
        self.clips = clips
        self.open_rooms: dict[int, Room] = {}
        self.conferences: dict[int, Conference] = {}  # those that are told of, by number
        self._arena = arena
        self._later = later
        self._settle = settle
        self._free_rooms = deque(range(MAXIMUM_ROOMS))
        self._free_voices = list(range(len(arena.voices)))
        self._free_sides = list(range(MAXIMUM_SIDES))

    def open(self) -> int:
        """The number of a new room without members; raises MediaError when there are too many."""
        if not self._free_rooms:
            self._settle()
        if not self._free_rooms:
            raise MediaError(f"all {MAXIMUM_ROOMS} rooms of the engine are in use")
        number = self._free_rooms.popleft()
        room = self._arena.rooms[number]
        room["generation"] += 1
        room["first"], room["members"], room["talker"], room["hearer"] = NOBODY, 0, NOBODY, NOBODY
        room["second"] = room["next_talker"] = room["next_second"] = room["links"] = NOBODY
        return number

    def open_mixed(self, rate_hz: int, *, tells_loudest: bool, comfort: float = 0.0) -> int:
        """The number of a new room that is mixed at `rate_hz`; loads the mixer when it is the first.

        `comfort` is the largest sample of the noise that is heard while nobody speaks.
        """
        if self._own_threads.any():
            from softswitch.media.kernels.sound import mixer

            self._enter("mixer", mixer.serve_rooms.address)  # looked at when a room has members
        number = self.open()
        room = self._arena.rooms[number]
        room["rate_hz"], room["samples"], room["limiter"] = rate_hz, rate_hz // 100, 1.0
        room["playing"], room["turn"], room["tells_loudest"] = 0, 0, tells_loudest
        room["loudest"] = room["candidate"] = NOBODY
        room["comfort"], room["seed"], room["whispers"], room["held"] = comfort, number + 1, 0, 0
        return number

    @property
    def wings(self) -> list[Wing]:
        """All parts of all rooms."""
        return [wing for room in self.open_rooms.values() for wing in room.wings]

    def closed(self, room: Room) -> None:
        """A room has no members and, but for its home, no wings any more."""
        self.conferences.pop(room.number, None)
        self.open_rooms.pop(room.number, None)
        self.vacated(room.home)

    def vacated(self, wing: Wing) -> None:
        """The number of an empty wing may be given to another, once its thread has done all that was asked before."""
        self._later(wing.thread, wing.thread.ring.written, lambda: self._free_rooms.append(wing.number))

    def command(self, room: Room | Wing, operation: int, fields: Fields) -> int:
        """Hand a command about a wing of a room, or about its home, to the packet thread that serves it."""
        generation = int(self._arena.rooms[room.number]["generation"])
        head: dict[str, Any] = {"operation": operation, "room": room.number, "generation": generation}
        return room.thread.ring.post(head | fields)

    def occupy(self, rooms: set[int], voices: set[int]) -> Callable[[], None]:
        """Keep rooms and voices that ports of an earlier switch still use from being dealt out, and the rooms' links,
        until the function that is returned is called."""
        links = self._arena.links
        here = {side for number in rooms for side in sides_of(self._arena.rooms, links, number)}
        sides = here | {int(links[side]["peer"]) for side in here}
        self._free_rooms = deque(number for number in self._free_rooms if number not in rooms)
        self._free_voices = [number for number in self._free_voices if number not in voices]
        self._free_sides = [number for number in self._free_sides if number not in sides]

        def vacate() -> None:
            self._free_rooms.extend(rooms)
            self._free_voices.extend(voices)
            self._free_sides.extend(sides)

        return vacate

    def take_sides(self) -> tuple[int, int]:
        """The numbers of both sides of a new link: there are enough for rooms that are linked to trees."""
        if len(self._free_sides) < 2:
            self._settle()
        return self._free_sides.pop(), self._free_sides.pop()

    def give_sides_back(self, one: tuple[PacketThread, int], other: tuple[PacketThread, int]) -> None:
        """Let the sides of a link be others', once both threads have done what they were asked before."""
        (first, _), (second, _) = one, other
        position = second.ring.written

        def give() -> None:
            self._free_sides += (one[1], other[1])

        self._later(first, first.ring.written, lambda: self._later(second, position, give))

    def take_voice(self) -> int:
        """The number of a free voice: there are a few more than ports."""
        if not self._free_voices:
            self._settle()
        return self._free_voices.pop()

    def take_speaker(self, entry: StreamFormat, rate_hz: int) -> int:
        """The number of a voice that encodes samples at `rate_hz` into a format."""
        number = self.take_voice()
        prepare_speaker(self._arena.voices, number, entry, rate_hz)
        return number

    def take_rendition(self, entry: StreamFormat) -> int:
        """The number of a voice that codes what a fan-out's talker says; loads what does so when it is the first."""
        if self._own_threads.any():
            from softswitch.media.kernels.sound import rendering

            self._enter("renderer", rendering.render_packet.address)  # looked at when a member needs it
        number = self.take_voice()
        self.prepare_rendition(number, entry)
        return number

    def prepare_rendition(self, number: int, entry: StreamFormat) -> None:
        """Make a free voice code what a fan-out's talker says into a format."""
        prepare_rendition(self._arena.voices, number, entry)

    def take_hearer(self, formats: list[tuple[int, StreamFormat]], slot: int, talks: int) -> int:
        """The number of a voice that decodes what comes from a fan-out's talker at `slot`, in formats by number; no two
        `talks` in one wing are alike."""
        number = self.take_voice()
        prepare_hearer(self._arena.voices, number, formats, slot, talks)
        return number

    def take_ear(self, settings: PortSettings, listens: int) -> int:
        """The number of a voice that listens to what a port receives; loads what listens when it is the first."""
        if self._own_threads.any():
            from softswitch.media.kernels.sound import ear

            self._enter("listener", ear.attend_packet.address)  # looked at when a port has an ear
        number = self.take_voice()
        prepare_ear(self._arena.voices, number, settings, listens)
        return number

    @property
    def _own_threads(self) -> NDArray[np.bool_]:
        """Which packet threads are of this process; those of others have entered their own functions."""
        own: NDArray[np.bool_] = self._arena.workers["handover_fd"] < 0
        return own

    def _enter(self, field: str, address: int) -> None:
        """Tell the packet threads of this process where a function is."""
        self._arena.workers[field][self._own_threads] = address

    def prepare_voice(self, number: int, port: Port, rate_hz: int, partner: Port | None = None) -> None:
        """Make a free voice that of a port, before the command that gives it to the packet thread."""
        slot = NOBODY if partner is None else partner.slot
        frozen = port.fax or (partner is not None and partner.fax)
        prepare_voice(self._arena.voices, number, port.settings, rate_hz, partner=slot, frozen=frozen)

    def give_voice_back(self, port: Port, number: int, commands_ahead: int = 0) -> None:
        """Let a voice be another's, once all that the port's thread was asked before is done, and the next commands."""
        self._later(port.thread, port.thread.ring.written + commands_ahead, lambda: self._free_voices.append(number))

    def give_back(self, thread: PacketThread, number: int) -> None:
        """Let a room's own voice be another's, once all that the thread was asked before is done."""
        self._later(thread, thread.ring.written, lambda: self._free_voices.append(number))

    def mean_depth_ms(self) -> float:
        """The mean depth of all members' jitter buffers, in ms; 0 when there is none."""
        depths = [
            counters.depth_ms
            for room in self.open_rooms.values()
            for port in room.members
            if (counters := room.hearing(port)) is not None
        ]
        return sum(depths) / len(depths) if depths else 0.0

    def counters(self, number: int, rate_hz: int) -> VoiceCounters:
        """What a voice in use has counted."""
        return read_voice(self._arena.voices[number], rate_hz)

    def release_clip(self, thread: PacketThread, clip: Clip) -> None:
        """Give a clip back, once all that the thread was asked before is done."""
        self._later(thread, thread.ring.written, lambda: self.clips.release(clip))

    def translate(self, record: NDArray[Any], ports: Mapping[int, Port]) -> MediaEvent | None:
        """What an event record says of a room."""
        number, value, time_s = int(record["port"]), int(record["value"]), int(record["time_ns"]) / 1e9
        room = self.conferences.get(number)
        if room is None or self._arena.rooms[number]["generation"] != record["generation"]:
            return None
        if record["kind"] == EVENT_ROOM_PLAYED:
            room.clip_ended(value)
            return RoomPlaybackEnded(room, value, time_s)
        port = ports.get(value)
        return LoudestSpeaker(room, port if port is not None and port.room is room else None, time_s)


def sides_of(rooms: NDArray[Any], links: NDArray[Any], number: int) -> Iterator[int]:
    """A room's sides of its links, as its packet thread has them."""
    side = int(rooms[number]["links"])
    while side != NOBODY:
        yield side
        side = int(links[side]["next_link"])
