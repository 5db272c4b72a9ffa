"""Offers and answers after the first: re-INVITE and UPDATE from either side, and who may speak when.

RFC 3261 §14, RFC 3311, RFC 6337 §3; glare by 491 and its timers (§14.1). One exchange at a time: `LocalOffer` is what
we asked and wait for, `RemoteOffer` what the owner has to answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING
from zlib import crc32

from softswitch.sip import refresh, reliable, uac, uas
from softswitch.sip.bodies import SDP, allows_update, sdp_of
from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import AnswerReceived, OfferFailed, OfferReceived
from softswitch.sip.offers import LocalOffer, RemoteOffer
from softswitch.sip.requests import send_in_dialog
from softswitch.sip.sessionstate import SessionState

if TYPE_CHECKING:
    from softswitch.sip.client_transaction import ClientTransaction
    from softswitch.sip.dialog import Dialog
    from softswitch.sip.message import Request, Response
    from softswitch.sip.server_transaction import ServerTransaction
    from softswitch.sip.session import Session

Fields = Sequence[tuple[str, str]]


def is_idle(session: Session) -> bool:
    """Whether no exchange is under way and the dialog can carry one."""
    return (
        not session.ended
        and session.state is not SessionState.INITIAL
        and session.dialog is not None
        and session.local_offer is None
        and session.remote_offer is None
        and session.awaited_ack is None
    )


def _wait(session: Session, span: float) -> float:
    """A span of seconds drawn evenly from 0 to `span` in steps of 10 ms."""
    drawn = crc32(session.ua.new_id().encode()) % 1_000_000 / 1_000_000
    return round(drawn * span, 2)


# -- ours


def reinvite(session: Session, sdp: bytes | None, now: float, fields: Fields = (), silent: bool = False) -> None:
    """Send a re-INVITE (RFC 3261 §14.1)."""
    if session.ended:
        return
    if not is_idle(session) or session.state is not SessionState.CONFIRMED:
        raise LocalProtocolError(f"no re-INVITE now in a session that is {session.state}")
    _send(session, LocalOffer("INVITE", sdp, tuple(fields), silent), now)


def update(session: Session, sdp: bytes | None, now: float, fields: Fields = (), silent: bool = False) -> None:
    """Send an UPDATE; with an offer only when the first offer has its answer (RFC 3311 §5.1)."""
    if session.ended:
        return
    dialog = session.dialog
    if dialog is None or not is_idle(session) or (sdp is not None and not dialog.negotiated):
        raise LocalProtocolError(f"no UPDATE now in a session that is {session.state}")
    _send(session, LocalOffer("UPDATE", sdp, tuple(fields), silent), now)


def _send(session: Session, offer: LocalOffer, now: float) -> None:
    assert session.dialog is not None
    session.local_offer = offer
    if session.retry is not None:
        session.retry.cancel()
        session.retry = None
    fields = [("Contact", session.contact), *session.ua.capability_fields, *refresh.request_fields(session)]
    fields += offer.fields
    if offer.sdp is not None:
        session.local_sdp = offer.sdp
        if all(name != "Content-Type" for name, _ in offer.fields):  # the description may be one part of several
            fields.append(("Content-Type", SDP))
    send_in_dialog(session, session.dialog, offer.method, fields, offer.sdp or b"", now, partial(_outcome, offer))


def _outcome(
    offer: LocalOffer, session: Session, transaction: ClientTransaction, response: Response | None, now: float
) -> None:
    if response is None:
        lose_dialog(session, transaction.failure, transaction.reason, now)
    elif 200 <= response.status < 300:
        _succeeded(session, offer, transaction, response, now)
    elif response.status >= 300 and session.local_offer is offer:
        session.local_offer = None
        _refused(session, offer, response, now)


def _succeeded(
    session: Session, offer: LocalOffer, transaction: ClientTransaction, response: Response, now: float
) -> None:
    dialog = session.dialog
    assert dialog is not None
    current = session.local_offer is offer and not session.ended
    if current:
        session.local_offer = None
        dialog.refresh_target(response)
        session.peer_updates = session.peer_updates or allows_update(response)
    sdp = sdp_of(response)
    if offer.method == "INVITE":
        if current and offer.sdp is None and sdp is not None:
            session.remote_offer = RemoteOffer("ACK", dialog, client=transaction, number=response.cseq.number)
        else:
            uac.send_ack(session, dialog, transaction, response.cseq.number, b"", now)
    if not current:
        return
    refresh.renewed(session, response, now)
    if session.remote_offer is not None:
        session.ua.events.append(OfferReceived(session, sdp, "ACK"))
    elif offer.sdp is not None and not offer.silent:
        if sdp is None:
            session.ua.events.append(OfferFailed(session, 488, 0.0))
        else:
            session.ua.events.append(AnswerReceived(session, sdp))


def _refused(session: Session, offer: LocalOffer, response: Response, now: float) -> None:
    status = response.status
    if status in (408, 481):
        lose_dialog(session, status, response.reason, now)
    elif session.ended:
        return
    elif status == 491:
        # Who chose the Call-ID waits longer, so that two who collided do not collide again (RFC 3261 §14.1).
        wait = 2.1 + _wait(session, 1.9) if session.role == "uac" else _wait(session, 2.0)
        session.retry = session.ua.timers.schedule(now + wait, partial(_try_again, session, offer))
    elif status == 422 and refresh.raise_minimum(session, response):
        _send(session, offer, now)
    else:
        refresh.refused(session, now)
        if not offer.silent:
            session.ua.events.append(OfferFailed(session, status, _retry_after(response)))


def _retry_after(response: Response) -> float:
    text = (response.get("Retry-After") or "").split(";")[0].split("(")[0].strip(" \t")
    return float(min(int(text), 3600)) if text.isascii() and text.isdigit() and len(text) < 9 else 0.0


def _try_again(session: Session, offer: LocalOffer, now: float) -> None:
    session.retry = None
    if session.ended or session.dialog is None:
        return
    if is_idle(session):
        _send(session, offer, now)
    else:
        session.retry = session.ua.timers.schedule(now + _wait(session, 2.0), partial(_try_again, session, offer))


def lose_dialog(session: Session, status: int, reason: str, now: float) -> None:
    """The peer knows the dialog no more, or is gone: it is over here too (RFC 3261 §12.2.1.2)."""
    if not session.ended:
        session.hang_up(now, status, reason, "remote" if status == 481 else "timeout")


# -- the peer's


def receive_invite(session: Session, dialog: Dialog, server: ServerTransaction, request: Request, now: float) -> None:
    """A re-INVITE (RFC 3261 §14.2)."""
    respond = session.ua.respond
    local, remote = session.local_offer, session.remote_offer
    first_open = session.role == "uas" and session.state in (SessionState.INITIAL, SessionState.EARLY)
    if first_open or (remote is not None and remote.server is not None):
        respond(server, 500, now, fields=[_hurry_less(session)])
    elif (
        local is not None
        or remote is not None
        or session.awaited_ack is not None
        or session.state is not SessionState.CONFIRMED
    ):
        respond(server, 491, now)
    elif refresh.too_short(session, request):
        respond(server, 422, now, fields=[("Min-SE", str(session.ua.settings.min_se))])
    else:
        session.remote_offer = RemoteOffer("INVITE", dialog, server)
        session.ua.events.append(OfferReceived(session, sdp_of(request), "INVITE"))


def receive_update(session: Session, dialog: Dialog, server: ServerTransaction, request: Request, now: float) -> None:
    """An UPDATE: answered at once when it only refreshes, else the owner's to answer (RFC 3311 §5.2)."""
    respond = session.ua.respond
    sdp = sdp_of(request)
    session.peer_updates = True
    if refresh.too_short(session, request):
        respond(server, 422, now, fields=[("Min-SE", str(session.ua.settings.min_se))])
    elif sdp is None:
        dialog.refresh_target(request)
        _send_success(session, server, request, b"", now)
    elif session.remote_offer is not None or _first_offer_open(session, dialog):
        respond(server, 500, now, fields=[_hurry_less(session)])
    elif session.local_offer is not None:
        respond(server, 491, now)
    else:
        session.remote_offer = RemoteOffer("UPDATE", dialog, server)
        session.ua.events.append(OfferReceived(session, sdp, "UPDATE"))


