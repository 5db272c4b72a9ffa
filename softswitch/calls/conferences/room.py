"""A conference in use: its mixer, who is inside, and what may be done to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from softswitch.calls.conferences.definition import MemberAttributes
from softswitch.calls.leg import Leg
from softswitch.media import Port

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy import int16
    from numpy.typing import NDArray

    from softswitch.calls.call import Call
    from softswitch.calls.conferences.switched_pictures import SwitchedPictures
    from softswitch.media import Conference


@dataclass(slots=True)
class Participant:
    """One party in a room; `port` once its media is agreed, `hand_since` (Unix time) while its hand is raised."""

    call: Call
    leg: Leg
    since: float
    attributes: MemberAttributes
    port: Port | None = None
    picture: Port | None = None
    hand_since: float = 0.0
    whispers_to: str = ""
    last_key: str = ""

    @property
    def number(self) -> str:
        """Who it is."""
        return self.leg.party.number

    def describe(self) -> dict[str, Any]:
        """JSON-ready."""
        attributes = self.attributes
        return {
            "party": self.number,
            "display_name": self.leg.party.display_name,
            "leg_id": self.leg.id,
            "call_id": self.call.id,
            "since": self.since,
            "chair": attributes.chair,
            "muted": attributes.muted,
            "deaf": attributes.deaf,
            "gain": attributes.gain,
            "levelled": attributes.levelled,
            "hand_since": self.hand_since,
            "whispers_to": self.whispers_to,
        }


class ConferenceRoom:
    """The participants of one conference and what is done to them; every order is heard at once."""

    def __init__(self, number: str, mixer: Conference, pictures: SwitchedPictures) -> None:
        self.number = number
        self.mixer = mixer
        self.pictures = pictures
        self.participants: dict[Leg, Participant] = {}
        self.locked = False
        self.links: set[str] = set()

    def find(self, party: str) -> Participant:
        """The participant meant by a leg's id or a party's number; raises LookupError."""
        for participant in self.participants.values():
            if party in (participant.leg.id, participant.number):
                return participant
        raise LookupError(f"{party!r} is not in conference {self.number}")

    def seated(self) -> Iterable[Participant]:
        """Those whose media is agreed."""
        return [each for each in self.participants.values() if each.port is not None]

    def take_in(self, participant: Participant) -> None:
        """Let the others hear a participant, and it them, as its attributes say; raises MediaError."""
        if participant.port is not None:
            wanted = participant.attributes
            self.mixer.join(
                participant.port, gain=wanted.gain, muted=wanted.muted, deaf=wanted.deaf, levelled=wanted.levelled
            )

    def show(self, participant: Participant, picture: Port | None) -> None:
        """Let the others see a participant through that port, or see it no more; raises MediaError."""
        before, participant.picture = participant.picture, None
        if before is not None and before is not picture:
            self.pictures.leave(before)
        if picture is not None:
            self.pictures.join(picture)
            participant.picture = picture

    def adjust(self, participant: Participant, **changes: Any) -> None:
        """Change attributes of a participant: muted, deaf, gain, levelled, chair. Raises ValueError."""
        wanted = replace(participant.attributes, **changes)
        if participant.port is not None and participant.port in self.mixer.members:
            self.mixer.adjust(
                participant.port, gain=wanted.gain, muted=wanted.muted, deaf=wanted.deaf, levelled=wanted.levelled
            )
        participant.attributes = wanted

    def mute_all(self, *, muted: bool, spare: Iterable[str] = ()) -> None:
        """Let nobody speak, chairs and `spare` (legs or numbers) apart; or everybody again."""
        spared = set(spare)
        for participant in self.participants.values():
            if not muted or not (participant.attributes.chair or {participant.number, participant.leg.id} & spared):
                self.adjust(participant, muted=muted)

    def whisper(self, participant: Participant, to: Participant | None) -> None:
        """Let `to` alone hear what a participant says; None: everybody. Raises ValueError when one is held."""
        if participant.port is None or (to is not None and to.port is None):
            raise ValueError("its media is not agreed yet")
        self.mixer.whisper(participant.port, to.port if to is not None else None)
        participant.whispers_to = to.number if to is not None else ""

    def play(self, sound: NDArray[int16], *, loop: bool = False) -> None:
        """Let everybody hear a sound (8 kHz) besides each other; raises MediaError."""
        self.mixer.play(sound, loop)


__all__ = ["ConferenceRoom", "Participant"]
