"""What the parts of the server share: the house around them, what is known of clients, and how to refuse."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from gateways.poc.affiliations import Affiliations
from gateways.poc.clients import Clients
from gateways.poc.leg import PocLeg, Terms
from gateways.poc.refusals import Refusal
from gateways.poc.settings import PocServerSettings
from softswitch.calls.call import Call
from softswitch.calls.exchange import Exchange
from softswitch.calls.talkgroups.talkgroups import Talkgroups
from softswitch.directory import Directory

logger = logging.getLogger(__name__)

#: Who conducts the calls of talkgroups that clients begin.
CONDUCTOR = "push-to-talk"


@dataclass(slots=True)
class Context:
    """One server's surroundings; `host` names it in warnings, `counters` count refusals by their warning or status."""

    exchange: Exchange
    talkgroups: Talkgroups
    directory: Directory
    terms: Terms
    settings: PocServerSettings
    new_id: Callable[[], str]
    affiliations: Affiliations
    host: str
    clients: Clients = field(default_factory=Clients)
    counters: Counter[str] = field(default_factory=Counter)

    def uri(self, number: str) -> str:
        """The identity of a user or a group."""
        return f"sip:{number}@{self.terms.domain}"

    def refuse(self, call: Call, leg: PocLeg, refusal: Refusal) -> None:
        """Turn a session away, with the warning that the standard names."""
        self.count(refusal, leg.party.number)
        leg.answer_fields += refusal.warning(self.host)
        call.refuse(refusal.cause)

    def count(self, refusal: Refusal, user: str) -> None:
        """Count a refusal; the first of its kind is logged."""
        name = f"refused_{refusal.number or refusal.status}"
        self.counters[name] += 1
        if self.counters[name] == 1:
            logger.warning("push-to-talk: %s is refused %d: %s", user, refusal.status, refusal.text)

    def is_dispatcher(self, number: str) -> bool:
        """Whether a user may act on others."""
        return self.directory.has_role(number, "dispatcher")
