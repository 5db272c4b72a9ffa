"""The switch itself, as the client offers it."""

from __future__ import annotations

from collections.abc import Iterable

from softswitch.api.models import Ban, Health, Identity, MediaStatus, Registration, ReloadResult, Trunk
from softswitch.api.models.logging import LogLevels
from softswitch.client.connection import Connection, part


class SystemOperations(Connection):
    """Health, registrations, trunks, media, bans, logs."""

    async def health(self) -> Health:
        """Whether the switch works."""
        return await self.one("GET", "/system/health", Health)

    async def identity(self) -> Identity:
        """Whom the switch takes us for."""
        return await self.one("GET", "/system/identity", Identity)

    async def registrations(self) -> list[Registration]:
        """Registered contacts."""
        return await self.items("/system/registrations", Registration)

    async def log_levels(self) -> dict[str, str]:
        """How much each part of the switch logs; "" is everything else."""
        return (await self.one("GET", "/system/log", LogLevels)).levels

    async def set_log_level(self, logger: str, level: str | None) -> dict[str, str]:
        """Let a part log from `level` on, None: as the one above it."""
        return (await self.one("PUT", "/system/log", LogLevels, {"logger": logger, "level": level})).levels

    async def unregister(self, number: str) -> None:
        """Take a number's contacts away."""
        await self.request("DELETE", f"/system/registrations/{part(number)}")

    async def trunks(self) -> list[Trunk]:
        """Trunks and their state."""
        return await self.items("/system/trunks", Trunk)

    async def order_trunk(self, name: str, action: str, span: str = "", channels: Iterable[int] = ()) -> Trunk:
        """Block, unblock, busy_out or restart channels of an E1 trunk group."""
        body = {"action": action, "span": span, "channels": list(channels)}
        return await self.one("POST", f"/system/trunks/{part(name)}/channels", Trunk, body)

    async def media(self) -> MediaStatus:
        """Figures of the media engine."""
        return await self.one("GET", "/system/media", MediaStatus)

    async def bans(self) -> list[Ban]:
        """Sources that are not heard."""
        return await self.items("/system/bans", Ban)

    async def ban(self, host: str, seconds: float = 3600.0, reason: str = "") -> Ban:
        """Ban a source."""
        return await self.one("POST", "/system/bans", Ban, {"host": host, "seconds": seconds, "reason": reason})

    async def unban(self, host: str) -> None:
        """Lift a ban."""
        await self.request("DELETE", f"/system/bans/{part(host)}")

    async def reload(self) -> ReloadResult:
        """Have the configuration read again."""
        return await self.one("POST", "/system/reload", ReloadResult, {})
