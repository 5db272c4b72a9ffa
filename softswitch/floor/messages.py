"""A floor message whatever its encoding: the vocabulary of TS 24.380 §8.2, of which talk burst control uses a part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """Message types; the values are the subtypes of MCPTT (TS 24.380 §8.2.2)."""

    REQUEST = 0
    GRANTED = 1
    TAKEN = 2
    DENY = 3
    RELEASE = 4
    IDLE = 5
    REVOKE = 6
    REVOKE_REQUEST = 7
    QUEUE_POSITION_REQUEST = 8
    QUEUE_POSITION_INFO = 9
    ACK = 10
    MEDIA_FLOW_CONTROL = 11
    #: Floor Queued Cancel in Rel-17, Queued Floor Requests from Rel-18 on.
    QUEUED_REQUESTS = 14
    RELEASE_MULTI_TALKER = 15


class Source(IntEnum):
    """Who sends an acknowledgement (field Source)."""

    PARTICIPANT = 0
    PARTICIPATING_FUNCTION = 1
    CONTROLLING_FUNCTION = 2
    NON_CONTROLLING_FUNCTION = 3


#: Positions that name no place in the queue (field Queue Info).
POSITION_UNKNOWN = 254
POSITION_NONE = 255


class TrackInfo(NamedTuple):
    """The path of a message through non-controlling functions (field Track Info)."""

    queueing: bool
    participant_type: str
    references: tuple[int, ...] = ()


class Location(NamedTuple):
    """Where a talker is: `kind` 0 none, 1 ECGI, 2 TAI, 3 PLMN, 4 MBMS area, 5 MBSFN area, 6 coordinates."""

    kind: int
    octets: bytes = b""


@dataclass(slots=True)
class FloorMessage:
    """One message. A field that is None is absent; `ssrc` is the sender's, texts are UTF-8, times whole seconds."""

    kind: Kind
    ssrc: int = 0
    ack_required: bool = False
    #: 0 Floor Priority, 0 to 255, higher wins.
    priority: int | None = None
    #: 1 Duration of the grant.
    duration_s: int | None = None
    #: 2 Reject Cause, of Deny or of Revoke, with the phrase that may follow it.
    cause: int | None = None
    phrase: str = ""
    #: 3 Queue Info: position, 1 is next, and the priority it waits with.
    position: int | None = None
    position_priority: int = 0
    #: 4 Granted Party's Identity.
    granted_party: str | None = None
    #: 5 Permission to Request the Floor.
    may_request: bool | None = None
    #: 6 User ID.
    user: str | None = None
    #: 7 Queue Size.
    queue_size: int | None = None
    #: 8 Message Sequence Number.
    sequence: int | None = None
    #: 9 Queued User ID.
    queued_user: str | None = None
    #: 10 Source.
    source: int | None = None
    #: 11 Track Info.
    track: TrackInfo | None = None
    #: 12 Message Type that is acknowledged.
    acknowledged: int | None = None
    #: 13 Floor Indicator.
    indicator: int | None = None
    #: 14 SSRC of the granted participant's audio.
    talker_ssrc: int | None = None
    #: 15 List of Granted Users, 16 List of SSRCs.
    talkers: tuple[str, ...] | None = None
    talker_ssrcs: tuple[int, ...] | None = None
    #: 17 Functional Alias, 18 List of Functional Aliases.
    alias: str | None = None
    aliases: tuple[str, ...] | None = None
    #: 19 Location, 20 List of Locations.
    location: Location | None = None
    locations: tuple[Location, ...] | None = None
    #: 21 Queued Floor Requests Purpose, 22 List of Queued Users, 23 Response State.
    purpose: int | None = None
    queued_users: tuple[str, ...] | None = None
    result: int | None = None
    #: 24 Media Flow Control Indicator: True resumes.
    media_flow: bool | None = None
    #: 25 Floor Revoke Request User ID.
    revoke_user: str | None = None
    #: Talk burst control only: last RTP sequence number of a Release, seconds until one may ask again after a Revoke.
    last_rtp: int | None = None
    retry_after_s: int = 0
