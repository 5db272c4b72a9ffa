"""A push-to-talk client without I/O: joins calls, presses and lets go: the far side of `server`.

Many clients share one SIP user agent; each has floor control and an audio source of its own. The simulator gives them
sockets, tests give them virtual time.
"""

from __future__ import annotations

from gateways.poc import mcpc, resource_lists
from gateways.poc.bodies import Bodies, multipart
from gateways.poc.client_requests import Asked, ClientRequests, Habits
from gateways.poc.floor_line import FloorLine
from gateways.poc.mcptt_info import CONTENT_TYPE, LOCAL, REMOTE, McpttInfo
from gateways.poc.recognition import System
from softswitch.floor import mcptt, tbcp
from softswitch.floor.causes import Tier
from softswitch.floor.channel import Dialect
from softswitch.floor.messages import FloorMessage
from softswitch.floor.participant import Participant
from softswitch.floor.participant_events import ParticipantEvent
from softswitch.floor.translation import from_talk_burst, to_talk_burst
from softswitch.rtp import RtpError
from softswitch.sdp.description import SessionDescription
from softswitch.sip.bodies import SDP
from softswitch.sip.events import (
    Event,
    IncomingInvite,
    OfferReceived,
    RequestReceived,
    SessionAnswered,
    SessionConfirmed,
    SessionEnded,
    SessionRejected,
)
from softswitch.sip.headers import NameAddr
from softswitch.sip.session import Session
from softswitch.sip.useragent import UserAgent

Place = tuple[str, int]


