"""Short messages, as the client offers them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from softswitch.api.models.sms import Conversation, ShortMessage
from softswitch.client.connection import Connection, part


class MessageOperations(Connection):
    """Texts to subscribers, radios and talkgroups."""

    async def send_message(
        self, recipients: Sequence[str], text: str, *, key: str = "", **members: Any
    ) -> ShortMessage:
        """Send a text to numbers and groups; members: sender, expires_s, report."""
        body = {"recipients": list(recipients), "text": text, **members}
        return await self.one("POST", "/sms/messages", ShortMessage, body, {"Idempotency-Key": key} if key else None)

    async def message(self, identifier: str) -> ShortMessage:
        """One message, with the state of each delivery."""
        return await self.one("GET", f"/sms/messages/{part(identifier)}", ShortMessage)

    def messages(self, **query: str) -> AsyncIterator[ShortMessage]:
        """Messages, newest first; `number` with `peer` is a conversation."""
        return self.pages("/sms/messages", ShortMessage, "cursor", query)

    async def cancel_message(self, identifier: str) -> ShortMessage:
        """Take back what has not gone out."""
        return await self.one("DELETE", f"/sms/messages/{part(identifier)}", ShortMessage)

    async def conversations(self, number: str) -> list[Conversation]:
        """With whom a number wrote, newest first."""
        answer = await self.request("GET", "/sms/conversations", query={"number": number})
        return [Conversation.model_validate(item) for item in answer["items"]]
