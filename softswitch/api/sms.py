"""`/sms`: short messages are sent, looked up, taken back; conversations."""

from __future__ import annotations

from collections.abc import Iterable

from softswitch.api.kept import Kept
from softswitch.api.models.sms import Conversation, ConversationQuery, MessageQuery, NewMessage, ShortMessage
from softswitch.api.operations import Context, Operation
from softswitch.api.services import ApiServices, MessageServices, Row


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""
    if services.messages is None:
        return []
    return [*_changing(services.messages), *_reading(services.messages)]


def _changing(messages: MessageServices) -> list[Operation]:
    async def send(context: Context) -> Row:
        return await messages.send(context.body, context.principal)

    async def cancel(context: Context) -> Row:
        return await messages.cancel(context.path["id"], context.principal)

    return [
        Operation(
            method="POST",
            path="/sms/messages",
            summary="Send a text to subscribers, radios and talkgroups; who cannot be reached gets it later",
            component="sms",
            role="dispatcher",
            handler=send,
            body=NewMessage,
            answer=ShortMessage,
            status=201,
            location="/sms/messages/{id}",
        ),
        Operation(
            method="DELETE",
            path="/sms/messages/{id}",
            summary="Take back what has not gone out; the answer tells what became of the message",
            component="sms",
            role="dispatcher",
            handler=cancel,
            answer=ShortMessage,
        ),
    ]


def _reading(messages: MessageServices) -> list[Operation]:
    kept = Kept(
        "message",
        "/sms/messages",
        "sms",
        "dispatcher",
        MessageQuery,
        ShortMessage,
        messages.find,
        messages.get,
        sensitive=True,
    )

    async def conversations(context: Context) -> Iterable[Row]:
        return await messages.conversations(context.query)

    return [
        *kept.operations(
            "Messages, newest first; with number and peer the conversation of two", "One message and its deliveries"
        ),
        Operation(
            method="GET",
            path="/sms/conversations",
            summary="With whom a number wrote, newest first",
            component="sms",
            role="dispatcher",
            handler=conversations,
            query=ConversationQuery,
            answer=Conversation,
            many=True,
            sensitive=True,
        ),
    ]
