"""Bans of SIP sources, listed, given and lifted by hand."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from softswitch.api.problems import wrong_field
from softswitch.api.services import BanServices, Row
from softswitch.app import Application


class Bans:
    """The guard's bans for the API."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.services = BanServices(bans=self._rows, add=self._add, remove=self._remove)

    def _rows(self) -> Iterable[Row]:
        now = self._app.now()
        return [
            {"host": ban.host, "reason": ban.reason, "seconds_left": round(ban.until - now, 1)}
            for ban in self._app.guard.bans(now)
        ]

    def _add(self, host: str, seconds: float, reason: str) -> Row:
        try:
            address = str(ipaddress.ip_address(host))
        except ValueError:
            raise wrong_field("host", "host is not an IP address") from None
        self._app.guard.ban(address, self._app.now(), seconds, reason)
        return {"host": address, "reason": reason, "seconds_left": seconds}

    def _remove(self, host: str) -> None:
        if not self._app.guard.unban(host):
            raise LookupError(f"{host} is not banned")
