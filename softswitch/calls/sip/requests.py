"""Requests inside a SIP dialog that a call acts upon: REFER (RFC 3515, 3891, 4488, 5589) and INFO (RFC 6086)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import DialogRequest
from softswitch.sip.headers import NameAddr, Replaces
from softswitch.sip.message import REASONS, Response
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session import Session, SessionState
from softswitch.sip.uri import SipUri, TelUri, unescape
from softswitch.sip.useragent import UserAgent

if TYPE_CHECKING:
    from softswitch.calls.leg import Leg

_SUBSCRIPTION_S = 180
#: Fields that belong to the body of an INFO or MESSAGE and go with it (RFC 6086 §4, RFC 3428 §7).
_WITH_BODY = ("Info-Package", "Content-Disposition", "Content-Language")


class SipTransfer:
    """One REFER: who shall be called, and the implicit subscription that reports how it goes."""

    __slots__ = (
        "_agent",
        "_answered",
        "_event",
        "_now",
        "_over",
        "_session",
        "_silent",
        "_transaction",
        "referred_by",
        "replaces",
        "target",
    )

    #: another dialog is named by `replaces`.
    consulted: Leg | None = None

    def __init__(
        self, agent: UserAgent, session: Session, transaction: ServerTransaction, now: Callable[[], float], target: str
    ) -> None:
        self._agent = agent
        self._session = session
        self._transaction = transaction
        self._now = now
        self._silent = False
        self._answered = False
        self._over = False
        self._event = "refer"
        self.target = target
        self.replaces: tuple[str, str, str] | None = None
        self.referred_by = ""

    @classmethod
    def parse(
        cls, agent: UserAgent, session: Session, event: DialogRequest, now: Callable[[], float], *, numbered: bool
    ) -> SipTransfer | None:
        """Read a REFER; a malformed one is answered 400 and gives None (RFC 3515 §2.4.2).

        `numbered` puts an id into the reports, because the dialog has had a REFER before.
        """
        request = event.request
        try:
            refer_to = request.get_all("Refer-To")
            if len(refer_to) != 1:
                raise ProtocolError("a REFER names exactly one target", section="RFC 3515 §2.4.2")
            uri = NameAddr.parse(refer_to[0]).uri
            transfer = cls(agent, session, event.transaction, now, "")
            if isinstance(uri, SipUri):
                transfer.target = uri.username
                for name, value in uri.headers:
                    if name.lower() == "replaces":
                        replaces = Replaces.parse(unescape(value))
                        transfer.replaces = (replaces.call_id, replaces.to_tag, replaces.from_tag)
            elif isinstance(uri, TelUri):
                transfer.target = uri.digits
            else:
                raise ProtocolError("a call can be transferred to SIP and tel URIs only", status=416)
            if not transfer.target and transfer.replaces is None:
                raise ProtocolError("the target has no number", section="RFC 3515 §2.1")
        except ProtocolError as error:
            agent.respond(event.transaction, error.status or 400, now(), reason=error.text)
            return None
        if numbered:
            transfer._event = f"refer;id={request.cseq.number}"
        transfer.referred_by = request.get("Referred-By") or ""
        transfer._silent = (request.get("Refer-Sub") or "").strip().lower() == "false"
        return transfer

    def accept(self) -> None:
        """202, and the first report follows (RFC 3515 §2.4.4)."""
        self._answered = True
        fields = [("Refer-Sub", "false")] if self._silent else []
        self._agent.respond(self._transaction, 202, self._now(), fields=fields)
        self.report(100)

    def refuse(self, status: int) -> None:
        """The REFER itself is refused."""
        if not self._answered:
            self._answered = self._over = True
            self._agent.respond(self._transaction, status, self._now())

    def report(self, status: int, reason: str = "") -> None:
        """NOTIFY with a sipfrag of the status line (RFC 3515 §2.4.5); a final status ends the subscription."""
        if self._over or self._silent or self._session.state is not SessionState.CONFIRMED:
            return
        final = status >= 200
        self._over = final
        state = "terminated;reason=noresource" if final else f"active;expires={_SUBSCRIPTION_S}"
        phrase = reason or REASONS.get(status, "")
        self._session.request(
            "NOTIFY",
            self._now(),
            fields=[("Event", self._event), ("Subscription-State", state)],
            body=f"SIP/2.0 {status} {phrase}\r\n".encode(),
            content_type="message/sipfrag;version=2.0",
        )


class SipInformation:
    """One INFO or in-dialog MESSAGE on its way from one party to the other; answered when the other answered."""

    __slots__ = ("_agent", "_now", "_transaction", "body", "carried_fields", "content_type", "method")

    def __init__(self, agent: UserAgent, event: DialogRequest, now: Callable[[], float]) -> None:
        request = event.request
        self._agent = agent
        self._transaction = event.transaction
        self._now = now
        self.method = request.method
        self.content_type = request.get("Content-Type") or ""
        self.body = request.body
        self.carried_fields = [(name, value) for name in _WITH_BODY if (value := request.get(name)) is not None]

    def accept(self) -> None:
        """Answer 200."""
        self._agent.respond(self._transaction, 200, self._now())

    def refuse(self, status: int) -> None:
        """Answer with a failure."""
        self._agent.respond(self._transaction, status, self._now())

    def on_response(self, response: Response, now: float) -> None:
        """The other party answered: pass its status back."""
        if response.status >= 200:
            self._agent.respond(self._transaction, response.status, self._now(), reason=response.reason)

    def on_failure(self, status: int, now: float) -> None:
        """The other party did not answer."""
        self.refuse(status)
