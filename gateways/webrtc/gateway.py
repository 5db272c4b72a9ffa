"""The gateway of browsers: makes legs of their requests, and offers calls to those that registered here.

Everything runs inside the mutations of the SIP driver; who waits for an answer is told through `BrowserSession.wait`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateways.webrtc.leg import BrowserLeg
from softswitch.calls.hunting import Target
from softswitch.calls.leg import Cause, Leg, LegObserver, LegState, Party
from softswitch.calls.media.path import NoMedia
from softswitch.calls.routing import Caller
from softswitch.events import WebRtcSessionOffered
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sdp.webrtc import is_secured, transports

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange

NAME = "webrtc"
MAX_SESSIONS = 2000
#: How long an ended session can still be asked about.
KEPT_S = 60.0
TOO_MANY = Cause(503, 42, "too many browser sessions", retry_after=5)
HUNG_UP = Cause(200, 16, "the browser hung up", "caller")
DECLINED = Cause(603, 21, "declined", "callee")


class BadDescription(ValueError):
    """An SDP body that is no description of a browser."""


def check_description(text: str) -> bytes:
    """The octets of a description with at least one stream secured by DTLS; raises BadDescription."""
    data = text.encode()
    try:
        description = SessionDescription.parse(data)
        transports(description)
    except SdpError as error:
        raise BadDescription(str(error)) from error
    if not is_secured(description):
        raise BadDescription("no media line is secured by DTLS (UDP/TLS/RTP/SAVPF)")
    return data


@dataclass(slots=True)
class BrowserSession:
    """One session as the browser and its operator see it."""

    id: str
    number: str
    peer: str
    direction: str
    leg: BrowserLeg
    call_id: str = ""
    ended_at: float = 0.0
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def sdp(self) -> str:
        """What the browser is to apply next, empty before there is anything."""
        return (self.leg.sdp or b"").decode(errors="replace")

    async def wait(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `ready` holds after a change; False when it does not within the time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not ready():
                    changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self.waiting.append(changed)
                    await changed
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Something changed."""
        waiting, self.waiting = self.waiting, []
        for changed in waiting:
            if not changed.done():
                changed.set_result(None)


class WebRtcGateway:
    """All sessions of browsers. `later` runs something as a mutation of its own."""

    def __init__(
        self, exchange: Exchange, new_id: Callable[[], str], later: Callable[[Callable[[], None]], None]
    ) -> None:
        self._exchange = exchange
        self._new_id = new_id
        self._later = later
        self.sessions: dict[str, BrowserSession] = {}
        self._registered: dict[str, dict[str, float]] = {}

    # -- from the browser --------------------------------------------------------------------------------------------

    def call(self, number: str, callee: str, sdp: bytes, by: str) -> BrowserSession | Cause:
        """The browser of subscriber `number` calls; a Cause says why it may not. Refusals come as its end."""
        if len(self.sessions) >= MAX_SESSIONS:
            return TOO_MANY
        exchange = self._exchange
        subscriber = exchange.router.directory.get(number)
        if subscriber is None:
            return Cause(404, 1, f"there is no subscriber {number}")
        session = self._session("in", number, subscriber.display_name, callee, self._new_id())
        rights = Caller(number, exchange.router.directory.class_of(number))
        session.call_id = exchange.gateway_intake.offered(session.leg, sdp, rights, callee, f"webrtc:{by}").id
        return session

    def take(self, session: BrowserSession, sdp: bytes) -> bool:
        """The browser answers what it was offered; False when there is nothing to answer (any more)."""
        if session.direction != "out" or session.leg.state not in (LegState.SETUP, LegState.RINGING):
            return False
        session.leg.take(sdp)
        return True

    def change(self, session: BrowserSession, sdp: bytes) -> bool:
        """The browser offers anew within its session; False when it is not connected."""
        if session.leg.state is not LegState.ANSWERED:
            return False
        session.leg.change(sdp)
        return True

    def hang_up(self, session: BrowserSession) -> None:
        """The browser ends or declines its session."""
        declines = session.direction == "out" and session.leg.state is not LegState.ANSWERED
        session.leg.hang_up(DECLINED if declines else HUNG_UP)

    # -- registrations -------------------------------------------------------------------------------------------------

    def register(self, number: str, device: str, expires_s: float) -> float:
        """Offer calls to `number` also to the browser `device`, for so many seconds; until when, on the clock."""
        until = self._exchange.now() + expires_s
        self._registered.setdefault(number, {})[device] = until
        return until

    def unregister(self, number: str, device: str) -> bool:
        """Offer it no more; False when it was not registered."""
        devices = self._registered.get(number, {})
        found = devices.pop(device, None) is not None
        if not devices:
            self._registered.pop(number, None)
        return found

    def devices(self, number: str) -> list[Target]:
        """A target for the browsers of `number`: they ring together and the first to answer has the call."""
        devices = self._registered.get(number)
        if not devices:
            return []
        now = self._exchange.now()
        for device in [each for each, until in devices.items() if until <= now]:
            self.unregister(number, device)
        return [Target(number, gateway=NAME)] if devices else []

    # -- to the browser (SdpGateway) ----------------------------------------------------------------------------------

    def dial(self, target: Target, caller: Leg, leg_id: str, offer: bytes | None, observer: LegObserver) -> Leg | Cause:
        """Offer a call to the browsers of a number: they learn of it by an event and fetch the offer."""
        if len(self.sessions) >= MAX_SESSIONS:
            return TOO_MANY
        if offer is None:
            return Cause(488, 88, "a browser can only be called with an offer")
        session = self._session("out", target.number, "", caller.party.number, leg_id)
        leg, media = session.leg, self._exchange.media
        leg.observer = observer
        media.side(leg).owner = media.side(caller).owner
        try:
            media.secure(leg)
            leg.sdp = media.carry_offer(caller, leg, offer)
        except NoMedia as refused:
            media.release(leg)
            del self.sessions[session.id]
            return refused.cause
        leg.state = LegState.RINGING
        self._later(lambda: self._ring(session, observer))
        return leg

    # -- inside -----------------------------------------------------------------------------------------------------

    def _ring(self, session: BrowserSession, observer: LegObserver) -> None:
        """The leg belongs to its call by now, unless that is over: the browser learns of it."""
        if session.leg.state is not LegState.RINGING:
            return
        self.note_call(session)
        self._exchange.bus.publish(WebRtcSessionOffered(session.id, session.call_id, session.number, session.peer))
        observer.leg_progressed(session.leg, 180, None)

    def note_call(self, session: BrowserSession) -> None:
        """Whose call the session is in now: a transfer or a dispatcher may have taken it to another one."""
        call = self._exchange.call_of(session.leg)
        if call is not None:
            session.call_id = call.id

    def _session(self, direction: str, number: str, name: str, peer: str, leg_id: str) -> BrowserSession:
        self._forget()
        leg = BrowserLeg(leg_id, direction, Party(number, name, asserted=number), self._changed, self._later)
        session = BrowserSession(leg.id, number, peer, direction, leg)
        self.sessions[session.id] = session
        return session

    def _changed(self, leg: BrowserLeg) -> None:
        session = self.sessions.get(leg.id)
        if session is not None:
            if leg.state is LegState.ENDED and not session.ended_at:
                session.ended_at = self._exchange.now()
            session.wake()

    def _forget(self) -> None:
        """Drop sessions that ended a while ago."""
        before = self._exchange.now() - KEPT_S
        for session in [each for each in self.sessions.values() if 0 < each.ended_at < before]:
            del self.sessions[session.id]
