"""Reliable provisional responses, as the called side sends them (RFC 3262 §3, §5).

One at a time: the next waits for the PRACK of the one before. Each is repeated like a request; when no PRACK comes the
INVITE is refused with 504.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from softswitch.sip import uas
from softswitch.sip.bodies import SDP, lists_option, sdp_of
from softswitch.sip.events import AnswerReceived, OfferReceived
from softswitch.sip.headers import RAck
from softswitch.sip.offers import LocalOffer, RemoteOffer

if TYPE_CHECKING:
    from softswitch.sip.dialog import Dialog
    from softswitch.sip.message import Request
    from softswitch.sip.server_transaction import ServerTransaction
    from softswitch.sip.session import Session
    from softswitch.sip.timerwheel import Timer

Fields = Sequence[tuple[str, str]]
_MOST_WAITING = 16


class Provisional(NamedTuple):
    """A provisional response on its way: status, description, phrase, further header lines."""

    status: int
    sdp: bytes | None
    reason: str | None
    lines: str


class ReliableProvisionals:
    """What a session has sent reliably and what waits behind it.

    `number` is the RSeq of the latest, `current` that response while its PRACK is due, `held` a 200 that waits.
    """

    __slots__ = ("current", "data", "deadline", "due", "held", "interval", "number", "timer", "waiting")

    def __init__(self, first: int) -> None:
        self.number = first
        self.current: Provisional | None = None
        self.data = b""
        self.waiting: deque[Provisional] = deque()
        self.held: tuple[bytes | None, Fields] | None = None
        self.timer: Timer | None = None
        self.due = self.deadline = self.interval = 0.0

    def stop(self) -> None:
        """Repeat nothing any more; a PRACK that is still under way finds its response."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def hold(self, sdp: bytes | None, fields: Fields, offer_open: bool) -> bool:
        """Keep a 200 back while a description sent reliably lacks its PRACK, or the offer in that PRACK its answer."""
        described = self.current is not None and (self.current.sdp or any(one.sdp for one in self.waiting))
        if not described and not offer_open:
            return False
        self.held = (sdp, tuple(fields))
        return True


def is_wanted(session: Session, wish: bool | None) -> bool:
    """Whether a provisional response is to be sent reliably: always when required, never when unsupported."""
    policy = session.ua.settings.reliable
    invite = session.invite
    if lists_option(invite, "Require", "100rel"):
        return True
    wanted = policy in ("always", "required") if wish is None else wish
    return wanted and policy != "off" and lists_option(invite, "Supported", "100rel")


def send(session: Session, provisional: Provisional, now: float) -> None:
    """Send a provisional response reliably, or put it behind the one whose PRACK is due."""
    state = session.reliable
    if state is None:
        # The first number is drawn so that the numbers of two sessions differ (§3: 1 to 2**31 - 1).
        state = session.reliable = ReliableProvisionals(crc32(session.id.encode()) >> 2)
    if state.current is None:
        _send_now(session, state, provisional, now)
    elif len(state.waiting) < _MOST_WAITING:
        state.waiting.append(provisional)


def _send_now(session: Session, state: ReliableProvisionals, provisional: Provisional, now: float) -> None:
    server, dialog = session.server, session.dialog
    assert server is not None and dialog is not None
    ua = session.ua
    state.number += 1
    extra = f"{uas.head_lines(session)}{ua.allow_line}Require: 100rel\r\nRSeq: {state.number}\r\n{provisional.lines}"
    if provisional.sdp:
        extra += f"Content-Type: {SDP}\r\n"
        session.local_sdp = provisional.sdp
        if not dialog.negotiated:
            if session.offered:
                dialog.negotiated = True
            elif session.local_offer is None:
                session.local_offer = LocalOffer("1xx", provisional.sdp)
    state.current = provisional
    state.data = server.response(provisional.status, provisional.reason, extra, provisional.sdp or b"")
    ua.layer.servers.respond(server, provisional.status, state.data, now)
    t1 = ua.settings.timers.t1
    state.interval = t1
    state.due = now + t1
    state.deadline = now + 64 * t1
    state.timer = ua.timers.schedule(state.due, partial(_repeat, session))


def _repeat(session: Session, now: float) -> None:
    state, server = session.reliable, session.server
    if state is None or state.current is None or server is None:
        return
    if now >= state.deadline:
        session.ua.count("pracks_missing")
        session.ua.respond(server, 504, now, reason="No PRACK")
        session.finish(now, 504, "No PRACK", "timeout")
        return
    session.ua.layer.servers.respond(server, state.current.status, state.data, now)
    state.interval *= 2
    state.due = min(state.due + state.interval, state.deadline)
    state.timer = session.ua.timers.schedule(state.due, partial(_repeat, session))


def receive_prack(session: Session, dialog: Dialog, server: ServerTransaction, request: Request, now: float) -> None:
    """A PRACK: 200 when it names the response that waits for it, else 481 (§3); an offer in it is the owner's."""
    state = session.reliable
    acknowledged = RAck.parse(request.get("RAck") or "")
    invite = session.invite.cseq
    if state is None or state.current is None or acknowledged != RAck(state.number, invite.number, "INVITE"):
        session.ua.respond(server, 481, now)
        return
    sdp = sdp_of(request)
    state.stop()
    state.current = None
    local = session.local_offer
    if local is not None and local.method == "1xx" and sdp is not None:
        session.local_offer = None
        dialog.negotiated = True
        session.ua.respond(server, 200, now)
        session.ua.events.append(AnswerReceived(session, sdp))
    elif sdp is not None and dialog.negotiated and local is None and session.remote_offer is None:
        session.remote_offer = RemoteOffer("PRACK", dialog, server)
        session.ua.events.append(OfferReceived(session, sdp, "PRACK"))
        return
    else:
        session.ua.respond(server, 200, now)
    resume(session, now)


def resume(session: Session, now: float) -> None:
    """Go on after a PRACK: the next provisional response, or the 200 that was held back."""
    state = session.reliable
    if state is None or state.current is not None or session.ended:
        return
    if state.waiting:
        _send_now(session, state, state.waiting.popleft(), now)
    elif state.held is not None:
        (sdp, fields), state.held = state.held, None
        uas.accept(session, sdp, now, fields)
