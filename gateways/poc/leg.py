"""A push-to-talk client as a leg: a SIP dialog whose descriptions have a floor control line besides.

Calls and the media path know nothing of that line: it is taken off what the client says and put onto what it is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateways.poc.bodies import Bodies, multipart
from gateways.poc.floor_desk import DeskLink, FloorDesk
from gateways.poc.floor_line import DEFAULT_PRIORITY, FloorLine, count_sections, without_floor_line
from gateways.poc.mcptt_info import CONTENT_TYPE, REMOTE, McpttInfo
from gateways.poc.recognition import MCPTT_REFERENCE, MCPTT_SERVICE, System, with_features
from softswitch.calls.leg import Party
from softswitch.calls.sip.leg import SipLeg
from softswitch.floor import Member
from softswitch.floor.channel import Dialect, Peer
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sip.bodies import SDP
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import DialogRequest, OfferReceived, SessionAnswered, SessionEnded, SessionRejected
from softswitch.sip.message import Request
from softswitch.sip.useragent import UserAgent

logger = logging.getLogger(__name__)

Fields = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the server agrees to with every client; `advertised` is its own floor control place."""

    desk: FloorDesk
    advertised: tuple[str, int]
    domain: str
    contact: str
    priority: int = 255
    queueing: bool = True
    release: int = 13
    acknowledges: bool = False
    rights: Callable[[str], Member] = lambda number: Member()


