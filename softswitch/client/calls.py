"""Calls, as the client offers them."""

from __future__ import annotations

from typing import Any

from softswitch.api.models import Call, Sound
from softswitch.api.models.signalling import MediaCapture
from softswitch.api.models.voice import AmbienceRow
from softswitch.client.connection import Connection, part


class CallOperations(Connection):
    """Calls: placed, steered, looked at."""

    async def calls(self) -> list[Call]:
        """Calls in progress."""
        return await self.items("/voice/calls", Call)

    async def call(self, call_id: str) -> Call:
        """One call."""
        return await self.one("GET", f"/voice/calls/{part(call_id)}", Call)

    async def originate(
        self,
        caller: str,
        callee: str | None = None,
        *,
        play: str | None = None,
        caller_name: str = "",
        timeout_s: float = 60.0,
        key: str = "",
    ) -> Call:
        """Place a call; with `key`, a repetition of this request places no second one."""
        body = {"caller": caller, "caller_name": caller_name, "timeout_s": timeout_s}
        body.update({name: value for name, value in (("callee", callee), ("play", play)) if value is not None})
        return await self.one("POST", "/voice/calls", Call, body, {"Idempotency-Key": key} if key else None)

    async def command(self, call_id: str, method: str, **members: Any) -> Call:
        """A method of a call, such as ``hold``, ``transfer``, ``floor/request``, with its members."""
        return await self.one("POST", f"/voice/calls/{part(call_id)}/{method}", Call, members)

    async def disconnect(self, call_id: str, q850_cause: int = 16, reason: str = "") -> Call:
        """End a call."""
        return await self.command(call_id, "disconnect", q850_cause=q850_cause, reason=reason)

    async def hold(self, call_id: str, leg_id: str = "") -> Call:
        """Hold a party; "" is the caller."""
        return await self.command(call_id, "hold", leg_id=leg_id)

    async def resume(self, call_id: str, leg_id: str = "") -> Call:
        """End a hold."""
        return await self.command(call_id, "resume", leg_id=leg_id)

    async def transfer(self, call_id: str, target: str, leg_id: str = "") -> Call:
        """Send a party to another number."""
        return await self.command(call_id, "transfer", target=target, leg_id=leg_id)

    async def dtmf(self, call_id: str, digits: str, leg_id: str = "") -> Call:
        """Press keys towards a party; "" is the callee."""
        return await self.command(call_id, "dtmf", digits=digits, leg_id=leg_id)

    async def play(self, call_id: str, source: str, leg_id: str = "", *, loop: bool = False) -> Call:
        """Play a sound to a party; "" is all of them."""
        return await self.command(call_id, "play", source=source, leg_id=leg_id, loop=loop)

    async def ladder(self, call_id: str) -> dict[str, Any]:
        """The SIP messages of a call, in progress or lately ended: `parties`, and `messages` with their ends."""
        found: dict[str, Any] = await self.request("GET", f"/voice/calls/{part(call_id)}/ladder")
        return found

    async def capture(self, call_id: str, seconds: int = 60) -> MediaCapture:
        """Capture the media of a call from now on, for so long; 0 ends it."""
        return await self.one("POST", f"/voice/calls/{part(call_id)}/capture", MediaCapture, {"seconds": seconds})

    async def capture_file(self, call_id: str) -> bytes:
        """The SIP messages of a call, with what was captured of its media, in the pcap format."""
        return await self.content(f"/voice/calls/{part(call_id)}/capture.pcap")

    async def stop_playing(self, call_id: str, leg_id: str = "") -> Call:
        """Stop what is played."""
        return await self.command(call_id, "play/stop", leg_id=leg_id)

    async def force_release(self, call_id: str, reason: str = "") -> Call:
        """End a call by a dispatcher's right."""
        return await self.command(call_id, "force_release", reason=reason)

    async def supervise(self, call_id: str, party: str, *, silent: bool) -> Call:
        """Let a party into the call: to speak with the others, or `silent` to hear them unknown to them."""
        return await self.command(call_id, "listen" if silent else "insert", party=party)

    async def whisper_into(self, call_id: str, party: str, to: str) -> Call:
        """Let a party hear a call and speak to the caller or the callee alone."""
        return await self.command(call_id, "whisper", party=party, to=to)

    async def record_call(self, call_id: str, action: str = "start", **members: Any) -> Call:
        """Start, pause, resume, mark or stop recordings of a call."""
        return await self.command(call_id, "record", action=action, **members)

    async def sounds(self) -> list[Sound]:
        """What can be played."""
        return await self.items("/voice/sounds", Sound)

    async def listen_to(self, party: str, listener: str, max_s: float | None = None) -> AmbienceRow:
        """Let a listener hear the surroundings of a party's terminal (ambience listening)."""
        body = {"party": party, "listener": listener, **({} if max_s is None else {"max_s": max_s})}
        return await self.one("POST", "/voice/ambience", AmbienceRow, body)

    async def listened_to(self) -> list[AmbienceRow]:
        """Whose surroundings are heard now."""
        return await self.items("/voice/ambience", AmbienceRow)

    async def stop_listening(self, identifier: str) -> None:
        """Hear the surroundings no more."""
        await self.request("DELETE", f"/voice/ambience/{part(identifier)}")
