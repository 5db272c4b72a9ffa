"""``[gateways.e1]``: trunk groups, the spans that they are made of, and how calls through them are made and taken."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from softswitch.config.base import Dscp, Name, Number, PositiveSeconds, Section, Switch

#: The D channel's timeslot.
D_SLOT = 16
_LAST_SLOT = 31


def parse_slots(text: str) -> tuple[int, ...]:
    """Timeslots such as ``1-15,17-31``, ascending; raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,2})\s*(?:-\s*(\d{1,2}))?\s*", part)
        if match is None:
            raise ValueError(f"{text!r} is no list of timeslots such as 1-15,17-31")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= _LAST_SLOT:
            raise ValueError(f"{part.strip()!r}: timeslots are 1 to {_LAST_SLOT}, the lower one first")
        found |= set(range(first, last + 1))
    found.discard(D_SLOT)
    if not found:
        raise ValueError(f"{text!r} leaves no timeslot for calls: {D_SLOT} is the D channel")
    return tuple(sorted(found))


def _check_slots(text: str) -> str:
    parse_slots(text)
    return text


def _check_endpoint(text: str) -> str:
    split_endpoint(text)
    return text


def split_endpoint(text: str) -> tuple[str, int]:
    """``192.0.2.1:5070`` or ``[2001:db8::1]:5070`` as address and port; raises ValueError."""
    host, colon, port = text.rpartition(":")
    try:
        address = str(ipaddress.ip_address(host.strip("[]")))
        if not (colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError
    except ValueError:
        raise ValueError(f"{text!r} is not an address with a port such as 192.0.2.1:5070") from None
    return address, int(port)


Slots = Annotated[str, AfterValidator(_check_slots)]
Endpoint = Annotated[str, AfterValidator(_check_endpoint)]


NumberTypeName = Literal["unknown", "national", "network_specific", "subscriber", "abbreviated"]


class E1TimerSettings(Section):
    """Timers in seconds by the names of ITU-T Q.921 and Q.931; by default the standard's values for the side."""

    t200: PositiveSeconds = Field(default=1.0, description="Data link: acknowledgement awaited.")
    t203: PositiveSeconds = Field(default=10.0, description="Data link: idle until it is polled.")
    t301: PositiveSeconds = Field(default=180.0, description="The called party rings.")
    t302: PositiveSeconds = Field(default=15.0, description="More digits awaited.")
    t303: PositiveSeconds = Field(default=4.0, description="Answer to SETUP awaited; it is sent twice.")
    t304: PositiveSeconds | None = Field(
        default=None, description="Progress awaited after the last digit we sent; 30 as user, 20 as network."
    )
    t305: PositiveSeconds = Field(default=30.0, description="Answer to DISCONNECT awaited.")
    t306: PositiveSeconds = Field(default=30.0, description="How long a tone may tell why a call ends.")
    t308: PositiveSeconds = Field(default=4.0, description="Answer to RELEASE awaited; it is sent twice.")
    t309: PositiveSeconds = Field(default=90.0, description="How long talk outlives the D channel.")
    t310: PositiveSeconds | None = Field(
        default=None, description="Alerting awaited after CALL PROCEEDING; 60 as user, 10 as network."
    )
    t313: PositiveSeconds = Field(default=4.0, description="Answer to CONNECT awaited (user side).")
    t316: PositiveSeconds = Field(default=120.0, description="Answer to RESTART awaited.")
    t322: PositiveSeconds = Field(default=4.0, description="Answer to STATUS ENQUIRY awaited.")


class E1GroupSettings(Section):
    """A trunk group: spans that lead to the same place. Routes name it as ``gateway:NAME``."""

    name: Name = Field(default="e1", description="What routes call it.")
    selection: Literal["ascending", "descending", "round_robin", "least_recently_used"] | None = Field(
        default=None,
        description="In which order idle channels are taken; none: descending as user, ascending as network, so that "
        "both ends seldom want the same one.",
    )
    emergency_preempts: Switch = Field(
        default=True, description="Whether an emergency call takes the channel of another call when none is free."
    )
    cause_table: Literal["rfc3398", "q1912_5"] = Field(
        default="rfc3398", description="By which table causes of Q.850 become SIP statuses."
    )
    bearer: Literal["speech", "audio_3k1"] = Field(default="speech", description="Bearer capability of calls out.")
    prefix: str = Field(default="", max_length=16, description="Put before numbers that are called from the line.")
    class_of_service: Name | None = Field(default=None, description="Rights of calls that come in.")
    number_type: NumberTypeName = Field(
        default="unknown", description="Type told of called numbers without a +; with one they are international."
    )
    calling_number_type: NumberTypeName = Field(
        default="unknown",
        description="Type told of numbers of ours without a +: who calls, who answered, who diverted a call.",
    )
    number_plan: Literal["e164", "private", "national", "unknown"] = Field(
        default="e164", description="Numbering plan told of numbers without a +."
    )
    exclusive: Switch = Field(default=False, description="Whether calls out insist on the channel they ask for.")
    send_restricted: Switch = Field(
        default=False, description="Whether numbers of callers who want privacy are sent, marked so."
    )
    user_to_user: Switch = Field(
        default=True, description="Whether user-user information goes to and from SIP (User-to-User, RFC 7433)."
    )
    display: Literal["utf-8", "gbk", "none"] = Field(
        default="utf-8",
        description="Encoding of names shown at the far end (display): exchanges of China often read GBK; none: no "
        "names are sent. Both are read.",
    )
    floor: Literal["none", "user_information", "keys"] = Field(
        default="none",
        description="How the floor of talkgroups patched with those of another platform crosses the line: not at all, "
        "in user-user information, or as keys * and # in the B channel.",
    )
    tones: Switch = Field(
        default=False,
        description="Whether callers from the line hear dial tone, ringing, busy and congestion tones made here, for "
        "exchanges that make none themselves; busy and congestion as network only.",
    )
    hold: Literal["notify", "hold", "none"] = Field(
        default="notify", description="How the exchange is told that our party holds: NOTIFY, HOLD, or not at all."
    )


class E1SpanSettings(Section):
    """One E1 line with a D channel in timeslot 16."""

    name: Name = Field(description="What operators call it.")
    group: Name = Field(default="e1", description="The trunk group it belongs to.")
    driver: Literal["cesopsn", "satop", "dahdi", "loop"] = Field(
        default="cesopsn",
        description="What carries it: circuit emulation over UDP (RFC 5086, RFC 4553), a card, or an exchange "
        "simulated in this process.",
    )
    side: Literal["user", "network"] = Field(default="user", description="Which end of the interface this is.")
    slots: Slots = Field(default="1-31", description="Timeslots for calls; 16 is never one.")
    local: Endpoint = Field(default="127.0.0.1:5070", description="Where packets are received.")
    remote: Endpoint = Field(default="127.0.0.1:5071", description="Where packets go.")
    frames_per_packet: int = Field(default=8, ge=1, le=64, description="E1 frames of 125 µs in a packet.")
    rtp: Literal["none", "before", "after"] = Field(
        default="none", description="Whether packets have an RTP header, before or after the control word."
    )
    clock: Literal["slave", "master"] = Field(
        default="slave", description="Whether this end follows the far end's clock or gives its own."
    )
    crc4: Literal["off", "auto", "on"] = Field(
        default="auto",
        description="CRC-4 multiframes (satop): neither sent nor looked for, sent and checked when the far end has "
        "them, or their absence is an alarm (LMFA).",
    )
    wait: Switch = Field(
        default=False,
        description="Whether this end sends nothing until the far end does, and its absence is no fault (cesopsn, "
        "satop): for a line that is not always connected. One end at most may wait.",
    )
    dscp: Dscp = Field(
        default=46,
        description="How the network is asked to treat its packets (cesopsn, satop): the DiffServ code point, 46 for "
        "expedited forwarding (EF); 0 leaves them unmarked.",
    )
    jitter_ms: int = Field(default=10, ge=1, le=63, description="Depth of the jitter buffer: 4 packets at least.")
    alarm_raise_s: PositiveSeconds = Field(
        default=2.5, description="How long a defect of the line lasts before it is an alarm (ITU-T G.7710)."
    )
    alarm_clear_s: PositiveSeconds = Field(
        default=10.0, description="How long a defect must be away before its alarm is cleared (ITU-T G.7710)."
    )
    card_span: int = Field(
        default=1, ge=1, le=128, description="Number of the span on the cards of this machine (dahdi)."
    )
    echo_cancel: Switch = Field(
        default=False,
        description="Whether echo from the line is cancelled in B channels (libspeexdsp); wanted where telephones with "
        "two wires are behind it. Sound is then not carried bit for bit any more.",
    )
    echo_tail_ms: int = Field(default=64, ge=8, le=128, description="Longest echo that is cancelled, the way included.")
    gain_rx_db: float = Field(default=0.0, ge=-20, le=20, description="How much louder callers of the line are made.")
    gain_tx_db: float = Field(default=0.0, ge=-20, le=20, description="How much louder the line is spoken to.")
    overlap: Literal["none", "receive", "send", "both"] = Field(
        default="none", description="Whether numbers may come, or are sent, digit by digit."
    )
    restart: Switch = Field(
        default=True, description="Whether channels are restarted when the D channel first comes up."
    )
    simulated_calls: tuple[Number, ...] = Field(
        default=(), description="Numbers that the simulated exchange calls in turn, one every half minute (loop)."
    )
    timers: E1TimerSettings = Field(default_factory=E1TimerSettings, description="Timers.")

    @property
    def timeslots(self) -> frozenset[int]:
        """The timeslots for calls."""
        return frozenset(parse_slots(self.slots))


class E1GatewaySettings(Section):
    """E1 telephone trunks: PRI (EuroISDN, Chinese 30B+D) over circuit emulation or a card."""

    enabled: Switch = Field(default=True, description="Whether the spans below are run.")
    group: tuple[E1GroupSettings, ...] = Field(default=(), description="Trunk groups that differ from the defaults.")
    span: tuple[E1SpanSettings, ...] = Field(default=(), description="E1 lines.")

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for what, names in (("group", [g.name for g in self.group]), ("span", [s.name for s in self.span])):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{what} '{min(twice)}' is there twice")
        return self

    @property
    def groups(self) -> tuple[E1GroupSettings, ...]:
        """The groups that have spans, defaults filled in, in the order of their first span."""
        described = {group.name: group for group in self.group}
        names = dict.fromkeys(span.group for span in self.span)
        return tuple(described.get(name) or E1GroupSettings(name=name) for name in names)
