"""Keeps trunks alive: OPTIONS to those that ask for it, REGISTER to those that want us registered.

RFC 3261 §10.2 (registering as a user agent) and §11. A trunk that does not answer is marked down and tried last; it is
asked again at the same pace.
"""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.sip.trunk import Trunk, Trunks
from softswitch.events import EventBus, TrunkStateChanged
from softswitch.sip.errors import ProtocolError
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request, Response
from softswitch.sip.timerwheel import Timer, TimerWheel
from softswitch.sip.uri import SipUri, escape_user
from softswitch.sip.useragent import UserAgent

_RETRY_S = 30.0
_EARLIEST_REFRESH_S = 15.0


class TrunkWatch:
    """All watched trunks. `contact` of a trunk is where the peer shall send its calls."""

    def __init__(
        self,
        agent: UserAgent,
        timers: TimerWheel,
        trunks: Trunks,
        bus: EventBus,
        new_id: Callable[[], str],
        now: Callable[[], float],
        contact: Callable[[Trunk], str],
    ) -> None:
        self._agent = agent
        self._timers = timers
        self._trunks = trunks
        self._bus = bus
        self._new_id = new_id
        self._now = now
        self._contact = contact
        self._due: dict[str, Timer] = {}
        self._registrations: dict[str, _Registration] = {}
        self._told: dict[str, str] = {}

    def start(self, now: float) -> None:
        """Begin, or begin again with the trunks now in force; registrations that are no longer wanted are ended."""
        for timer in self._due.values():
            timer.cancel()
        self._due.clear()
        for name in [name for name in self._registrations if not self._wanted(name)]:
            self._registrations.pop(name).send(0, now)
        for trunk in self._trunks.by_name.values():
            if trunk.next_hop is None:
                continue
            if trunk.register and trunk.login is not None:
                self._register(trunk, now)
            if trunk.options_ping_s:
                self._ping(trunk, now)

    def stop(self) -> None:
        """End the registrations at our peers."""
        for timer in self._due.values():
            timer.cancel()
        self._due.clear()
        for registration in self._registrations.values():
            registration.send(0, self._now())
        self._registrations.clear()

    def state(self, trunk: Trunk, state: str, reason: str = "") -> None:
        """Note whether a trunk is usable; a change is an event."""
        up = state in ("up", "registered")
        told = self._told.get(trunk.name, "up")
        if up != trunk.up or (state != told and state in ("registered", "refused")):
            self._told[trunk.name] = state
            self._bus.publish(TrunkStateChanged(trunk.name, state, reason))
        trunk.up = up

    def later(self, key: str, delay: float, action: Callable[[float], None]) -> None:
        """Do `action` after `delay` seconds, in place of what was planned under `key`."""
        planned = self._due.pop(key, None)
        if planned is not None:
            planned.cancel()
        self._due[key] = self._timers.schedule(self._now() + delay, action)

    def _wanted(self, name: str) -> bool:
        trunk = self._trunks.by_name.get(name)
        return trunk is not None and trunk.register and trunk.login is not None

    def _register(self, trunk: Trunk, now: float) -> None:
        registration = self._registrations.get(trunk.name)
        if registration is None or registration.trunk.next_hop != trunk.next_hop:
            call_id = f"{self._new_id()}@{trunk.domain}"
            registration = _Registration(self, self._agent, trunk, self._contact(trunk), call_id, self._new_id())
            self._registrations[trunk.name] = registration
        registration.trunk = trunk
        registration.send(trunk.register_expires_s, now)

    def _ping(self, trunk: Trunk, now: float) -> None:
        hop = trunk.next_hop
        if hop is None or self._trunks.by_name.get(trunk.name) is not trunk:
            return
        uri = trunk.request_uri("").replace("sip:@", "sip:")
        own = f"<{self._contact(trunk)}>"
        fields = [
            ("From", f"{own};tag={self._new_id()}"),
            ("To", f"<{uri}>"),
            ("Call-ID", self._new_id()),
            ("CSeq", "1 OPTIONS"),
            ("Max-Forwards", "70"),
            ("Accept", "application/sdp"),
        ]
        self._agent.send(Request("OPTIONS", uri, fields), hop, now, owner=_Ping(self, trunk))
        self.later(f"ping {trunk.name}", trunk.options_ping_s, lambda at: self._ping(trunk, at))


