"""The calling side of a session: our INVITE, its provisional and final responses, forks, PRACK, CANCEL and ACK.

RFC 3261 §9.1, §13.2; RFC 3262 §4; 401 and 407 answered (§22.2), 422 repeated with a longer interval (RFC 4028 §7.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from softswitch.sip import refresh
from softswitch.sip.bodies import SDP, allows_update, header_lines, lists_option, sdp_of, tag_of
from softswitch.sip.challenges import authorized, credential_fields
from softswitch.sip.client_transaction import ClientTransaction
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import (
    AnswerReceived,
    OfferReceived,
    SessionAnswered,
    SessionProgress,
    SessionRejected,
)
from softswitch.sip.grammar import parse_number
from softswitch.sip.offers import RemoteOffer
from softswitch.sip.requests import send_in_dialog
from softswitch.sip.sessionstate import SessionState

if TYPE_CHECKING:
    from softswitch.sip.message import Request, Response
    from softswitch.sip.session import Session

Fields = Sequence[tuple[str, str]]


def send_invite(session: Session, now: float) -> None:
    """Send the session's INVITE, which the session keeps as `invite`."""
    session.client = session.ua.layer.send_request(session.invite, session.next_hop, now, session, _outcome)


def _outcome(transaction: ClientTransaction, response: Response | None, now: float) -> None:
    session = cast("Session", transaction.owner)
    if response is None:
        _failed(session, transaction, now)
    elif response.status >= 300:
        _refused(session, transaction, response, now)
    elif response.status >= 200:
        _answered(session, transaction, response, now)
    elif response.status > 100:
        _progressed(session, response, now)


# -- provisional responses


def _progressed(session: Session, response: Response, now: float) -> None:
    if session.ended:
        return
    tag = tag_of(response.index()["To"]) or ""
    if tag and tag not in session.early:
        if len(session.early) >= session.ua.settings.max_early_dialogs:
            session.ua.count("early_dialogs_refused")
            return
        session.early[tag] = response
    session.state = SessionState.EARLY
    sdp = sdp_of(response)
    if "RSeq" not in response.index() or not lists_option(response, "Require", "100rel"):
        session.ua.events.append(SessionProgress(session, response, sdp, tag))
        return
    dialog = session.dialog_with(tag)
    if dialog is None or not _is_next(dialog, response):
        return
    session.dialog = dialog
    dialog.refresh_target(response)
    session.peer_updates = session.peer_updates or allows_update(response)
    number = dialog.response_number
    session.ua.events.append(SessionProgress(session, response, sdp, tag))
    if sdp is not None and not session.offered and not dialog.negotiated:
        if session.remote_offer is None:
            session.remote_offer = RemoteOffer("PRACK", dialog, number=number)
            session.ua.events.append(OfferReceived(session, sdp, "PRACK"))
        return
    if sdp is not None and not dialog.negotiated:
        dialog.negotiated = True
        session.ua.events.append(AnswerReceived(session, sdp))
    send_prack(session, dialog, number, b"", now)


def _is_next(dialog: Dialog, response: Response) -> bool:
    """Whether this reliable response is the one due; copies and those that overtook it are dropped (RFC 3262 §4)."""
    number = parse_number(response.get("RSeq") or "", 2**32 - 1, "an RSeq number", "RFC 3262 §7.1")
    if dialog.response_number and number != dialog.response_number + 1:
        return False
    dialog.response_number = number
    return True


def send_prack(session: Session, dialog: Dialog, number: int, sdp: bytes, now: float) -> None:
    """Acknowledge a reliable provisional response, with the answer to the offer it held (RFC 3262 §4, §5)."""
    fields = [("RAck", f"{number} {session.invite.cseq.number} INVITE")]
    if sdp:
        fields.append(("Content-Type", SDP))
        session.local_sdp = sdp
    send_in_dialog(session, dialog, "PRACK", fields, sdp, now, _prack_outcome)


def _prack_outcome(session: Session, transaction: ClientTransaction, response: Response | None, now: float) -> None:
    """A PRACK that fails leaves the INVITE to tell how the call goes on."""


# -- final responses


def make_dialog(session: Session, response: Response) -> Dialog:
    """The dialog of one response to our INVITE."""
    assert session.client is not None and session.client.destination is not None
    dialog = Dialog.from_response(response, session.client.destination, session.id)
    if session.keep_flow:
        dialog.keep_flow()
    return dialog


