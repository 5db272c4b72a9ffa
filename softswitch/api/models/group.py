"""Shapes of `/groups` and of conferences."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from softswitch.api.models.base import Answer, Request, Time


class RoomParticipant(Answer):
    """Who is in a talkgroup or a conference."""

    party: str
    display_name: str = ""
    leg_id: str
    call_id: str
    since: Time = None
    floor: str = Field(default="", description="talking, waiting or listening; empty in a conference.")


class Group(Answer):
    """A talkgroup: who is in it and who holds the floor."""

    number: str
    name: str = ""
    members: list[str] = Field(default_factory=list, description="Numbers that may enter; empty: everybody.")
    talk_s: float = Field(default=0.0, description="Longest talk of one member, in seconds.")
    floor: Literal["idle", "taken"] = "idle"
    talker: str = Field(default="", description="Number of who talks.")
    participants: list[RoomParticipant] = Field(default_factory=list)


class Conference(Answer):
    """A room whose participants all speak."""

    number: str
    name: str = ""
    max_participants: int = 0
    pin_needed: bool = False
    participants: list[RoomParticipant] = Field(default_factory=list)


class FloorWish(Request):
    """For whom the floor is asked, released or taken away."""

    leg_id: str = Field(min_length=1, max_length=128, description="The participant's leg.")
