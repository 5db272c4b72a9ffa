"""From what a sender wrote to messages with their recipients: groups are taken apart, reports are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from softswitch.calls.leg import Party
from softswitch.calls.routing import Caller
from softswitch.calls.sip.identity import address_of
from softswitch.messaging.cpim import CONTENT_TYPE as CPIM
from softswitch.messaging.imdn import envelope
from softswitch.messaging.model import Delivery, Message, MessagingSettings, State

_NOBODY, _NOBODY_THERE = "nobody is in that group", 480

#: The members of a talkgroup by its number; None when there is no such group, empty for one that is open to all.
Members = Callable[[str], Collection[str] | None]


class NotAllowed(Exception):
    """The sender may not write to that group."""


class Nobody(Exception):
    """There is nobody to write to."""


@dataclass(slots=True)
class Draft:
    """What a sender wants said to whom. `keep_s` None: as long as is usual."""

    party: Party
    caller: Caller
    to: tuple[str, ...]
    content_type: str
    body: bytes
    origin: str = "sip"
    keep_s: float | None = None
    fields: tuple[tuple[str, str], ...] = ()
    imdn_id: str = ""
    report: bool = False
    max_forwards: int = 70


class Composer:
    """Makes messages. `may_address_all(number)` tells who writes to groups without being a member: dispatchers.

    `present(group)` are the numbers that are in a group now.
    """

    def __init__(
        self,
        *,
        members: Members,
        present: Callable[[str], Iterable[str]],
        may_address_all: Callable[[str], bool],
        new_id: Callable[[], str],
        wall: Callable[[], float],
        settings: MessagingSettings,
        domain: str,
    ) -> None:
        self._members = members
        self._present = present
        self._may_address_all = may_address_all
        self._new_id = new_id
        self._wall = wall
        self.settings = settings
        self._domain = domain

    def is_group(self, number: str) -> bool:
        """Whether a number is that of a talkgroup."""
        return self._members(number) is not None

    def compose(self, draft: Draft) -> Message:
        """The message with everybody it is for; to a group in which nobody is it fails. Raises NotAllowed, Nobody."""
        settings, now = self.settings, self._wall()
        recipients, empty, group = self._recipients(draft)
        if not recipients:
            raise Nobody(_NOBODY)
        if len(recipients) > settings.max_recipients:
            raise NotAllowed(f"more than {settings.max_recipients} recipients")
        keep_s = settings.keep_s if draft.keep_s is None else min(draft.keep_s, settings.longest_s)
        message = Message(
            self._new_id(),
            draft.party,
            draft.caller,
            ",".join(draft.to),
            draft.content_type,
            draft.body,
            now,
            now + keep_s,
            draft.origin,
            group,
            draft.fields,
            draft.imdn_id,
            draft.report,
            draft.max_forwards,
        )
        if draft.report and not draft.imdn_id:
            self._ask_for_reports(message)
        message.address(recipients)
        for number in empty:
            message.deliveries[number] = Delivery(message, number, State.FAILED, 0, _NOBODY_THERE, _NOBODY, now)
        return message

    def _recipients(self, draft: Draft) -> tuple[list[str], list[str], bool]:
        """The numbers it is for, the groups in which there is nobody else, and whether it is shared by several."""
        found: dict[str, None] = {}
        empty: list[str] = []
        group = len(draft.to) > 1
        for number in draft.to:
            members = self._members(number)
            if members is None:
                found[number] = None
                continue
            group = True
            others = [each for each in self._of_group(number, members, draft) if each != draft.party.number]
            found.update(dict.fromkeys(others))
            if not others:
                empty.append(number)
        if group:
            found.pop(draft.party.number, None)
        return list(found), empty, group

    def _of_group(self, number: str, members: Collection[str], draft: Draft) -> Iterable[str]:
        sender = draft.party.number
        if members and sender not in members and draft.origin == "sip" and not self._may_address_all(sender):
            raise NotAllowed("not a member of the talkgroup")
        return members or self._present(number)

    def _ask_for_reports(self, message: Message) -> None:
        """Wrap the text so that terminals tell when they have it (RFC 5438 §7.1)."""
        message.imdn_id = message.id
        sender = str(address_of(message.party.number, self._domain).uri)
        recipient = str(address_of(message.recipient.partition(",")[0], self._domain).uri)
        time = iso_time(message.created_at)
        wrapped = envelope(sender, recipient, time, message.imdn_id, message.content_type, message.body)
        message.content_type, message.body = CPIM, wrapped.serialize()


def iso_time(when: float) -> str:
    """Unix time as CPIM and IMDN write it (RFC 3339)."""
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
