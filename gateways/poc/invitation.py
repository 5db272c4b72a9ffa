"""What an INVITE or a REFER of push-to-talk asks for, whichever of the two systems it comes from.

TS 24.379 §10.1 (group calls), §11.1 (private calls), §8 (pre-established sessions); OMA PoC control plane §6.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from gateways.poc.bodies import Bodies
from gateways.poc.floor_line import FloorLine
from gateways.poc.identities import number_of_uri
from gateways.poc.mcptt_info import Encrypted, McpttInfo
from gateways.poc.recognition import System
from gateways.poc.refusals import ENCRYPTED, NO_SESSION_TYPE, WRONG_COUNT, Refused
from softswitch.floor import Tier
from softswitch.sip.message import Request
from softswitch.sip.uri import SipUri


class Session(Enum):
    """The kinds of session that are served."""

    PREARRANGED = "prearranged"
    CHAT = "chat"
    PRIVATE = "private"
    FIRST_TO_ANSWER = "first-to-answer"
    ADHOC = "adhoc"
    AMBIENT = "ambient-listening"
    PRE_ESTABLISHED = "pre-established"


_OF_PARTIES = frozenset({Session.PRIVATE, Session.FIRST_TO_ANSWER, Session.ADHOC, Session.AMBIENT})
#: `;session=` of OMA PoC.
_POC_WORDS = {
    "prearranged": Session.PREARRANGED,
    "chat": Session.CHAT,
    "adhoc": Session.ADHOC,
    "ad-hoc": Session.ADHOC,
    "1-1": Session.PRIVATE,
}


@dataclass(slots=True)
class Invitation:
    """One invitation; `group` and `callees` are numbers, `floor` the floor control line, None without floor control."""

    system: System
    session: Session
    group: str = ""
    callees: list[str] = field(default_factory=list)
    floor: FloorLine | None = None
    info: McpttInfo = field(default_factory=McpttInfo)
    manual: bool = False

    @property
    def tier(self) -> Tier:
        """How urgent it is."""
        return tier_of(self.info)

    @classmethod
    def of(cls, request: Request, system: System) -> Invitation:
        """Read an INVITE; raises ProtocolError, `Refused`."""
        try:
            bodies = Bodies.of(request)
        except Encrypted:
            raise Refused(ENCRYPTED) from None
        floor = FloorLine.find(bodies.sdp)
        invitation = _mcptt(bodies) if system is System.MCPTT else _poc(request, bodies)
        invitation.system = system
        invitation.floor = None if floor is not None and floor.without_control else floor
        modes = (request.get("Answer-Mode") or "", request.get("Priv-Answer-Mode") or "")
        invitation.manual = modes[0].lower().startswith("manual") and not modes[1].lower().startswith("auto")
        invitation._check()
        return invitation

    @classmethod
    def of_parties(cls, info: McpttInfo, uris: list[str]) -> Invitation:
        """Read what a REFER names: a group or parties, with the mcptt-info that goes with it. Raises `Refused`."""
        session = _session(info.session_type or Session.PREARRANGED.value)
        numbers = [number_of_uri(uri) for uri in uris]
        invitation = cls(System.MCPTT, session, info=info)
        if session in _OF_PARTIES:
            invitation.callees = numbers
        else:
            invitation.group = numbers[0] if numbers else number_of_uri(info.request_uri or "")
        invitation._check()
        return invitation

    def _check(self) -> None:
        if self.session in (Session.PRIVATE, Session.AMBIENT) and len(self.callees) != 1:
            raise Refused(WRONG_COUNT)
        if self.session in _OF_PARTIES and not (self.callees and all(self.callees)):
            raise Refused(WRONG_COUNT)


def tier_of(info: McpttInfo) -> Tier:
    """The tier that the indications of an mcptt-info ask for."""
    if info.emergency:
        return Tier.EMERGENCY
    return Tier.PERIL if info.imminent_peril else Tier.NORMAL


def _session(word: str) -> Session:
    try:
        return Session(word)
    except ValueError:
        raise Refused(NO_SESSION_TYPE) from None


def _mcptt(bodies: Bodies) -> Invitation:
    info = bodies.info or McpttInfo()
    target = number_of_uri(info.request_uri or "")
    parties = [number_of_uri(uri) for uri in bodies.parties or ()]
    if info.session_type is None:
        if not target and not parties:
            return Invitation(System.MCPTT, Session.PRE_ESTABLISHED, info=info)
        session = Session.PRIVATE if parties else Session.PREARRANGED
    else:
        session = _session(info.session_type)
    if session in _OF_PARTIES:
        return Invitation(System.MCPTT, session, callees=parties or ([target] if target else []), info=info)
    return Invitation(System.MCPTT, session, group=target, info=info)


def _poc(request: Request, bodies: Bodies) -> Invitation:
    uri = request.uri
    number = number_of_uri(request.request_uri)
    word = ""
    if isinstance(uri, SipUri):
        word = next((value or "" for name, value in uri.params if name.lower() == "session"), "").lower()
    if bodies.parties:
        numbers = [number_of_uri(party) for party in bodies.parties]
        session = Session.PRIVATE if len(numbers) == 1 else Session.ADHOC
        return Invitation(System.POC, session, callees=numbers)
    session = _POC_WORDS.get(word, Session.PREARRANGED)
    if session is Session.PRIVATE:
        return Invitation(System.POC, session, callees=[number])
    return Invitation(System.POC, session, group=number)