class _Ping:
    """One OPTIONS: any answer at all shows that the peer lives, except that it is overloaded."""

    __slots__ = ("_trunk", "_watch")

    def __init__(self, watch: TrunkWatch, trunk: Trunk) -> None:
        self._watch = watch
        self._trunk = trunk

    def on_response(self, response: Response, now: float) -> None:
        """The peer answered."""
        if response.status >= 200:
            down = response.status == 503
            self._watch.state(self._trunk, "down" if down else "up", "503" if down else "")

    def on_failure(self, status: int, now: float) -> None:
        """The peer did not answer."""
        self._watch.state(self._trunk, "down", f"no answer to OPTIONS ({status})")


class _Registration:
    """Our registration at one peer: one Call-ID, rising CSeq, refreshed at half its time."""

    def __init__(self, watch: TrunkWatch, agent: UserAgent, trunk: Trunk, contact: str, call_id: str, tag: str) -> None:
        self._watch = watch
        self._agent = agent
        self._contact = contact
        self._call_id = call_id
        self._tag = tag
        self._cseq = 0
        self._wanted_s = 0
        self.trunk = trunk

    def send(self, expires_s: int, now: float) -> None:
        """Register for `expires_s` seconds, 0 to end the registration."""
        trunk = self.trunk
        if trunk.login is None or trunk.next_hop is None:
            return
        self._wanted_s = expires_s
        self._cseq += 1
        own = NameAddr(f"sip:{escape_user(trunk.login.username)}@{trunk.domain}")
        fields = [
            ("From", str(own.with_tag(self._tag))),
            ("To", str(own)),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} REGISTER"),
            ("Max-Forwards", "70"),
            ("Contact", f"<{self._contact}>"),
            ("Expires", str(expires_s)),
        ]
        request = Request("REGISTER", f"sip:{trunk.domain}", fields)
        self._agent.send(request, trunk.next_hop, now, owner=self, credentials=trunk.login)

    def on_response(self, response: Response, now: float) -> None:
        """The peer answered our REGISTER."""
        if response.status < 200 or not self._wanted_s:
            return
        name = f"register {self.trunk.name}"
        if response.status < 300:
            granted = self._granted(response)
            self._watch.state(self.trunk, "registered")
            self._watch.later(name, max(granted / 2, _EARLIEST_REFRESH_S), lambda at: self.send(self._wanted_s, at))
            return
        least = response.get("Min-Expires") or ""
        if response.status == 423 and len(least) < 8 and least.isdigit() and int(least) > self._wanted_s:
            self.send(int(least), now)  # each time for longer, so that this comes to an end
            return
        self._watch.state(self.trunk, "refused", f"REGISTER answered {response.status}")
        self._watch.later(name, _RETRY_S, lambda at: self.send(self._wanted_s, at))

    def on_failure(self, status: int, now: float) -> None:
        """The peer did not answer our REGISTER."""
        if self._wanted_s:
            self._watch.state(self.trunk, "down", f"no answer to REGISTER ({status})")
            self._watch.later(f"register {self.trunk.name}", _RETRY_S, lambda at: self.send(self._wanted_s, at))

    def _granted(self, response: Response) -> int:
        """The time the registrar granted to our own contact (RFC 3261 §10.2.4)."""
        try:
            for contact in response.contacts:
                uri = contact.uri
                if isinstance(uri, SipUri) and str(uri) == self._contact and (contact.param("expires") or "").isdigit():
                    return int(contact.param("expires") or "0")
            return response.expires or self._wanted_s
        except ProtocolError:
            return self._wanted_s
