"""Browsers, as the client offers them: for pages that speak to the switch through a server of their own."""

from __future__ import annotations

from softswitch.api.models.webrtc import BrowserRegistered, BrowserSession
from softswitch.client.connection import Connection, part


class BrowserOperations(Connection):
    """Sessions of browsers, and browsers that take calls."""

    async def sessions(self) -> list[BrowserSession]:
        """Sessions of browsers."""
        return await self.items("/webrtc/sessions", BrowserSession)

    async def session(self, identifier: str) -> BrowserSession:
        """One session, with the description to apply next."""
        return await self.one("GET", f"/webrtc/sessions/{part(identifier)}", BrowserSession)

    async def open_session(self, caller: str, callee: str, sdp: str, timeout_s: float = 60.0) -> BrowserSession:
        """Place a call from a browser: its offer in, the answer out."""
        body = {"caller": caller, "callee": callee, "sdp": sdp, "timeout_s": timeout_s}
        return await self.one("POST", "/webrtc/sessions", BrowserSession, body)

    async def answer_session(self, identifier: str, sdp: str) -> BrowserSession:
        """Answer a call that was offered to a browser."""
        path = f"/webrtc/sessions/{part(identifier)}/answer"
        return await self.one("POST", path, BrowserSession, {"sdp": sdp, "type": "answer"})

    async def renew_session(self, identifier: str, sdp: str) -> BrowserSession:
        """Change the media of a session: its new offer in, the answer out."""
        path = f"/webrtc/sessions/{part(identifier)}/offer"
        return await self.one("POST", path, BrowserSession, {"sdp": sdp, "type": "offer"})

    async def close_session(self, identifier: str) -> None:
        """End a session, or decline the call."""
        await self.request("DELETE", f"/webrtc/sessions/{part(identifier)}")

    async def register_browser(self, number: str, device: str, expires_s: float = 60.0) -> BrowserRegistered:
        """Offer a subscriber's calls also to a browser."""
        body = {"number": number, "device": device, "expires_s": expires_s}
        return await self.one("POST", "/webrtc/registrations", BrowserRegistered, body)

    async def unregister_browser(self, number: str, device: str) -> None:
        """Offer calls to a browser no more."""
        await self.request("DELETE", f"/webrtc/registrations/{part(number)}/{part(device)}")
