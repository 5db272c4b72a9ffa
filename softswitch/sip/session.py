"""A session: one INVITE dialog from either side, with everything that may happen to it (RFC 3261 §13 to §15).

`Session` is the record and the public face. What it does lies in modules of functions: `uac` (our INVITE), `uas` (the
peer's), `reliable` (RFC 3262 as server), `midcall` (re-INVITE and UPDATE both ways), `refresh` (RFC 4028).
An operation on a session that has ended in the meantime does nothing; one that the state forbids raises
LocalProtocolError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from softswitch.sip import midcall, uac, uas
from softswitch.sip.address import Address
from softswitch.sip.bodies import SDP, header_lines
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import EndedBy, SessionEnded
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request, Response
from softswitch.sip.requests import send_in_dialog
from softswitch.sip.sessionstate import SessionState

if TYPE_CHECKING:
    from softswitch.sip.client_transaction import ClientTransaction
    from softswitch.sip.offers import LocalOffer, RemoteOffer
    from softswitch.sip.refresh import Refresh
    from softswitch.sip.reliable import ReliableProvisionals
    from softswitch.sip.server_transaction import ServerTransaction
    from softswitch.sip.settings import Login
    from softswitch.sip.timerwheel import Timer
    from softswitch.sip.uas import AwaitedAck
    from softswitch.sip.uri import SipUri
    from softswitch.sip.useragent import UserAgent

__all__ = ["Session", "SessionState"]

Fields = Sequence[tuple[str, str]]


class Session:
    """One call leg in SIP terms.

    `id` is our tag. `invite` is the INVITE that began it (of a repetition with credentials the latest), `source` where
    it came from or first went to. `owner` is the user's own. `contact` is the value of our Contact.
    """

    __slots__ = (
        "awaited_ack",
        "call_id",
        "client",
        "contact",
        "credentials",
        "dialog",
        "early",
        "head",
        "id",
        "invite",
        "keep_flow",
        "local_offer",
        "local_sdp",
        "min_se",
        "next_hop",
        "offered",
        "owner",
        "peer_updates",
        "pending",
        "refresh",
        "reliable",
        "remote_offer",
        "retry",
        "role",
        "server",
        "source",
        "state",
        "told",
        "ua",
    )

    def __init__(
        self, ua: UserAgent, role: Literal["uac", "uas"], id: str, call_id: str, invite: Request, source: Address
    ) -> None:
        self.ua = ua
        self.role = role
        self.id = id
        self.call_id = call_id
        self.invite = invite
        self.source = source
        self.state = SessionState.INITIAL
        self.owner: object = None
        self.contact = ""
        self.credentials: Login | None = None
        self.client: ClientTransaction | None = None
        self.server: ServerTransaction | None = None
        self.next_hop: Address | SipUri = source
        self.dialog: Dialog | None = None
        self.early: dict[str, Dialog | Response] = {}
        self.keep_flow = False
        self.offered = False
        self.local_sdp = b""
        self.local_offer: LocalOffer | None = None
        self.remote_offer: RemoteOffer | None = None
        self.awaited_ack: AwaitedAck | None = None
        self.pending: ClientTransaction | None = None
        self.reliable: ReliableProvisionals | None = None
        self.refresh: Refresh | None = None
        self.min_se = 0
        self.retry: Timer | None = None
        self.peer_updates = False
        self.head = ""
        self.told = False

    def __repr__(self) -> str:
        return f"<Session {self.id} {self.role} {self.state}>"

    # -- who and where

    @property
    def local(self) -> NameAddr:
        """Our side as the first INVITE names it."""
        return self.invite.from_ if self.role == "uac" else self.invite.to

    @property
    def remote(self) -> NameAddr:
        """The peer as the first INVITE names it."""
        return self.invite.to if self.role == "uac" else self.invite.from_

    @property
    def remote_target(self) -> str:
        """The URI at which the peer is reached now."""
        return self.dialog.target if self.dialog is not None else self.invite.request_uri

    @property
    def remote_tag(self) -> str:
        """The peer's tag, "" while there is none."""
        return self.dialog.remote_tag if self.dialog is not None else ""

    @property
    def ended(self) -> bool:
        """Whether it is over for the owner."""
        return self.state in _OVER

    @property
    def can_offer(self) -> bool:
        """Whether `reinvite` or `update` may be called now: no other offer or INVITE is under way."""
        return midcall.is_idle(self)

    # -- the peer's INVITE

    def progress(
        self,
        status: int,
        now: float,
        sdp: bytes | None = None,
        reliable: bool | None = None,
        reason: str | None = None,
        fields: Fields = (),
    ) -> None:
        """Send a provisional response 101 to 199; `reliable` None decides by what the peer requires (RFC 3262 §3)."""
        uas.progress(self, status, now, sdp, reliable, reason, fields)

    def accept(self, sdp: bytes | None, now: float, fields: Fields = ()) -> None:
        """Answer the peer's INVITE with 200; `sdp` is the answer, or our offer to an INVITE without one."""
        uas.accept(self, sdp, now, fields)

    def reject(self, status: int, now: float, reason: str | None = None, fields: Fields = ()) -> None:
        """Refuse the peer's INVITE with a status of 300 to 699: the session is over."""
        uas.reject(self, status, now, reason, fields)

    # -- offers

    def reinvite(self, sdp: bytes | None, now: float, fields: Fields = ()) -> None:
        """Offer a new description by re-INVITE, or ask the peer for its offer (None)."""
        midcall.reinvite(self, sdp, now, fields)

    def update(self, sdp: bytes | None, now: float, fields: Fields = ()) -> None:
        """Offer a new description by UPDATE, also in an early dialog; None only refreshes (RFC 3311 §5.1)."""
        midcall.update(self, sdp, now, fields)

    def answer(self, sdp: bytes, now: float) -> None:
        """Answer the offer of the last `OfferReceived`, or make ours if that asked for one."""
        midcall.answer(self, sdp, now)

    def refuse_offer(self, status: int, now: float) -> None:
        """Refuse the offer of the last `OfferReceived`; one that came in a response ends the session."""
        midcall.refuse_offer(self, status, now)

    # -- ending

    def bye(self, now: float, fields: Fields = ()) -> None:
        """End an answered session; waits unseen for an ACK that is still due (RFC 3261 §15)."""
        if self.ended:
            return
        if self.dialog is None or self.state not in (SessionState.ACCEPTED, SessionState.CONFIRMED):
            raise LocalProtocolError(f"no BYE for a session that is {self.state}")
        self.hang_up(now, 200, "BYE", "local", fields)

    def cancel(self, now: float, fields: Fields = ()) -> None:
        """Give up our INVITE before its final response; a 2xx that crosses is acknowledged and ended."""
        uac.cancel(self, now, fields)

    def end(self, now: float, status: int = 480, fields: Fields = ()) -> None:
        """End the session by whatever fits its state: CANCEL, BYE, or a final response of this status."""
        if self.ended:
            return
        if self.state in (SessionState.ACCEPTED, SessionState.CONFIRMED):
            self.bye(now, fields)
        elif self.role == "uac":
            self.cancel(now, fields)
        else:
            self.reject(status, now, fields=fields)

    # -- anything else inside the dialog

    def request(
        self,
        method: str,
        now: float,
        fields: Fields = (),
        body: bytes = b"",
        content_type: str | None = None,
        owner: object = None,
    ) -> ClientTransaction:
        """Send INFO, REFER, NOTIFY, MESSAGE or OPTIONS inside the dialog; its outcome comes as an event."""
        if self.ended or self.dialog is None or self.state is SessionState.INITIAL:
            raise LocalProtocolError(f"no {method} in a session that is {self.state}")
        extra = [*fields, ("Contact", self.contact)] if method in _WITH_CONTACT else list(fields)
        if body:
            extra.append(("Content-Type", content_type or SDP))
        return send_in_dialog(self, self.dialog, method, extra, body, now, _tell_owner, owner)

    # -- shared by the parts

    def hang_up(self, now: float, status: int, reason: str, by: EndedBy, fields: Fields = ()) -> None:
        """Tell the owner of the end and take the dialog down: with a BYE, at once or when its ACK has come.

        An early dialog has no BYE: there the INVITE is refused or cancelled.
        """
        header_lines(fields)
        if self.state in (SessionState.INITIAL, SessionState.EARLY):
            if self.server is not None:
                self.ua.respond(self.server, max(status, 400), now)
                self.finish(now, status, reason, by)
            else:
                uac.cancel(self, now, fields)
            return
        awaited = self.awaited_ack
        if self.remote_offer is not None and self.remote_offer.method == "ACK":
            midcall.acknowledge_without_answer(self, now)
        if awaited is not None and awaited.initial and by == "local":
            awaited.bye_fields = fields
            self.finish(now, status, reason, by, None, SessionState.ENDING)
            return
        uac.send_bye(self, fields, now)
        self.finish(now, status, reason, by)

    def finish(
        self,
        now: float,
        status: int,
        reason: str,
        by: EndedBy,
        request: Request | None = None,
        state: SessionState = SessionState.ENDED,
    ) -> None:
        """Tell the owner of the end, once, and let go of what is no longer needed."""
        if not self.told:
            self.told = True
            self.ua.events.append(SessionEnded(self, status, reason, by, request))
        self.close(now, state)

    def close(self, now: float, state: SessionState = SessionState.ENDED) -> None:
        """Stop every timer and, unless something is still to come, leave the table of sessions."""
        self.state = state
        if self.retry is not None:
            self.retry.cancel()
            self.retry = None
        if self.refresh is not None:
            self.refresh.stop()
            self.refresh = None
        if self.reliable is not None:
            self.reliable.stop()
            self.reliable = None
        midcall.abandon(self, now)
        if self.pending is not None:
            self.ua.layer.clients.abandon(self.pending, now)
            self.pending = None
        if state is SessionState.ENDED:
            self._let_go_of_invite(now)
            if self.awaited_ack is not None:
                self.awaited_ack.stop()
                self.awaited_ack = None
            self.ua.forget(self)

    def _let_go_of_invite(self, now: float) -> None:
        """Give the transaction of the INVITE up: it knows its session, and neither shall keep the other in memory."""
        self.server = None
        if self.client is not None and self.client.finished:
            self.client = None
        elif self.client is not None:
            self.ua.layer.cancel(self.client, now)  # the peer said BYE to an INVITE it has not answered

    def dialog_with(self, remote_tag: str) -> Dialog | None:
        """The dialog with the peer of this tag: the one that counts, or an early one of a forked call."""
        dialog = self.dialog
        if dialog is not None and dialog.remote_tag == remote_tag:
            return dialog
        early = self.early.get(remote_tag)
        if isinstance(early, Response):
            assert self.client is not None and self.client.destination is not None
            early = self.early[remote_tag] = uac.make_dialog(self, early)
        return early


_OVER = frozenset((SessionState.ENDING, SessionState.ENDED))
_WITH_CONTACT = frozenset(("REFER", "SUBSCRIBE", "NOTIFY"))


def _tell_owner(session: Session, transaction: ClientTransaction, response: Response | None, now: float) -> None:
    """Pass the outcome up; a dialog the peer has forgotten ends (RFC 3261 §12.2.1.2, RFC 5057 §5.1)."""
    session.ua.layer.tell(transaction, response, now)
    if response is not None and response.status == 481 and transaction.method not in _WITH_CONTACT:
        midcall.lose_dialog(session, 481, response.reason, now)
