"""The dialplan: number normalisation, patterns, rules, classes of service, schedules, and the plan that joins them."""

from __future__ import annotations

from dialplan.classes import ClassOfService
from dialplan.errors import DialplanError
from dialplan.number import NumberFormat, is_e164, normalise
from dialplan.pattern import Pattern
from dialplan.plan import Plan
from dialplan.rule import (
    KINDS,
    STRATEGIES,
    Decision,
    Destination,
    Emergency,
    HuntGroup,
    Refusal,
    RouteQuery,
    Rule,
    Target,
)
from dialplan.schedule import Schedule

__all__ = [
    "KINDS",
    "STRATEGIES",
    "ClassOfService",
    "Decision",
    "Destination",
    "DialplanError",
    "Emergency",
    "HuntGroup",
    "NumberFormat",
    "Pattern",
    "Plan",
    "Refusal",
    "RouteQuery",
    "Rule",
    "Schedule",
    "Target",
    "is_e164",
    "normalise",
]
