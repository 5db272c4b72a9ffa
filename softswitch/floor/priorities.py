"""Who comes before whom: tier first, then a dispatcher, then the priority (TS 24.380 §4.1.1.4)."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.floor.causes import Tier
from softswitch.floor.settings import ArbiterSettings, Member

HIGHEST_PRIORITY = 255


class Rank(NamedTuple):
    """What decides between two requests; the greater one is the more urgent."""

    tier: Tier
    override: bool
    priority: int


def effective_rank(settings: ArbiterSettings, member: Member, tier: Tier, priority: int | None, override: bool) -> Rank:
    """What a request counts for: capped by what was agreed with the member, raised by the tier of the call."""
    if not member.may_emergency:
        tier = Tier.NORMAL
    if tier < settings.tier:
        tier = settings.tier
    if priority is None or priority > member.priority:
        priority = member.priority
    return Rank(tier, member.dispatcher or (override and member.may_override), max(0, priority))


def preempts(settings: ArbiterSettings, rank: Rank, holder: Rank) -> bool:
    """Whether a request of `rank` takes the floor from a talker of rank `holder`; equals never do."""
    if settings.cut_in:
        return rank.tier >= holder.tier
    if rank.tier is not holder.tier:
        return rank.tier > holder.tier
    if rank.override is not holder.override:
        return rank.override
    return rank.priority > holder.priority and (rank.override or settings.priority_preemption)