def _first_offer_open(session: Session, dialog: Dialog) -> bool:
    """Whether the offer of the peer's own INVITE still waits for our answer."""
    return session.role == "uas" and session.offered and not dialog.negotiated


def _hurry_less(session: Session) -> tuple[str, str]:
    return "Retry-After", str(round(_wait(session, 10.0)))


def answer(session: Session, sdp: bytes, now: float) -> None:
    """Answer the pending offer, wherever the answer goes; one that was withdrawn needs no answer."""
    offer = session.remote_offer
    if session.ended or offer is None:
        return
    session.remote_offer = None
    session.local_sdp = sdp
    offer.dialog.negotiated = True
    if offer.server is not None:
        request = offer.server.request
        if offer.method != "PRACK":
            offer.dialog.refresh_target(request)
        _send_success(session, offer.server, request, sdp, now)
        if offer.method == "PRACK":
            reliable.resume(session, now)
    elif offer.method == "ACK":
        assert offer.client is not None
        uac.send_ack(session, offer.dialog, offer.client, offer.number, sdp, now)
        uac.acknowledged(session)
    else:
        uac.send_prack(session, offer.dialog, offer.number, sdp, now)


def _send_success(session: Session, server: ServerTransaction, request: Request, sdp: bytes, now: float) -> None:
    """200 to a re-INVITE, UPDATE or PRACK; that of a re-INVITE is repeated until its ACK."""
    ua = session.ua
    lines = ""
    if request.method != "PRACK":
        lines = f"Contact: {session.contact}\r\n{ua.capability_lines}{refresh.response_lines(session, request, now)}"
    if sdp:
        lines += f"Content-Type: {SDP}\r\n"
    data = server.response(200, None, lines, sdp)
    if request.method == "INVITE":
        if sdp_of(request) is None:
            # The owner's answer to an INVITE without offer is our offer; its answer comes in the ACK.
            session.local_offer = LocalOffer("2xx", sdp)
        uas.send_success(session, server, request.cseq.number, data, now, initial=False)
    else:
        ua.layer.servers.respond(server, 200, data, now)


