"""How a secured peer is reached: ICE finds the way, DTLS agrees on the keys (RFC 8445, RFC 5764).

One `PeerTransport` belongs to one port. It has neither socket nor clock: the engine hands over what came to the port
and is no media, sends what it gives back, and follows its events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from softswitch.media.layouts.shared import TRANSPORT_DTLS, TRANSPORT_ICE
from softswitch.media.routing import PortSettings
from softswitch.media.transport.dtls import DtlsTransport
from softswitch.media.transport.srtp import KeysAwaited, SrtpKeys
from softswitch.rtp.ice import IceLite, Selected, is_stun

Address: TypeAlias = tuple[str, int]
#: RFC 8445 §5.3: at least 24 bits of the name and 128 bits of the password are random.
_UFRAG_OCTETS, _PASSWORD_OCTETS = 6, 18


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    """What the peer signalled: its ICE credentials ("" without ICE), its fingerprints, and which of us begins DTLS.

    `address` is where its media is said to be, used only without ICE.
    """

    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, bytes], ...]
    we_are_client: bool
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Secured:
    """The keys are agreed on, and the peer is at `remote` (None: wherever it was said to be)."""

    keys: SrtpKeys
    remote: Address | None


@dataclass(frozen=True, slots=True)
class Moved:
    """The peer is at `remote` from now on; None: it no longer answers for itself (RFC 7675)."""

    remote: Address | None


@dataclass(frozen=True, slots=True)
class Failed:
    """There will be no keys; `reason` says why."""

    reason: str


PeerEvent: TypeAlias = Secured | Moved | Failed


class PeerTransport:
    """ICE and DTLS towards one peer. `new_token(octets)` gives random text for the credentials."""

    def __init__(self, shared: Any, new_token: Callable[[int], str]) -> None:
        self._shared = shared
        self._new_token = new_token
        self.ice = IceLite(new_token(_UFRAG_OCTETS), new_token(_PASSWORD_OCTETS))
        self.dtls: DtlsTransport | None = None
        self.remote: RemoteTransport | None = None
        self._told = False
        self._early: deque[tuple[bytes, Address]] = deque(maxlen=4)
        self._sends: deque[tuple[bytes, Address]] = deque()
        self._events: deque[PeerEvent] = deque()
        self._dtls_due: float | None = None

    @property
    def bits(self) -> int:
        """What the packet thread is to know."""
        return TRANSPORT_DTLS | (TRANSPORT_ICE if self.remote is None or self.remote.ufrag else 0)

    @property
    def keys(self) -> SrtpKeys | None:
        """The keys, once they are agreed on and the peer is known to be the one signalled."""
        return self.dtls.keys if self.dtls is not None else None

    def secure(self, settings: PortSettings) -> PortSettings:
        """What the port may do of what was agreed: nothing before there are keys. ICE says where the peer is."""
        if self._by_ice:
            settings = replace(settings, remote=None, remote_rtcp=None)
        if self.keys is None:
            return replace(settings, srtp=KeysAwaited())
        return replace(settings, srtp=self.keys)

    def meet(self, remote: RemoteTransport, now: float) -> None:
        """The peer's description came, the first or a new one: other credentials restart ICE, another certificate
        DTLS."""
        before, self.remote = self.remote, remote
        if before is not None and (before.ufrag, before.password) != (remote.ufrag, remote.password):
            self.ice.restart(self._new_token(_UFRAG_OCTETS), self._new_token(_PASSWORD_OCTETS))
        self.ice.meet(remote.ufrag)
        same = before is not None and before.fingerprints == remote.fingerprints
        if self.dtls is None or not same:
            client = remote.we_are_client
            self.dtls = DtlsTransport(self._shared, client=client, fingerprints=remote.fingerprints)
            self._told = False
            if self._way() is not None:
                self.dtls.start()
        early, self._early = list(self._early), deque(maxlen=4)
        for data, source in early:
            self.receive_data(data, source, now)
        self._drain(now)

    def receive_data(self, data: bytes, source: Address, now: float) -> None:
        """Take one datagram that is no media."""
        if is_stun(data):
            self.ice.receive_data(data, source, now)
            self._follow_ice()
        elif self.dtls is None:
            self._early.append((data, source))
        elif source == self.ice.selected or not self._by_ice:
            self.dtls.receive_datagram(data)
        self._drain(now)

    def handle_timer(self, now: float) -> None:
        """Repeat what was not answered; notice that the peer is gone."""
        self.ice.handle_timer(now)
        self._follow_ice()
        if self.dtls is not None and self._dtls_due is not None and now >= self._dtls_due:
            self.dtls.handle_timer()
        self._drain(now)

    def next_timer(self) -> float | None:
        """When `handle_timer` is to be called at the latest."""
        return min((at for at in (self.ice.next_timer(), self._dtls_due) if at is not None), default=None)

    def data_to_send(self) -> list[tuple[bytes, Address]]:
        """Datagrams, each with where it goes."""
        waiting = [*self.ice.data_to_send(), *self._sends]
        self._sends.clear()
        return waiting

    def next_event(self) -> PeerEvent | None:
        """The next thing that happened, None when there is nothing more."""
        return self._events.popleft() if self._events else None

    def close(self) -> None:
        """Say goodbye."""
        if self.dtls is not None:
            self.dtls.close()
            self._send_dtls()

    # -- inside -----------------------------------------------------------------------------------------------------

    @property
    def _by_ice(self) -> bool:
        return self.remote is None or bool(self.remote.ufrag)

    def _way(self) -> Address | None:
        if self._by_ice:
            return self.ice.selected
        return self.remote.address if self.remote is not None else None

    def _follow_ice(self) -> None:
        while (event := self.ice.next_event()) is not None:
            selected = event.remote if isinstance(event, Selected) else None
            if self.keys is not None:
                self._events.append(Moved(selected))
            elif selected is not None and self.dtls is not None:
                self.dtls.start()

    def _drain(self, now: float) -> None:
        """After every change: send what DTLS has to say, and tell how it went."""
        dtls = self.dtls
        if dtls is None:
            return
        self._send_dtls()
        left = dtls.timeout_s
        self._dtls_due = None if left is None else now + left
        if self._told:
            return
        if dtls.failed:
            self._told = True
            self._events.append(Failed(dtls.failed))
        elif dtls.keys is not None:
            self._told = True
            self._events.append(Secured(dtls.keys, self.ice.selected))

    def _send_dtls(self) -> None:
        way = self._way()
        if self.dtls is not None and way is not None:
            self._sends.extend((datagram, way) for datagram in self.dtls.datagrams_to_send())
