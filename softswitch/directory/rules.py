"""Attribute rules (PMI): who may do what to whom, by role or token, department of the target, component and action.

Rules are read in order and the first that fits a target decides; where none fits, the role alone does. An operation
with several targets is allowed when it is for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from softswitch.directory.departments import Departments

Effect = Literal["allow", "deny"]
#: Actions that stand for several: reading, and everything else.
READ, CONTROL, ANY = "read", "control", "*"


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One rule; what is "" or `*` fits everything. `department` fits targets in it and in those below it."""

    effect: Effect
    role: str = ""
    principal: str = ""
    department: str = ""
    component: str = ANY
    action: str = ANY

    def concerns(self, principal: str, role: str, component: str, action: str) -> bool:
        """Whether it speaks of that principal doing that."""
        return (
            self.role in ("", role)
            and self.principal in ("", principal)
            and self.component in (ANY, component)
            and (self.action in (ANY, action) or (self.action == CONTROL and action != READ))
        )


class AccessRules:
    """The rules in force: those that were set while running come before those of the configuration."""

    def __init__(self, departments: Departments) -> None:
        self._departments = departments
        self.configured: tuple[AccessRule, ...] = ()
        self.added: tuple[AccessRule, ...] = ()

    def refused(
        self, principal: str, role: str, component: str, action: str, targets: Iterable[str]
    ) -> tuple[str, AccessRule] | None:
        """The first target that may not be touched and the rule that says so; None when all may."""
        rules = [rule for rule in (*self.added, *self.configured) if rule.concerns(principal, role, component, action)]
        if not rules:
            return None
        for target in targets:
            above = self._departments.above(target)
            decisive = next((rule for rule in rules if rule.department in above or not rule.department), None)
            if decisive is not None and decisive.effect == "deny":
                return target, decisive
        return None


__all__ = ["ANY", "CONTROL", "READ", "AccessRule", "AccessRules", "Effect"]