def acknowledged(session: Session, sdp: bytes | None) -> None:
    """The ACK of our 2xx to a re-INVITE came; it carries the answer if the 2xx carried our offer."""
    local = session.local_offer
    if local is not None and local.method == "2xx":
        session.local_offer = None
        if sdp is None:
            session.ua.events.append(OfferFailed(session, 488, 0.0))
        else:
            session.ua.events.append(AnswerReceived(session, sdp))


def refuse_offer(session: Session, status: int, now: float) -> None:
    """Refuse the pending offer: in its own transaction, or, where there is none, by ending the session."""
    offer = session.remote_offer
    if session.ended or offer is None:
        return
    if offer.server is not None:
        session.remote_offer = None
        fields = [_hurry_less(session)] if status == 500 else []
        session.ua.respond(offer.server, status, now, fields=fields)
        if offer.method == "PRACK":
            reliable.resume(session, now)
    elif offer.method == "ACK":
        session.hang_up(now, status, "Offer Refused", "local")
    else:
        session.remote_offer = None
        uac.send_prack(session, offer.dialog, offer.number, b"", now)
        uac.cancel(session, now)


def acknowledge_without_answer(session: Session, now: float) -> None:
    """Acknowledge a 2xx whose offer gets no answer, because the session ends."""
    offer = session.remote_offer
    assert offer is not None and offer.client is not None
    session.remote_offer = None
    uac.send_ack(session, offer.dialog, offer.client, offer.number, b"", now)


def abandon(session: Session, now: float) -> None:
    """Drop what is under way, and answer what the peer still waits for (RFC 3261 §15.1.2)."""
    offer = session.remote_offer
    session.local_offer = session.remote_offer = None
    if offer is not None and offer.server is not None:
        session.ua.respond(offer.server, 487, now)


def withdrawn(session: Session | None, server: ServerTransaction) -> None:
    """The peer cancelled its re-INVITE: nothing waits for an answer any more, the session goes on (§14.2)."""
    if session is not None and session.remote_offer is not None and session.remote_offer.server is server:
        session.remote_offer = None
