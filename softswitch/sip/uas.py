"""The called side of a session: the peer's INVITE, our responses to it, its CANCEL and its ACK.

RFC 3261 §13.3: provisional responses repeated each minute, a 2xx repeated until its ACK, and the session ended when
none comes. What is reliable about provisional responses lies in `reliable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from softswitch.sip import midcall, refresh, reliable, uac
from softswitch.sip.bodies import SDP, header_lines, lists_option, sdp_of
from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import SessionConfirmed
from softswitch.sip.offers import LocalOffer
from softswitch.sip.sessionstate import SessionState

if TYPE_CHECKING:
    from softswitch.sip.message import Request
    from softswitch.sip.server_transaction import ServerTransaction
    from softswitch.sip.session import Session
    from softswitch.sip.timerwheel import Timer

Fields = Sequence[tuple[str, str]]

# How often a provisional response is repeated, so that no proxy gives the call up, in seconds (§13.3.1.1).
EXTENSION_INTERVAL = 60.0


class AwaitedAck:
    """A 2xx of ours whose ACK is still to come; `bye_fields` is set when the session shall end as soon as it has."""

    __slots__ = ("bye_fields", "deadline", "due", "initial", "interval", "number", "server", "timer")

    def __init__(self, server: ServerTransaction, number: int, initial: bool, t1: float, now: float) -> None:
        self.server = server
        self.number = number
        self.initial = initial
        self.interval = t1
        self.due = now + t1
        self.deadline = now + 64 * t1
        self.timer: Timer | None = None
        self.bye_fields: Fields | None = None

    def stop(self) -> None:
        """Let the timer rest."""
        if self.timer is not None:
            self.timer.cancel()


def _answerable(session: Session, what: str) -> ServerTransaction | None:
    """The INVITE to be answered, None when the session has ended in the meantime."""
    if session.ended:
        return None
    if session.server is None or session.state not in (SessionState.INITIAL, SessionState.EARLY):
        raise LocalProtocolError(f"{what} for a session that is {session.state}")
    return session.server


def head_lines(session: Session) -> str:
    """Record-Route and Contact, which every response that makes the dialog carries (§12.1.1); built once."""
    if not session.head:
        routes = ""
        if session.invite.has("Record-Route"):
            routes = header_lines([item for item in session.invite.fields if item[0] == "Record-Route"])
        session.head = f"{routes}Contact: {session.contact}\r\n"
    return session.head


def progress(
    session: Session,
    status: int,
    now: float,
    sdp: bytes | None,
    wish: bool | None,
    reason: str | None,
    fields: Fields,
) -> None:
    """Send a provisional response, reliably if the peer requires it, or allows it and `wish` or settings say so."""
    server = _answerable(session, "a provisional response")
    if server is None:
        return
    if not 100 < status < 200:
        raise LocalProtocolError(f"{status} is no provisional status")
    if reliable.is_wanted(session, wish):
        reliable.send(session, reliable.Provisional(status, sdp, reason, header_lines(fields)), now)
    else:
        extra = head_lines(session) + session.ua.allow_line + header_lines(fields)
        if sdp:
            extra += f"Content-Type: {SDP}\r\n"
        session.ua.layer.servers.respond(server, status, server.response(status, reason, extra, sdp or b""), now)
    if session.state is SessionState.INITIAL:
        session.state = SessionState.EARLY
        session.ua.extensions.add(session.id, now)


def extend(session: Session, now: float) -> None:
    """Repeat the latest provisional response to keep the call from being given up (§13.3.1.1)."""
    if session.state is SessionState.EARLY and session.server is not None:
        if session.reliable is None:
            session.ua.layer.servers.respond(session.server, 183, session.server.data, now)
        session.ua.extensions.add(session.id, now)


def accept(session: Session, sdp: bytes | None, now: float, fields: Fields) -> None:
    """Answer with 200; held back while a reliable provisional with a description lacks its PRACK (RFC 3262 §3)."""
    server = _answerable(session, "a 200")
    if server is None:
        return
    lines = header_lines(fields)
    if session.reliable is not None and session.reliable.hold(sdp, fields, session.remote_offer is not None):
        return
    dialog = session.dialog
    assert dialog is not None
    ua = session.ua
    extra = head_lines(session) + ua.capability_lines + refresh.response_lines(session, session.invite, now) + lines
    if sdp:
        extra += f"Content-Type: {SDP}\r\n"
        session.local_sdp = sdp
        if not session.offered and not dialog.negotiated:
            session.local_offer = LocalOffer("2xx", sdp)
    dialog.negotiated = True
    session.state = SessionState.ACCEPTED
    if session.reliable is not None:
        session.reliable.stop()
    data = server.response(200, None, extra, sdp or b"")
    send_success(session, server, session.invite.cseq.number, data, now, initial=True)


def send_success(
    session: Session, server: ServerTransaction, number: int, data: bytes, now: float, *, initial: bool
) -> None:
    """Send a 2xx to INVITE and repeat it until its ACK comes (§13.3.1.4)."""
    ua = session.ua
    ua.layer.servers.respond(server, 200, data, now)
    session.awaited_ack = AwaitedAck(server, number, initial, ua.settings.timers.t1, now)
    ua.repetitions.add(session.id, now)


def repeat_success(session: Session, now: float) -> None:
    """Timer of the 2xx: T1, doubling up to T2, until 64 × T1 are over (§13.3.1.4)."""
    awaited = session.awaited_ack
    if awaited is None or now < awaited.due:
        return
    ua = session.ua
    if now >= awaited.deadline:
        ua.count("acks_missing")
        session.awaited_ack = None
        if session.ended:
            uac.send_bye(session, awaited.bye_fields or (), now)
            session.close(now)
        else:
            session.hang_up(now, 408, "No ACK", "timeout")
        return
    ua.layer.servers.repeat_success(awaited.server)
    awaited.interval = min(awaited.interval * 2, ua.settings.timers.t2)
    awaited.due = min(awaited.due + awaited.interval, awaited.deadline)
    awaited.timer = ua.timers.schedule(awaited.due, partial(repeat_success, session))


def receive_ack(session: Session, request: Request, now: float) -> None:
    """The ACK of a 2xx of ours; a copy, or one of another INVITE, means nothing."""
    awaited = session.awaited_ack
    if awaited is None or request.cseq.number != awaited.number:
        return
    awaited.stop()
    session.awaited_ack = None
    if session.ended:
        uac.send_bye(session, awaited.bye_fields or (), now)
        session.close(now)
        return
    sdp = sdp_of(request)
    if not awaited.initial:
        midcall.acknowledged(session, sdp)
        return
    session.state = SessionState.CONFIRMED
    answered = session.local_offer is not None
    session.local_offer = None
    session.ua.events.append(SessionConfirmed(session, sdp if answered else None))


def reject(session: Session, status: int, now: float, reason: str | None, fields: Fields) -> None:
    """Answer with a failure or a redirection."""
    server = _answerable(session, f"a {status}")
    if server is None:
        return
    if not 300 <= status < 700:
        raise LocalProtocolError(f"{status} is no status to reject with")
    session.ua.respond(server, status, now, reason=reason, fields=fields)
    session.finish(now, status, reason or session.ua.phrase(status), "local")


def cancelled(session: Session, request: Request, now: float) -> None:
    """The peer's CANCEL came in time: 487 to the INVITE (§9.2)."""
    if session.ended or session.server is None or session.state not in (SessionState.INITIAL, SessionState.EARLY):
        return
    session.ua.respond(session.server, 487, now)
    session.finish(now, 487, "Request Terminated", "remote", request)


def receive_bye(session: Session, server: ServerTransaction, request: Request, now: float) -> None:
    """A BYE, also from a caller in an early dialog: what is still unanswered gets 487 (§15.1.2)."""
    ua = session.ua
    ua.layer.servers.respond(server, 200, server.response(200, None, ua.server_line), now)
    if session.server is not None and not session.server.finished:
        ua.respond(session.server, 487, now)
    session.finish(now, 200, "BYE", "remote", request)


def needs_421(session: Session, request: Request) -> bool:
    """Whether our settings insist on reliable provisional responses and this peer knows nothing of them."""
    return (
        session.ua.settings.reliable == "required"
        and not lists_option(request, "Supported", "100rel")
        and not lists_option(request, "Require", "100rel")
    )
