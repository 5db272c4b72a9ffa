"""The SIP user agent of a node: transactions below, dialogs and sessions here, events above (RFC 3261 §8, §12 to §15).

It finds out what a request belongs to and hands it to the part that knows: `midcall`, `uas`, `reliable`. Requests
outside any session go up as `RequestReceived` after the checks of §8.2; what they mean is the owner's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from softswitch.sip import midcall, refresh, reliable, uac, uas
from softswitch.sip.address import Address
from softswitch.sip.admission import admit
from softswitch.sip.bodies import SDP, allows_update, header_lines, sdp_of, tag_of
from softswitch.sip.client_transaction import ClientHandler, ClientRemnant, ClientTransaction
from softswitch.sip.clients import SentBy
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import DialogRequest, Event, IncomingInvite, RequestReceived
from softswitch.sip.headers import NameAddr, Replaces
from softswitch.sip.locate import default_transport
from softswitch.sip.message import Request, Response
from softswitch.sip.reasons import reason_phrase
from softswitch.sip.requests import repeat_when_challenged
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session import Session, SessionState
from softswitch.sip.settings import Login, UserAgentSettings
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.transactions import TransactionLayer
from softswitch.sip.uri import SipUri

Fields = Sequence[tuple[str, str]]

# Methods whose dialogs are not sessions: a To tag we do not know is their owner's to judge (RFC 6665 §4.4.1).
_OTHER_USAGES = frozenset(("SUBSCRIBE", "NOTIFY", "REGISTER", "PUBLISH", "REFER"))
_SESSION_ONLY = frozenset(("BYE", "PRACK", "UPDATE"))
_SCHEMES = ("sip", "sips", "tel", "urn")
_LAST_HOPS = ("0", "00", "000")
_ANY_CONTENT = ("application/*", "text/*", "message/*", "multipart/*", "image/*", "audio/*", "video/*")


class UserAgent:
    """All sessions of one node. `timers` may be shared; `sent_by(listener, transport)` names host and port for Via and
    Contact and raises LookupError where there is no such listener; `new_id` gives identifiers nobody can guess."""

    def __init__(
        self,
        *,
        timers: TimerWheel,
        new_id: Callable[[], str],
        sent_by: SentBy,
        settings: UserAgentSettings | None = None,
    ) -> None:
        self.settings = settings or UserAgentSettings()
        self.timers = timers
        self.new_id = new_id
        self._sent_by = sent_by
        self.sessions: dict[str, Session] = {}
        self.layer = TransactionLayer(timers=timers, new_id=new_id, sent_by=sent_by, settings=self.settings, user=self)
        self.events: deque[Event] = self.layer.events
        self.counters = self.layer.counters
        self.repetitions = timers.lane(self.settings.timers.t1, self._repeat_success)
        self.extensions = timers.lane(uas.EXTENSION_INTERVAL, self._extend)
        self._contacts: dict[tuple[str, str], str] = {}
        self._build_fields()
        # The Endpoint interface is the transaction layer's own: no call is added on the way of a message.
        self.receive_data = self.layer.receive_data
        self.handle_timer = self.layer.handle_timer
        self.next_timer = self.layer.next_timer
        self.data_to_send = self.layer.data_to_send
        self.next_event = self.layer.next_event
        self.next_lookup = self.layer.next_lookup
        self.lookup_done = self.layer.lookup_done
        self.transport_failed = self.layer.transport_failed

    def _build_fields(self) -> None:
        settings = self.settings
        supported = [tag for tag in settings.supported if tag != "100rel" or settings.reliable != "off"]
        allow = ", ".join(settings.allow)
        self._methods = frozenset(settings.allow)
        self._extensions = frozenset(tag.lower() for tag in supported)
        self.request_fields = [("Max-Forwards", str(settings.max_forwards))]
        self.server_line = ""
        if settings.user_agent:
            self.request_fields.append(("User-Agent", settings.user_agent))
            self.server_line = header_lines([("Server", settings.user_agent)])
        self.request_lines = header_lines(self.request_fields)
        self.capability_fields = [("Allow", allow), ("Supported", ", ".join(supported))]
        self.allow_line = header_lines([("Allow", allow)]) + self.server_line
        self.capability_lines = header_lines(self.capability_fields) + self.server_line
        self._invite_fields = [*self.request_fields, *self.capability_fields]
        if settings.session_expires:
            self._invite_fields.append(("Session-Expires", str(max(settings.session_expires, settings.min_se))))
        if settings.min_se > 90:
            self._invite_fields.append(("Min-SE", str(settings.min_se)))

    # -- small services

    def count(self, name: str) -> None:
        """Count one more of something, for metrics."""
        self.counters[name] += 1

    @staticmethod
    def phrase(status: int) -> str:
        """The usual reason phrase."""
        return reason_phrase(status)

    def contact(self, listener: str, transport: str) -> str:
        """The value of our Contact as seen through this listener."""
        place = (listener, transport)
        contact = self._contacts.get(place)
        if contact is None:
            try:
                host, port = self._sent_by(listener, transport)
            except LookupError:
                host, port = self._sent_by("", "udp")
            if ":" in host:
                host = f"[{host}]"
            parameter = "" if transport == "udp" else f";transport={transport}"
            contact = self._contacts[place] = f"<sip:{host}:{port}{parameter}>"
        return contact

    def forget_addresses(self) -> None:
        """Ask `sent_by` anew from now on, after the listeners have changed."""
        self._contacts.clear()
        self.layer.clients.forget_addresses()

    def gauges(self) -> dict[str, int]:
        """How much there is of what is bounded, for metrics."""
        return {"sessions": len(self.sessions), **self.layer.gauges()}

    def forget(self, session: Session) -> None:
        """Take an ended session out of the table."""
        self.sessions.pop(session.id, None)

    def _repeat_success(self, id: str, now: float) -> None:
        session = self.sessions.get(id)
        if session is not None:
            uas.repeat_success(session, now)

    def _extend(self, id: str, now: float) -> None:
        session = self.sessions.get(id)
        if session is not None:
            uas.extend(session, now)

    # -- what the owner starts

    def invite(
        self,
        *,
        request_uri: str,
        next_hop: Address | SipUri | None,
        from_: NameAddr,
        to: NameAddr,
        now: float,
        contact: str | None = None,
        fields: Fields = (),
        body: bytes = b"",
        content_type: str = SDP,
        routes: Sequence[str] = (),
        owner: object = None,
        credentials: Login | None = None,
        call_id: str | None = None,
        keep_flow: bool = False,
    ) -> Session:
        """Send an INVITE (RFC 3261 §13.2.1).

        `contact` is a whole Contact value, ours when None; `routes` are Route values, topmost first; without `next_hop`
        the first route or the Request-URI says where to. `fields` replace fields of the same name that would be added
        anyway. With `keep_flow` all later requests go where the INVITE went, whatever the peer's Contact says.
        Raises ProtocolError when there is no place to send to, LocalProtocolError for a value with a line break.
        """
        id = self.new_id()
        hop = next_hop if next_hop is not None else self._first_hop(request_uri, routes)
        listener, transport = ("", default_transport(hop)) if isinstance(hop, SipUri) else (hop.listener, hop.transport)
        if contact is None:
            contact = self.contact(listener, transport)
        call_id = call_id or self.new_id()
        given = {name for name, _ in fields}
        own = self._invite_fields
        sender = f"{from_};tag={id}" if from_.tag is None else str(from_.with_tag(id))
        invite = Request(
            "INVITE",
            request_uri,
            [
                ("Via", ""),
                *[("Route", route) for route in routes],
                ("From", sender),
                ("To", str(to)),
                ("Call-ID", call_id),
                ("CSeq", "1 INVITE"),
                ("Contact", contact),
                *([item for item in own if item[0] not in given] if given else own),
                *fields,
                *([("Content-Type", content_type)] if body else ()),
            ],
            body,
        )
        source = Address(transport, hop.host, hop.port or 5060, listener) if isinstance(hop, SipUri) else hop
        session = Session(self, "uac", id, call_id, invite, source)
        session.next_hop = hop
        session.contact = contact
        session.owner = owner
        session.credentials = credentials
        session.keep_flow = keep_flow
        session.local_sdp = body
        session.offered = bool(body) and (content_type == SDP or sdp_of(invite) is not None)
        uac.send_invite(session, now)
        self.sessions[id] = session
        return session

    @staticmethod
    def _first_hop(request_uri: str, routes: Sequence[str]) -> SipUri:
        return SipUri.parse(NameAddr.parse(routes[0]).uri_text if routes else request_uri)

    def send(
        self,
        request: Request,
        next_hop: Address | SipUri | None,
        now: float,
        owner: object = None,
        credentials: Login | None = None,
    ) -> ClientTransaction:
        """Send a request outside any session: OPTIONS, MESSAGE, NOTIFY, REGISTER…

        What it lacks is added: Via, Max-Forwards, From tag, Call-ID, CSeq. The outcome comes as `ResponseReceived` or
        `TransactionFailed`; with `credentials` a challenge is answered first.
        """
        for name, value in self.request_fields:
            if not request.has(name):
                request.add(name, value)
        if not request.has("Call-ID"):
            request.add("Call-ID", self.new_id())
        if not request.has("CSeq"):
            request.add("CSeq", f"1 {request.method}")
        if request.from_.tag is None:
            request.set("From", str(request.from_.with_tag(self.new_id())))
        hop = next_hop
        if hop is None:
            hop = self._first_hop(request.request_uri, [str(route) for route in request.routes])
        handler: ClientHandler = self.layer.tell
        if credentials is not None:
            handler = repeat_when_challenged(self.layer, credentials, self.new_id, hop)
        return self.layer.send_request(request, hop, now, owner, handler)

    def respond(
        self,
        transaction: ServerTransaction,
        response: Response | int,
        now: float,
        *,
        reason: str | None = None,
        fields: Fields = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        """Answer a request with a response, or with a status and what belongs to it."""
        if isinstance(response, Response):
            self.layer.respond(transaction, response, now)
            return
        lines = header_lines(fields) + self.server_line
        if body:
            lines += header_lines([("Content-Type", content_type or SDP)])
        self.layer.servers.respond(transaction, response, transaction.response(response, reason, lines, body), now)

    def challenge(self, transaction: ServerTransaction, challenges: Sequence[str]) -> None:
        """Ask for credentials with 401; `challenges` are values of WWW-Authenticate (RFC 3261 §22.2).

        Nothing stays behind: a copy of the request is asked again, so that who never answers costs no memory (§8.2.7).
        """
        servers = self.layer.servers
        transaction.to_tag = servers.stateless_tag(transaction.request)
        lines = header_lines([("WWW-Authenticate", value) for value in challenges]) + self.server_line
        servers.refuse_and_forget(transaction, transaction.response(401, None, lines))

    def capabilities(self, contact: str | None = None) -> list[tuple[str, str]]:
        """The fields of a 200 to OPTIONS (RFC 3261 §11.2)."""
        fields = [*self.capability_fields, ("Accept", ", ".join(self.settings.accept).replace("/*", "/mixed"))]
        return fields if contact is None else [*fields, ("Contact", contact)]

    def find_dialog(self, call_id: str, to_tag: str, from_tag: str) -> Session | None:
        """The live session with this Call-ID, our tag and the peer's ("0" stands for none), as in Replaces."""
        session = self.sessions.get(to_tag)
        if session is None or session.call_id != call_id or session.ended:
            return None
        peer = "" if from_tag == "0" else from_tag
        return session if session.dialog_with(peer) is not None else None

    def match_replaces(self, request: Request) -> Session | None:
        """The session that an INVITE asks to replace, None when it asks for none (RFC 3891 §3).

        Raises ProtocolError with the status the INVITE deserves: 400 malformed, 481 no such session, 486 confirmed
        though only an early one was meant.
        """
        values = request.get_all("Replaces")
        if not values:
            return None
        if len(values) > 1 or request.has("Join"):
            raise ProtocolError("more than one Replaces", section="RFC 3891 §3")
        wanted = Replaces.parse(values[0])
        session = self.find_dialog(wanted.call_id, wanted.to_tag, wanted.from_tag)
        if session is None:
            raise ProtocolError("no session to replace", section="RFC 3891 §3", status=481)
        early = session.state in (SessionState.INITIAL, SessionState.EARLY)
        if wanted.early_only and not early:
            raise ProtocolError("the session to replace is confirmed", section="RFC 3891 §3", status=486)
        if early and session.role == "uas":
            raise ProtocolError("an early session that the peer began", section="RFC 3891 §3", status=481)
        return session

    # -- what the transaction layer tells

    def request_received(self, transaction: ServerTransaction, request: Request, source: Address, now: float) -> None:
        """Sort a new request: into its session, into a new one, or up."""
        tag = transaction.dialog_tag
        method = request.method
        refusal = None
        if not self._is_plain(request):
            accepted = self.settings.accept if method == "INVITE" else _ANY_CONTENT
            refusal = admit(
                request,
                methods=self.settings.allow,
                schemes=_SCHEMES,
                extensions=self._extensions,
                content_types=accepted,
            )
        if refusal is not None:
            self.count("requests_refused")
            self.layer.respond(transaction, refusal, now)
        elif tag is None:
            if method == "INVITE":
                self._begin(transaction, request, source, now)
            elif method in _SESSION_ONLY:
                self.respond(transaction, 481, now)
            else:
                self.events.append(RequestReceived(transaction, request, source))
        else:
            self._continue(transaction, request, source, tag, now)

    def _is_plain(self, request: Request) -> bool:
        """Whether there is nothing about a request that `admit` could object to: the usual case, seen quickly."""
        index = request.index()
        return (
            request.method in self._methods
            and request.request_uri.startswith("sip:")
            and "Require" not in index
            and "Content-Encoding" not in index
            and "Accept" not in index
            and index.get("Max-Forwards", "") not in _LAST_HOPS
            and (not request.body or index.get("Content-Type") == SDP)
        )

    def _begin(self, transaction: ServerTransaction, request: Request, source: Address, now: float) -> None:
        """An INVITE outside any dialog."""
        settings = self.settings
        if len(self.sessions) >= settings.max_sessions:
            self.count("sessions_refused_overload")
            self.respond(transaction, 503, now, fields=[("Retry-After", str(settings.retry_after))])
            return
        id = transaction.to_tag
        offered = sdp_of(request) is not None
        session = Session(self, "uas", id, request.call_id, request, source)
        session.server = transaction
        session.dialog = Dialog.from_request(request, source, id)
        session.offered = offered
        session.contact = self.contact(source.listener, source.transport)
        session.peer_updates = allows_update(request)
        transaction.owner = session
        if refresh.too_short(session, request):
            self.respond(transaction, 422, now, fields=[("Min-SE", str(settings.min_se))])
        elif uas.needs_421(session, request):
            self.respond(transaction, 421, now, fields=[("Require", "100rel")])
        else:
            self.sessions[id] = session
            self.events.append(IncomingInvite(session, request, source))

    def _continue(
        self, transaction: ServerTransaction, request: Request, source: Address, tag: str, now: float
    ) -> None:
        """A request inside a dialog, if we know it (RFC 3261 §12.2.2)."""
        method = request.method
        session = self.sessions.get(tag)
        dialog = None
        if session is not None and session.call_id == request.call_id:
            dialog = session.dialog_with(tag_of(request.index()["From"]) or "")
        if session is None or dialog is None or (session.ended and method != "BYE"):
            if session is None and method in _OTHER_USAGES:
                self.events.append(RequestReceived(transaction, request, source))
            else:
                self.respond(transaction, 481, now)
            return
        number = request.cseq.number
        if number < dialog.remote_cseq:
            self.respond(transaction, 500, now, reason="CSeq Out Of Order")
            return
        dialog.remote_cseq = number
        if method == "BYE":
            uas.receive_bye(session, transaction, request, now)
        elif method == "INVITE":
            midcall.receive_invite(session, dialog, transaction, request, now)
        elif method == "UPDATE":
            midcall.receive_update(session, dialog, transaction, request, now)
        elif method == "PRACK":
            reliable.receive_prack(session, dialog, transaction, request, now)
        elif method == "OPTIONS":
            self.respond(transaction, 200, now, fields=self.capabilities(session.contact))
        else:
            self.events.append(DialogRequest(session, transaction, request))

    def ack_received(self, request: Request, source: Address, now: float) -> None:
        """The ACK of a 2xx; one that fits no session is dropped."""
        index = request.index()
        session = self.sessions.get(tag_of(index.get("To", "")) or "")
        if session is None or session.call_id != index.get("Call-ID"):
            self.count("acks_stray")
        elif session.remote_tag == (tag_of(index.get("From", "")) or ""):
            uas.receive_ack(session, request, now)

    def cancel_received(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A CANCEL in time; one for a re-INVITE refuses that alone (RFC 3261 §9.2, §14.2)."""
        session = transaction.owner
        if isinstance(session, Session):
            uas.cancelled(session, request, now)
        else:
            self.respond(transaction, 487, now)
            midcall.withdrawn(self.sessions.get(request.to.tag or ""), transaction)

    def forked_success(self, remnant: ClientRemnant, response: Response, source: Address, now: float) -> None:
        """A 2xx from a second branch of a forked call: acknowledged and ended (RFC 3261 §13.2.2.4)."""
        self.count("forks_ended")
        dialog = Dialog.from_response(response, source)
        number = dialog.local_cseq
        ack = partial(dialog.octets, "ACK", number, self.request_lines, b"")
        self.layer.clients.send_ack(ack, dialog.hop(), now, remnant, response.to.tag)
        bye = dialog.request("BYE", number + 1, self.request_fields)
        self.layer.send_request(bye, dialog.hop(), now, None, _ignore)


def _ignore(transaction: ClientTransaction, response: Response | None, now: float) -> None:
    """How the BYE of a surplus branch is answered changes nothing."""
