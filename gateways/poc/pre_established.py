"""Pre-established sessions: media and floor control agreed beforehand, calls begun and ended by REFER (TS 24.379 §8).

Between calls the session hears nothing. That it takes part in a call, or does not any more, is told on its floor
control channel (MCPC, TS 24.380 §8.3).
"""

from __future__ import annotations

from urllib.parse import unquote

from gateways.poc import mcpc
from gateways.poc.bodies import Bodies
from gateways.poc.context import Context
from gateways.poc.group_sessions import GroupSessions
from gateways.poc.invitation import Invitation
from gateways.poc.leg import PocLeg
from gateways.poc.mcptt_info import McpttInfo
from gateways.poc.refusals import Refused
from softswitch.calls.call import Call
from softswitch.rtp import RtpError
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import DialogRequest
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request
from softswitch.sip.uri import SipUri, parse_uri

_SERVER_SSRC = 1


class PreEstablished:
    """All sessions of that kind; `groups` says who may enter which call."""

    def __init__(self, context: Context, groups: GroupSessions) -> None:
        self._context = context
        self._groups = groups

    def open(self, call: Call, leg: PocLeg) -> None:
        """Answer the INVITE: the session waits for its first REFER."""
        leg.referred = lambda event: self._referred(call, leg, event)
        refused = call.answer_with_service(leg, lambda port: None)
        if refused is not None:
            call.refuse(refused)
            return
        call.stay(_nothing)

    def _referred(self, call: Call, leg: PocLeg, event: DialogRequest) -> bool:
        """A REFER inside the session; False when it is an ordinary transfer."""
        agent, now = self._context.exchange.agent, self._context.exchange.now()
        try:
            method, invitation = _read(event.request)
            if invitation is None:
                return False
            if method == "BYE":
                self._leave(call, leg)
            else:
                self._enter(call, leg, invitation)
        except ProtocolError as error:
            agent.respond(event.transaction, error.status or 400, now, reason=error.text)
        except Refused as refused:
            self._context.count(refused.refusal, leg.party.number)
            warning = refused.refusal.warning(self._context.host)
            agent.respond(event.transaction, refused.refusal.status, now, fields=warning)
        else:
            agent.respond(event.transaction, 200, now, fields=[("Refer-Sub", "false")])
        return True

    def _enter(self, call: Call, leg: PocLeg, invitation: Invitation) -> None:
        number = invitation.group
        self._groups.authorise(leg.party.number, number, invitation)
        refused = self._context.talkgroups.enter(call, leg, number)
        if refused is not None:
            raise ProtocolError(refused.text, status=refused.status)
        invitation.floor = leg.line
        self._groups.started(leg, invitation)
        connect = mcpc.SessionMessage(
            mcpc.Kind.CONNECT,
            _SERVER_SSRC,
            session_type=invitation.session.value,
            session=self._context.uri(number),
            group=self._context.uri(number),
            media=1,
            control=2,
        )
        _tell(leg, connect)

    def _leave(self, call: Call, leg: PocLeg) -> None:
        seat = self._context.talkgroups.seat_of(leg.id)
        if seat is None:
            return
        number = seat.group.number
        call.stay(_nothing)
        _tell(leg, mcpc.SessionMessage(mcpc.Kind.DISCONNECT, _SERVER_SSRC, group=self._context.uri(number)))


def _tell(leg: PocLeg, message: mcpc.SessionMessage) -> None:
    if leg.floor is None:
        return
    try:
        leg.floor.send_floor(message.serialize())
    except RtpError:
        return  # a name too long for its field: the media tells


def _read(request: Request) -> tuple[str, Invitation | None]:
    """(method, what is asked) of a REFER; no invitation for one that names neither a list nor a group with a method."""
    text = request.get("Refer-To")
    if text is None:
        raise ProtocolError("a REFER without its target", section="RFC 3515 §2.1")
    target = NameAddr.parse(text)
    bodies = Bodies.of(request)
    uris = bodies.parties
    method = ""
    if target.uri_text.lower().startswith("cid:"):
        if uris is None:
            raise ProtocolError("the list that Refer-To names is not there", section="RFC 4826")
        entry = uris[0] if uris else ""
        info = bodies.info or _info_of(entry)
        method = _parameter(entry, "method")
    else:
        method = _parameter(target.uri_text, "method")
        info = bodies.info or McpttInfo()
        if bodies.info is None and method.upper() != "BYE":
            return "", None
        uris = [info.request_uri or target.uri_text]
    if method.upper() == "BYE":
        return "BYE", Invitation.of_parties(McpttInfo(), uris)
    return "INVITE", Invitation.of_parties(info, [entry_uri(uri) for uri in uris])


def entry_uri(entry: str) -> str:
    """The identity of a list entry, without the header fields that follow its question mark."""
    return entry.partition("?")[0]


def _parameter(entry: str, name: str) -> str:
    try:
        uri = parse_uri(entry.partition("?")[0])
    except ProtocolError:
        return ""
    params = uri.params if isinstance(uri, SipUri) else ()
    return next((value or "" for key, value in params if key.lower() == name), "")


def _info_of(entry: str) -> McpttInfo:
    """The mcptt-info that a list entry carries as its body header (TS 24.379 §10.1.1.2.2)."""
    for part in entry.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        if name.lower() == "body":
            body = unquote(value)
            start = body.find("<mcpttinfo")
            if start >= 0:
                return McpttInfo.parse(body[start : body.find("</mcpttinfo>") + len("</mcpttinfo>")].encode())
    return McpttInfo(session_type=_parameter(entry, "session") or None)


def _nothing() -> None:
    """A place that nobody need be told of leaving."""