def _answered(session: Session, transaction: ClientTransaction, response: Response, now: float) -> None:
    """The first 2xx (§13.2.2.4)."""
    tag = tag_of(response.index()["To"]) or ""
    number = response.cseq.number
    early = session.early.get(tag)
    if isinstance(early, Dialog):
        dialog = early
        dialog.renew_route(response)
    else:
        dialog = make_dialog(session, response)
    session.dialog = dialog
    session.early.clear()
    sdp = sdp_of(response)
    waiting = session.remote_offer
    session.remote_offer = None
    delayed = sdp is not None and not session.offered and not dialog.negotiated
    if session.ended:
        # It crossed our CANCEL: acknowledged, and ended (§9.1, §15).
        send_ack(session, dialog, transaction, number, b"", now)
        send_bye(session, (), now)
        session.finish(now, 487, "Request Terminated", "local")
        return
    session.peer_updates = allows_update(response)
    if delayed and waiting is None:
        session.remote_offer = RemoteOffer("ACK", dialog, client=transaction, number=number)
        session.state = SessionState.ACCEPTED
    else:
        dialog.negotiated = True
        session.state = SessionState.CONFIRMED
        send_ack(session, dialog, transaction, number, b"", now)
    refresh.renewed(session, response, now)
    session.ua.events.append(SessionAnswered(session, response, sdp))
    if session.remote_offer is not None:
        session.ua.events.append(OfferReceived(session, sdp, "ACK"))


def acknowledged(session: Session) -> None:
    """The ACK that waited for the owner's answer is sent: the session stands."""
    if session.state is SessionState.ACCEPTED:
        session.state = SessionState.CONFIRMED


def send_ack(
    session: Session, dialog: Dialog, transaction: ClientTransaction, number: int, sdp: bytes, now: float
) -> None:
    """Acknowledge a 2xx to the INVITE with this CSeq; copies of that 2xx get the same ACK (§13.2.2.4)."""
    ua = session.ua
    lines = ua.request_lines
    if session.credentials is not None:
        lines += header_lines(credential_fields(transaction.request))
    if sdp:
        lines += f"Content-Type: {SDP}\r\n"
        session.local_sdp = sdp
    build = partial(dialog.octets, "ACK", number, lines, sdp)
    ua.layer.clients.send_ack(build, dialog.hop(), now, transaction.remnant, dialog.remote_tag or None)


def _refused(session: Session, transaction: ClientTransaction, response: Response, now: float) -> None:
    request = transaction.request
    if not session.ended:
        number = request.cseq.number + 1
        retry = authorized(request, response, session.credentials, number, session.ua.new_id)
        if retry is None and response.status == 422 and refresh.raise_minimum(session, response):
            retry = request.copy()
            retry.set("CSeq", f"{number} INVITE")
            retry.set("Session-Expires", str(max(session.min_se, session.ua.settings.session_expires)))
            retry.set("Min-SE", str(session.min_se))
        if retry is not None:
            _repeat(session, retry, now)
            return
    session.early.clear()
    if session.ended:
        session.finish(now, response.status, response.reason, "local")
    else:
        session.told = True
        session.ua.events.append(SessionRejected(session, response))
        session.close(now)


def _repeat(session: Session, invite: Request, now: float) -> None:
    session.early.clear()
    session.dialog = None
    session.remote_offer = None
    session.invite = invite
    session.state = SessionState.INITIAL
    send_invite(session, now)


def _failed(session: Session, transaction: ClientTransaction, now: float) -> None:
    by_us = session.ended
    session.early.clear()
    session.finish(now, transaction.failure, transaction.reason, "local" if by_us else "timeout")


# -- ending


def cancel(session: Session, now: float, fields: Fields = ()) -> None:
    """Cancel our INVITE; the owner hears of the end with its final response (§9.1)."""
    if session.ended:
        return
    if (
        session.role != "uac"
        or session.client is None
        or session.state not in (SessionState.INITIAL, SessionState.EARLY)
    ):
        raise LocalProtocolError(f"no CANCEL for a session that is {session.state}")
    header_lines(fields)
    session.state = SessionState.ENDING
    session.ua.layer.cancel(session.client, now, fields)


def send_bye(session: Session, fields: Fields, now: float) -> None:
    """Send the BYE of the session's dialog; however it is answered, the dialog is over (§15.1.1)."""
    assert session.dialog is not None
    send_in_dialog(session, session.dialog, "BYE", fields, b"", now, _bye_outcome)


def _bye_outcome(session: Session, transaction: ClientTransaction, response: Response | None, now: float) -> None:
    if response is None:
        session.ua.count("byes_unanswered")
