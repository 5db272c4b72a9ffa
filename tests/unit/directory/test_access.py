"""Departments as a tree, and the rules that say who may do what to whom in it."""

from __future__ import annotations

import pytest

from softswitch.directory.departments import Department, DepartmentError, Departments
from softswitch.directory.rules import AccessRule, AccessRules


def tree() -> Departments:
    found = Departments()
    found.replace([Department("east", "East", "", ("8001",)), Department("port", "Port", "east", ("1002", "1003"))])
    found.put(Department("west", "West", "", ("1004", "1003")))
    return found


def test_a_number_is_in_its_departments_and_in_those_above() -> None:
    departments = tree()
    assert departments.above("1002") == {"port", "east"} and departments.above("1003") == {"port", "east", "west"}
    assert departments.above("1999") == frozenset() and departments.within("east") == {"8001", "1002", "1003"}
    assert (departments.origin("east"), departments.origin("west"), departments.origin("x")) == (
        "configuration",
        "store",
        "",
    )


def test_a_tree_has_no_loops_and_no_holes() -> None:
    departments = tree()
    for wrong in (Department("east", parent="port"), Department("x", parent="x"), Department("x", parent="nowhere")):
        with pytest.raises(DepartmentError):
            departments.put(wrong)
    departments.put(Department("quay", parent="west"))
    with pytest.raises(DepartmentError):
        departments.remove("west")
    departments.remove("quay")
    departments.remove("west")
    with pytest.raises(LookupError):
        departments.remove("port")
    assert departments.above("1004") == frozenset()


def rules(*found: AccessRule) -> AccessRules:
    made = AccessRules(tree())
    made.configured = found
    return made


def refused(made: AccessRules, *targets: str, action: str = "insert", principal: str = "desk") -> str:
    found = made.refused(principal, "dispatcher", "voice", action, targets)
    return found[0] if found is not None else ""


def test_without_rules_the_role_alone_decides() -> None:
    assert refused(rules(), "1002", "1999") == ""


def test_the_first_rule_that_fits_a_target_decides() -> None:
    made = rules(AccessRule("allow", principal="desk", department="east"), AccessRule("deny", principal="desk"))
    assert refused(made, "1002") == "" and refused(made, "8001") == ""
    assert refused(made, "1004") == "1004" and refused(made, "1002", "1004") == "1004", "each target must be allowed"
    assert refused(made, "1003") == "", "it is in both"
    assert refused(made, "1004", principal="other") == ""


def test_rules_speak_of_actions_components_and_roles() -> None:
    made = rules(AccessRule("deny", "dispatcher", department="east", component="voice", action="control"))
    assert refused(made, "1002") == "1002" and refused(made, "1002", action="read") == ""
    assert made.refused("desk", "admin", "voice", "insert", ["1002"]) is None
    assert made.refused("desk", "dispatcher", "group", "insert", ["1002"]) is None
    made.added = (AccessRule("allow", action="insert"),)
    assert refused(made, "1002") == "" and refused(made, "1002", action="listen") == "1002"