class PocLeg(SipLeg):
    """One session of a client.

    `line` is the client's floor control line as agreed, None without floor control; `info` goes into the INVITE to it,
    `manual` lets it ring. `before_answer` is called when the client is about to be answered and tells whether it has
    the floor; `raised` when it sends an mcptt-info with a re-INVITE, and gives a status to refuse it or 0; `referred`
    takes a REFER inside the session and tells whether it was meant for it.
    """

    __slots__ = (
        "_ceiling",
        "_link",
        "_sections",
        "before_answer",
        "info",
        "line",
        "manual",
        "parties",
        "raised",
        "referred",
        "system",
        "terms",
    )
    protocol = "poc"

    def __init__(
        self,
        agent: UserAgent,
        now: Callable[[], float],
        leg_id: str,
        direction: str,
        party: Party,
        *,
        system: System,
        terms: Terms,
        trusted: bool = False,
    ) -> None:
        super().__init__(agent, now, leg_id, direction, party, trusted=trusted)
        self.system = system
        self.terms = terms
        self.line: FloorLine | None = None
        self.info: McpttInfo | None = None
        self.manual = False
        self.before_answer: Callable[[], bool] = lambda: False
        self.raised: Callable[[McpttInfo], int] = lambda info: 0
        self.referred: Callable[[DialogRequest], bool] = lambda event: False
        self._ceiling = terms.priority
        self._link: DeskLink | None = None
        self._sections = 0
        if system is System.MCPTT:
            self.answer_fields.append(("P-Asserted-Service", MCPTT_SERVICE))

    @property
    def own_contact(self) -> str:
        """See SipLeg: with the feature tags of the service."""
        return with_features(self.terms.contact, self.system, focus=True)

    # -- the floor control channel ----------------------------------------------------------------------------------

    def open_floor(
        self, line: FloorLine, signalling_host: str, sdp: bytes | None, *, ceiling: int | None = None
    ) -> bool:
        """Agree on the client's floor control line; False when its place is taken by another client.

        `ceiling` is the highest priority that the client has where it is going; None: as agreed before.
        """
        terms = self.terms
        if ceiling is not None:
            self._ceiling = ceiling
        rights = terms.rights(self.party.number)
        wanted = line.priority if line.priority is not None else DEFAULT_PRIORITY
        priority = min(wanted, terms.priority, self._ceiling)
        member = replace(
            rights, priority=priority, queueing=line.queueing and terms.queueing, monitored=True, continuous=False
        )
        place = line.host, line.port
        link = self._link
        if link is not None and link.place == place:
            link.member = member
        else:
            peer = self._peer(line, sdp)
            self.close_floor()
            link = DeskLink(terms.desk, self.id, peer, member, place, signalling_host)
            if not terms.desk.add(link):
                return False
            self._link = self.floor = link
        self.line = replace(line, priority=priority, queueing=member.queueing)
        return True

    def _peer(self, line: FloorLine, sdp: bytes | None) -> Peer:
        return Peer(
            f"sip:{self.party.number}@{self.terms.domain}",
            ssrc_of(sdp),
            line.dialect,
            self.terms.release,
            acknowledges=self.terms.acknowledges,
            private="id" in self.party.privacy,
        )

    def close_floor(self) -> None:
        """The session has no floor control any more."""
        link, self._link = self._link, None
        self.floor = None
        self.line = None
        if link is not None:
            self.terms.desk.remove(link)

    def _own_line(self, *, granted: bool = False) -> FloorLine | None:
        """Our half of the line."""
        line = self.line
        if line is None:
            return None
        host, port = self.terms.advertised
        return replace(line, host=host, port=port, granted=granted)

    def _dressed(self, sdp: bytes | None, *, granted: bool = False) -> bytes | None:
        line = self._own_line(granted=granted)
        if sdp is None or line is None:
            return sdp
        self._sections = count_sections(sdp)
        return line.put_into(sdp)

    # -- commands ---------------------------------------------------------------------------------------------------

    def invitation(self, offer: bytes) -> tuple[Fields, bytes, str]:
        """See SipLeg: the offer with our floor control line, and what the session is about."""
        fields: Fields = [("Answer-Mode", "Manual" if self.manual else "Auto")]
        if self.info is not None and self.info.ambient == REMOTE:
            fields.append(("Priv-Answer-Mode", "Auto"))  # whatever the user has chosen (RFC 5373 §4.2)
        self._sections = count_sections(offer)
        line = self._own_line()
        body = line.put_into(offer) if line is not None and offer else offer
        if self.system is System.POC:
            return [*fields, ("Accept-Contact", "*;+g.poc.talkburst;require;explicit")], body, SDP
        fields += [
            ("Accept-Contact", "*;+g.3gpp.mcptt;require;explicit"),
            ("Accept-Contact", f'*;+g.3gpp.icsi-ref="{MCPTT_REFERENCE}";require;explicit'),
            ("P-Asserted-Service", MCPTT_SERVICE),
        ]
        info = self.info
        if info is None:
            return fields, body, SDP
        if info.urgent:
            fields.append(("Resource-Priority", "mcpttp.15" if info.emergency else "mcpttp.8"))
        parts = [(SDP, body)] if body else []
        made, content_type = multipart(*parts, (CONTENT_TYPE, info.serialize()))
        return fields, made, content_type

    def listen_to(self, listener: str) -> None:
        """The INVITE shall begin a remotely initiated ambient listening call (TS 24.379 §11.1.6) of this identity."""
        number = self.party.number
        self.info = McpttInfo(
            session_type="ambient-listening",
            request_uri=f"sip:{number}@{self.terms.domain}",
            calling_user=listener,
            ambient=REMOTE,
        )
        self.offer_floor(Dialect.MCPTT)

    def offer_floor(self, dialect: Dialect) -> None:
        """The INVITE to this client shall offer floor control."""
        host, port = self.terms.advertised
        self.line = FloorLine(dialect, host, port, self.terms.queueing, min(self.terms.priority, 15))

    def accept(self, sdp: bytes | None) -> None:
        """See Leg."""
        granted = self.before_answer()
        super().accept(self._dressed(sdp, granted=granted))

    def answer(self, sdp: bytes) -> None:
        """See Leg."""
        super().answer(self._dressed(sdp) or sdp)

    def offer(self, sdp: bytes | None) -> bool:
        """See Leg."""
        return super().offer(self._dressed(sdp))

    # -- events of the session --------------------------------------------------------------------------------------

    def on_answered(self, event: SessionAnswered) -> None:
        """The client took the session: its answer without the line that only we know of."""
        if event.sdp is not None:
            event.sdp = self._agreed(event.sdp, self.session.source.host)
        super().on_answered(event)

    def _agreed(self, sdp: bytes, host: str) -> bytes:
        line = FloorLine.find(sdp)
        if line is None or self.line is None or not self.open_floor(line, host, sdp):
            self.close_floor()
        try:
            return without_floor_line(sdp, self._sections)
        except SdpError:
            return sdp  # whoever made the offer finds out

    def on_offer(self, event: OfferReceived) -> None:
        """The client changes its session: floor control may have moved, urgency may have changed."""
        refused = self._raise(self._request_of(event))
        if refused:
            self.session.refuse_offer(refused, self._now())
            return
        line = FloorLine.find(event.sdp)
        if line is not None and self.line is not None:
            self.open_floor(line, self.session.source.host, event.sdp)
        super().on_offer(event)

    def _request_of(self, event: OfferReceived) -> Request | None:
        offer = self.session.remote_offer
        server = offer.server if offer is not None else None
        return server.request if server is not None else None

    def _raise(self, request: Request | None) -> int:
        if request is None or not request.body:
            return 0
        try:
            info = Bodies.of(request).info
        except ProtocolError as error:
            return error.status or 400
        return self.raised(info) if info is not None else 0

    def on_request(self, event: DialogRequest) -> None:
        """A REFER that starts or ends a call of a pre-established session is not a transfer."""
        if event.request.method != "REFER" or not self.referred(event):
            super().on_request(event)

    def on_rejected(self, event: SessionRejected) -> None:
        """The client refused."""
        self.close_floor()
        super().on_rejected(event)

    def on_ended(self, event: SessionEnded) -> None:
        """The session is over."""
        super().on_ended(event)
        self.close_floor()


def ssrc_of(sdp: bytes | None) -> int:
    """The SSRC of the audio that a description names (RFC 5576), 0 when it names none."""
    if not sdp:
        return 0
    try:
        audio = SessionDescription.parse(sdp).first("audio")
    except SdpError:
        return 0
    sources = audio.ssrcs if audio is not None else []
    return sources[0].ssrc if sources else 0
