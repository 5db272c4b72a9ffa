"""Requests inside a session's dialog: numbered, sent along its route, repeated when challenged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from softswitch.sip.challenges import authorized

if TYPE_CHECKING:
    from softswitch.sip.address import Address
    from softswitch.sip.client_transaction import ClientHandler, ClientTransaction
    from softswitch.sip.dialog import Dialog
    from softswitch.sip.message import Response
    from softswitch.sip.session import Session
    from softswitch.sip.settings import Login
    from softswitch.sip.transactions import TransactionLayer
    from softswitch.sip.uri import SipUri

Fields = Sequence[tuple[str, str]]
Outcome = Callable[["Session", "ClientTransaction", "Response | None", float], None]


def send_in_dialog(
    session: Session,
    dialog: Dialog,
    method: str,
    fields: Fields,
    body: bytes,
    now: float,
    outcome: Outcome,
    owner: object = None,
) -> ClientTransaction:
    """Send a request with the dialog's next CSeq; `outcome` is told of each response, or None after a failure."""
    dialog.local_cseq = number = dialog.local_cseq + 1
    ua = session.ua
    request = dialog.request(method, number, [*ua.request_fields, *fields], body)
    handler = partial(_answered, session, dialog, outcome)
    transaction = ua.layer.send_request(request, dialog.hop(), now, owner, handler, dialog.alternatives())
    if method == "INVITE":
        session.pending = transaction
    return transaction


def _answered(
    session: Session,
    dialog: Dialog,
    outcome: Outcome,
    transaction: ClientTransaction,
    response: Response | None,
    now: float,
) -> None:
    if response is not None and response.status in (401, 407):
        ua = session.ua
        retry = authorized(transaction.request, response, session.credentials, dialog.local_cseq + 1, ua.new_id)
        if retry is not None:
            dialog.local_cseq += 1
            handler = partial(_answered, session, dialog, outcome)
            again = ua.layer.send_request(retry, dialog.hop(), now, transaction.owner, handler, dialog.alternatives())
            if session.pending is transaction:
                session.pending = again
            return
    if session.pending is transaction and transaction.finished:
        session.pending = None
    outcome(session, transaction, response, now)


def repeat_when_challenged(
    layer: TransactionLayer, login: Login, new_id: Callable[[], str], hop: Address | SipUri
) -> ClientHandler:
    """A handler for a request outside any dialog: answers a challenge once, then tells events."""

    def answered(transaction: ClientTransaction, response: Response | None, now: float) -> None:
        if response is not None:
            request = transaction.request
            retry = authorized(request, response, login, request.cseq.number + 1, new_id)
            if retry is not None:
                layer.send_request(retry, hop, now, transaction.owner, answered)
                return
        layer.tell(transaction, response, now)

    return answered
