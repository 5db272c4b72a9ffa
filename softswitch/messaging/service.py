"""Short messages as one thing: the desk for SIP, the outbox, carriers, and what the API does with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from softswitch.calls.access import Access
from softswitch.calls.routing import Router
from softswitch.events import EventBus
from softswitch.messaging.attempt import Transmitter
from softswitch.messaging.carriers import Carriers
from softswitch.messaging.composing import Composer, Draft, Members
from softswitch.messaging.model import Message, MessagingSettings
from softswitch.messaging.notifying import Notifier
from softswitch.messaging.outbox import Keeper, Outbox
from softswitch.messaging.pager import Pager
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.useragent import UserAgent


class Messaging:
    """Everything about short messages of one node.

    `members(number)` are the members of a talkgroup (None: no group, empty: open to all), `present(number)` those who
    are in it now, `may_address_all(number)` tells who writes to any group. `new_id` makes ids of messages, `new_token`
    tags and Call-IDs.
    """

    def __init__(
        self,
        *,
        agent: UserAgent,
        access: Access,
        router: Router,
        bus: EventBus,
        timers: TimerWheel,
        keeper: Keeper,
        members: Members,
        present: Callable[[str], Iterable[str]],
        may_address_all: Callable[[str], bool],
        new_id: Callable[[], str],
        new_token: Callable[[], str],
        now: Callable[[], float],
        wall: Callable[[], float],
        domain: str,
        settings: MessagingSettings,
    ) -> None:
        self.carriers = Carriers()
        transmitter = Transmitter(agent, router, self.carriers, new_token, domain, now)
        self.outbox = Outbox(
            transmitter=transmitter, keeper=keeper, bus=bus, timers=timers, now=now, wall=wall, settings=settings
        )
        self.composer = Composer(
            members=members,
            present=present,
            may_address_all=may_address_all,
            new_id=new_id,
            wall=wall,
            settings=settings,
            domain=domain,
        )
        self.outbox.changed = Notifier(self.outbox, self.composer, new_id, domain).changed
        self.pager = Pager(
            agent=agent,
            access=access,
            router=router,
            bus=bus,
            composer=self.composer,
            outbox=self.outbox,
            carriers=self.carriers,
            timers=timers,
            now=now,
        )

    def configure(self, settings: MessagingSettings) -> None:
        """Put other limits in force."""
        self.outbox.settings = self.composer.settings = settings

    def post(self, draft: Draft, done: Callable[[bool], None]) -> Message:
        """Accept a message that did not come by SIP; `done(stored)` is called after the commit.

        Raises NotAllowed, Nobody, Full.
        """
        message = self.composer.compose(draft)
        self.outbox.accept(message, done)
        return message
