"""Short messages for the API: accepted through the outbox, looked up in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from softswitch.api.auth import Principal
from softswitch.api.problems import Problem, wrong_field
from softswitch.api.services import MessageServices, Row
from softswitch.app import Application
from softswitch.calls.leg import Party
from softswitch.calls.routing import Caller
from softswitch.control.paging import cursor_of, place_of, read
from softswitch.control.reach import why_not
from softswitch.messaging.composing import Draft, Nobody, NotAllowed
from softswitch.messaging.model import Message
from softswitch.messaging.outbox import Full
from softswitch.messaging.text import text_of
from softswitch.sip.headers.media_type import MediaType
from softswitch.store import messages as rows

_TEXT = "text/plain;charset=utf-8"


class MessageControl:
    """The short messages of one node as the API sees them."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.services = MessageServices(
            send=self._send,
            find=self._find,
            get=self._get,
            cancel=self._cancel,
            conversations=self._conversations,
        )

    async def _send(self, body: Mapping[str, Any], principal: Principal) -> Row:
        """Accepted: on disk, and on its way."""
        octets = body["text"].encode()
        if len(octets) > self._app.settings.messaging.max_octets:
            raise Problem(413, "the text is too long", kind="message-too-long")
        app, sender = self._app, body["sender"]
        subscriber = app.directory.get(sender)
        party = Party(sender, subscriber.display_name if subscriber is not None else "", sender)
        keep_s = None if body["expires_s"] is None else float(body["expires_s"])
        draft = Draft(
            party,
            Caller(sender, app.directory.class_of(sender) if sender else ""),
            tuple(dict.fromkeys(body["recipients"])),
            _TEXT,
            octets,
            origin="api",
            keep_s=keep_s,
            report=body["report"],
        )
        self._check_recipients(draft)
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def done(success: bool) -> None:
            if not stored.done():
                stored.set_result(success)

        try:
            message = app.driver.call(lambda now: app.messaging.post(draft, done))
        except Nobody as error:
            raise Problem(409, str(error), kind="nobody-there") from error
        except NotAllowed as error:
            raise Problem(403, str(error), kind="not-allowed") from error
        except Full as error:
            raise Problem(429, str(error), kind="too-many-messages", headers={"Retry-After": "60"}) from error
        if not await stored:
            raise Problem(503, "the message could not be stored", kind="storage", headers={"Retry-After": "10"})
        return _row(message)

    def _check_recipients(self, draft: Draft) -> None:
        """Raises Problem when a number leads nowhere or is not to be dialled."""
        messaging = self._app.messaging
        for index, number in enumerate(draft.to):
            if messaging.composer.is_group(number) or messaging.carriers.of(number):
                continue
            why = why_not(self._app, number, draft.caller)
            if why:
                raise wrong_field(f"recipients.{index}", why)

    async def _cancel(self, identifier: str, principal: Principal) -> Row:
        cancelled = self._app.driver.call(lambda now: self._app.messaging.outbox.cancel(identifier))
        row = await self._get(identifier)
        if row is None:
            raise LookupError(f"there is no message {identifier!r}")
        if not cancelled:
            raise Problem(409, "nothing of that message waits any more", kind="message-gone")
        return row

    async def _get(self, identifier: str) -> Row | None:
        row = await read(self._app, lambda database: rows.get_message(database, identifier))
        return None if row is None else _stored(row)

    async def _find(self, query: Mapping[str, Any]) -> Iterable[Row]:
        wanted = {**query, "before": place_of(query["cursor"]) if query.get("cursor") else None}
        return [_stored(row) for row in await read(self._app, lambda database: rows.find_messages(database, wanted))]

    async def _conversations(self, query: Mapping[str, Any]) -> Iterable[Row]:
        number, limit = query["number"], int(query["limit"])
        return await read(self._app, lambda database: rows.conversations(database, number, limit))


def _stored(row: Mapping[str, Any]) -> Row:
    names = ("id", "sender", "recipient", "text", "content_type", "created_at", "expires_at", "origin", "deliveries")
    return {
        **{name: row[name] for name in names},
        "group": row["details"]["group"],
        "cursor": cursor_of(row["created_at"], row["id"]),
    }


def _row(message: Message) -> Row:
    return {
        "id": message.id,
        "sender": message.party.number,
        "recipient": message.recipient,
        "group": message.group,
        "text": text_of(MediaType.parse(message.content_type), message.body),
        "content_type": message.content_type,
        "created_at": message.created_at,
        "expires_at": message.expires_at,
        "origin": message.origin,
        "deliveries": [
            {
                "recipient": each.recipient,
                "state": each.state.value,
                "attempts": each.attempts,
                "status": each.status,
                "reason": each.reason,
                "updated_at": each.updated_at,
            }
            for each in message.deliveries.values()
        ],
    }
