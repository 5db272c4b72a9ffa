"""What this node calls itself in SIP messages."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.sip.trunk import Trunk
from softswitch.config.models import Settings
from softswitch.sip.address import Address
from softswitch.wiring import sip_values


class OwnAddresses:
    """Reads the settings in force each time, because a reload may change them."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    @property
    def domain(self) -> str:
        """The host that stands for us in From, To and identities."""
        sip = self._settings().sip
        return sip.domains[0] if sip.domains else self.sent_by("", "udp")[0]

    def sent_by(self, listener: str, transport: str) -> tuple[str, int]:
        """Host and port written into Via and Contact for a listener; raises LookupError when there is none."""
        settings = self._settings()
        sip = settings.sip
        for listen in sip.listen:
            if listener in ("", listen.name) and transport in ("", listen.transport):
                return sip_values.advertised(sip, listen), listen.port
        if transport in ("ws", "wss"):
            return sip_values.advertised(sip, sip.listen[0]), settings.http.port
        raise LookupError(f"no listener for {transport} {listener}".strip())

    def contact(self, peer: Address) -> str:
        """Where a peer reaches us; raises LookupError."""
        return f"sip:{self._place(peer.listener, peer.transport)}"

    def trunk_contact(self, trunk: Trunk) -> str:
        """Where a trunk reaches us; raises LookupError."""
        user = trunk.login.username if trunk.login else "softswitch"
        return f"sip:{user}@{self._place(trunk.listener, trunk.transport)}"

    def _place(self, listener: str, transport: str) -> str:
        host, port = self.sent_by(listener, transport)
        suffix = f";transport={transport}" if transport != "udp" else ""
        return f"{f'[{host}]' if ':' in host else host}:{port}{suffix}"
