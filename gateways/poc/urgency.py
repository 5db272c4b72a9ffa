"""Groups in emergency or in imminent peril: who declared it, who may take it back, when it ends by itself (TNG2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateways.poc.context import Context
from gateways.poc.invitation import tier_of
from gateways.poc.mcptt_info import McpttInfo
from gateways.poc.notices import tell_users
from softswitch.events import GroupAlert, GroupUrgency
from softswitch.floor import Tier

if TYPE_CHECKING:
    from softswitch.sip.timerwheel import Timer


@dataclass(slots=True)
class _Urgent:
    tier: Tier
    by: str
    timer: Timer | None = None


class Urgency:
    """The in-progress emergency states of groups, and the alerts of users."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._groups: dict[str, _Urgent] = {}
        self._alerts: dict[str, dict[str, None]] = {}
        #: told of each group whose tier is another now.
        self.changed: Callable[[str], None] = lambda group: None

    def tier(self, group: str) -> Tier:
        """How urgent a group's call is."""
        urgent = self._groups.get(group)
        return urgent.tier if urgent is not None else Tier.NORMAL

    def alerts(self, group: str) -> list[str]:
        """Who has an alert towards a group."""
        return list(self._alerts.get(group, ()))

    def may(self, user: str, group: str, info: McpttInfo) -> bool:
        """Whether a user may declare, or take back, what an mcptt-info says of a group."""
        definition = self._context.talkgroups.book.definitions.get(group)
        member = definition.member(user) if definition is not None else None
        if info.urgent or info.alert:
            return member is None or member.may_emergency
        urgent = self._groups.get(group)
        return urgent is None or urgent.by == user or self._context.is_dispatcher(user)

    def declare(self, user: str, group: str, info: McpttInfo) -> bool:
        """Put in force what an mcptt-info says; True when the tier of the group is another now.

        Elements that are absent change nothing (TS 24.379 §6.3.3.1.13).
        """
        if info.alert is not None:
            self.alert(user, group, raised=info.alert, by=user)
        wanted = tier_of(info)
        current = self.tier(group)
        if wanted > current:
            return self._move(user, group, wanted)
        taken_back = (info.emergency is False and current is Tier.EMERGENCY) or (
            info.imminent_peril is False and current is Tier.PERIL
        )
        return taken_back and self._move(user, group, Tier.NORMAL)

    def _move(self, user: str, group: str, tier: Tier) -> bool:
        context = self._context
        before = self._groups.pop(group, None)
        if before is not None and before.timer is not None:
            before.timer.cancel()
        if tier is not Tier.NORMAL:
            urgent = self._groups[group] = _Urgent(tier, user)
            lasts = context.settings.emergency_s
            if lasts:
                at = context.exchange.now() + lasts
                urgent.timer = context.exchange.timers.schedule(at, lambda now: self._expired(group))
        context.exchange.bus.publish(GroupUrgency(group, user, tier.name.lower()))
        self.changed(group)
        self.tell(group, user)
        return True

    def _expired(self, group: str) -> None:
        urgent = self._groups.get(group)
        if urgent is not None:
            self._move(urgent.by, group, Tier.NORMAL)

    def end(self, group: str) -> None:
        """The group's call is over: so is what was declared in it; alerts stay until they are cancelled."""
        urgent = self._groups.pop(group, None)
        if urgent is not None:
            if urgent.timer is not None:
                urgent.timer.cancel()
            self._context.exchange.bus.publish(GroupUrgency(group, urgent.by, "normal"))

    def alert(self, user: str, group: str, *, raised: bool, by: str) -> None:
        """Raise or cancel the alert of a user; nothing happens when it is so already."""
        alerts = self._alerts.setdefault(group, {})
        known = user in alerts
        if raised:
            alerts[user] = None
        else:
            alerts.pop(user, None)
            if not alerts:
                del self._alerts[group]
        if raised != known:
            self._context.exchange.bus.publish(GroupAlert(group, user, raised, by))

    def tell(self, group: str, by: str) -> None:
        """Tell those who are affiliated but not in the call how it stands."""
        context = self._context
        in_use = context.talkgroups.in_use(group)
        present = {seat.number for seat in in_use.seats.values()} if in_use is not None else set()
        absent = [user for user in context.affiliations.users_of(group) if user not in present and user != by]
        tier = self.tier(group)
        info = McpttInfo(
            request_uri=context.uri(group),
            calling_user=context.uri(by),
            emergency=tier is Tier.EMERGENCY,
            imminent_peril=tier is Tier.PERIL or None,
            alert=bool(self.alerts(group)),
        )
        tell_users(context, absent, info, context.exchange.now())