class PocClient(ClientRequests):
    """One user's client in at most one session."""

    def __init__(
        self,
        agent: UserAgent,
        habits: Habits,
        number: str,
        password: str,
        *,
        media: Place,
        floor: Place,
        ssrc: int,
        system: System = System.MCPTT,
        answers: bool = True,
        listenable: bool = True,
    ) -> None:
        super().__init__(agent, habits, number, password, system)
        self.media = media
        self.floor = floor
        self.ssrc = ssrc
        self.answers = answers
        self.listenable = listenable
        self.participant = Participant(ssrc, habits.participant)
        self.session: Session | None = None
        self.confirmed = False
        self.server_media: Place | None = None
        self.server_floor: FloorLine | None = None
        self.messages: list[McpttInfo] = []
        self.invited_by: McpttInfo | None = None
        self.ended = 0
        self.malformed = 0
        #: MCPC messages of a pre-established session.
        self.connected: list[mcpc.SessionMessage] = []
        self._implicit = False

    @property
    def dialect(self) -> Dialect:
        """What it speaks."""
        return Dialect.MCPTT if self.system is System.MCPTT else Dialect.TBCP

    @property
    def joined(self) -> bool:
        """Whether its session is confirmed."""
        return self.session is not None and self.confirmed

    # -- sessions ---------------------------------------------------------------------------------------------------

    def call(
        self,
        info: McpttInfo,
        now: float,
        *,
        callees: tuple[str, ...] = (),
        implicit: bool = False,
        with_floor: bool = True,
        target: str = "",
        manual: bool = False,
    ) -> None:
        """INVITE with this mcptt-info, or for PoC to the `target`; the outcome is told as `INVITE`."""
        self.participant = Participant(self.ssrc, self.habits.participant)
        self.confirmed = False
        parts: list[tuple[str, bytes]] = [(SDP, self._offer(implicit=implicit, with_floor=with_floor))]
        if self.system is System.MCPTT:
            parts.append((CONTENT_TYPE, info.serialize()))
        if callees:
            uris = (self.uri_of(callee) for callee in callees)
            parts.append((resource_lists.CONTENT_TYPE, resource_lists.serialize_resource_lists(uris)))
        body, content_type = multipart(*parts)
        uri = self.uri_of(target) if target else self._psi
        self._implicit = implicit or info.ambient == LOCAL
        self.session = self.agent.invite(
            request_uri=uri,
            next_hop=self.habits.server,
            from_=NameAddr(self.uri),
            to=NameAddr(uri),
            now=now,
            contact=self._contact,
            fields=[*self._service, ("Answer-Mode", "Manual" if manual else "Auto")],
            body=body,
            content_type=content_type,
            owner=self,
            credentials=self.login,
            keep_flow=True,
        )

    def call_group(
        self, group: str, now: float, *, chat: bool = False, implicit: bool = False, info: McpttInfo | None = None
    ) -> None:
        """Join a chat, or begin or enter the prearranged call of a group; `info` says what is special about it."""
        if self.system is System.POC:
            self.call(McpttInfo(), now, implicit=implicit, target=group)
            return
        info = info or McpttInfo()
        info.session_type, info.request_uri = "chat" if chat else "prearranged", self.uri_of(group)
        self.call(info, now, implicit=implicit)

    def declare(self, now: float, *, emergency: bool | None = None, peril: bool | None = None) -> None:
        """re-INVITE that raises the running call to an emergency or a peril, or takes that back."""
        if self.session is None:
            return
        offer = self._offer(implicit=False, with_floor=True)
        info = McpttInfo(emergency=emergency, imminent_peril=peril, alert=emergency)
        body, content_type = multipart((SDP, offer), (CONTENT_TYPE, info.serialize()))
        self.session.reinvite(body, now, fields=[("Content-Type", content_type)])

    def refer(self, group: str, now: float, *, chat: bool = False, leave: bool = False) -> None:
        """REFER in a pre-established session: enter the call of a group, or leave it."""
        if self.session is None:
            return
        entry = f"{self.uri_of(group)}{';method=BYE' if leave else ''}"
        listed = resource_lists.serialize_resource_lists([entry])
        info = McpttInfo(session_type="chat" if chat else "prearranged", request_uri=self.uri_of(group))
        body, content_type = multipart((resource_lists.CONTENT_TYPE, listed), (CONTENT_TYPE, info.serialize()))
        fields = [("Refer-To", "<cid:list@client>"), ("Refer-Sub", "false")]
        self.session.request("REFER", now, fields, body, content_type, owner=Asked(self, "REFER"))

    def hang_up(self, now: float) -> None:
        """Leave the session."""
        if self.session is not None:
            self.session.end(now)

    def _offer(self, *, implicit: bool, with_floor: bool) -> bytes:
        host, port = self.media
        lines = [
            "v=0",
            f"o={self.number} 1 1 IN IP4 {host}",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {port} RTP/AVP 8",
            "a=rtpmap:8 PCMA/8000",
            f"a=ssrc:{self.ssrc} cname:{self.number}",
        ]
        sdp = ("\r\n".join(lines) + "\r\n").encode()
        if not with_floor:
            return sdp
        line = FloorLine(self.dialect, self.floor[0], self.floor[1], True, 5, implicit_request=implicit)
        return line.put_into(sdp)

    # -- events of the user agent -------------------------------------------------------------------------------------

    def on_event(self, event: Event, now: float) -> None:
        """One event of this client's session."""
        match event:
            case SessionAnswered():
                self._agreed(event.sdp)
                self._join(now)
                self.tell("INVITE", event.response.status, now)
            case SessionRejected():
                self.session = None
                self.warning = event.response.get("Warning") or ""
                self.tell("INVITE", event.response.status, now)
            case SessionConfirmed():
                self._join(now)
            case OfferReceived() if event.sdp is not None and self.session is not None:
                self._agreed(event.sdp)
                self.session.answer(self._offer(implicit=False, with_floor=self.server_floor is not None), now)
            case SessionEnded():
                self.session = None
                self.confirmed = False
                self.participant.leave()
                self.ended += 1

    def invited(self, event: IncomingInvite, now: float) -> None:
        """The server invites it: it answers at once, unless it is busy or does not answer."""
        if self.session is not None:
            event.session.reject(486, now)
            return
        if not self.answers:
            event.session.reject(480, now)
            return
        bodies = Bodies.of(event.request)
        self.invited_by = bodies.info
        listened_to = bodies.info is not None and bodies.info.ambient == REMOTE
        if listened_to and not self.listenable:
            event.session.reject(403, now)
            return
        self.session = event.session
        event.session.owner = self
        event.session.contact = self._contact
        self.participant = Participant(self.ssrc, self.habits.participant)
        self._implicit = listened_to  # its microphone opens without its user
        self._agreed(bodies.sdp)
        event.session.accept(self._offer(implicit=False, with_floor=self.server_floor is not None), now)

    def requested(self, event: RequestReceived, now: float) -> None:
        """A MESSAGE or NOTIFY of the server."""
        info = Bodies.of(event.request).info
        if info is not None:
            self.messages.append(info)
        self.agent.respond(event.transaction, 200, now)

    def _agreed(self, sdp: bytes | None) -> None:
        if not sdp:
            return
        audio = SessionDescription.parse(sdp).first("audio")
        self.server_media = audio.address() if audio is not None else None
        self.server_floor = FloorLine.find(sdp)

    def _join(self, now: float) -> None:
        if self.confirmed:
            return
        self.confirmed = True
        line = self.server_floor
        self.participant.join(now, implicit_request=self._implicit and line is not None)

    # -- the floor ----------------------------------------------------------------------------------------------------

    def press(self, now: float, tier: Tier = Tier.NORMAL) -> None:
        """PTT down."""
        self.participant.press(now, tier)

    def let_go(self, now: float) -> None:
        """PTT up."""
        self.participant.let_go(now)

    def receive_floor(self, data: bytes, now: float) -> None:
        """One datagram of the server."""
        try:
            if mcpc.is_session_message(data):
                self.connected.append(mcpc.SessionMessage.parse(data))
                return
            if self.dialect is Dialect.TBCP:
                messages = [from_talk_burst(tbcp.parse(data))] if data else []
            else:
                messages = mcptt.parse_datagram(data)
        except RtpError:
            self.malformed += 1
            return
        for message in messages:
            self.participant.receive(message, now)

    def floor_to_send(self) -> list[tuple[bytes, Place]]:
        """Datagrams for the server."""
        line = self.server_floor
        messages = self.participant.messages_to_send()
        return [] if line is None else [(self._octets(message), (line.host, line.port)) for message in messages]

    def _octets(self, message: FloorMessage) -> bytes:
        if self.dialect is Dialect.TBCP:
            return tbcp.serialize(to_talk_burst(message))
        return mcptt.serialize(message)

    def next_floor_event(self) -> ParticipantEvent | None:
        """The oldest thing its user should know."""
        return self.participant.next_event()
