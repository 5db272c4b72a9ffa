"""Shapes of departments, attribute rules and tokens."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from softswitch.api.models.base import Answer, Number, Request, Time
from softswitch.roles import STANDS_FOR, Role, check_bearer

Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]


class DepartmentRules(Request):
    """What is laid down of a department."""

    name: str = Field(default="", max_length=128)
    parent: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_.-]*$")] = Field(
        default="", description="The department above it; empty: at the top."
    )
    members: Annotated[list[Number], Field(max_length=10000)] = Field(
        default_factory=list, description="Numbers of subscribers, groups and other rooms."
    )


class NewDepartment(DepartmentRules):
    """A department to add."""

    id: Identifier


class ChangeDepartment(DepartmentRules):
    """What is to be changed of a department; what is not given stays."""


class Department(Answer):
    """A department."""

    id: str
    name: str = ""
    parent: str = ""
    members: list[str] = Field(default_factory=list)
    origin: str = Field(default="", description="`configuration` or `store`.")


class TreeEntry(Answer):
    """A number in a department."""

    number: str
    kind: str = ""
    name: str = ""
    state: str = Field(default="", description="Presence of a subscriber.")


class TreeNode(Answer):
    """A department with all that is in it and below it."""

    id: str
    name: str = ""
    entries: list[TreeEntry] = Field(default_factory=list)
    departments: list[TreeNode] = Field(default_factory=list)


class Tree(Answer):
    """The directory as a tree (通讯录); `others` are in no department."""

    departments: list[TreeNode] = Field(default_factory=list)
    others: list[TreeEntry] = Field(default_factory=list)


class AccessRule(Request):
    """One attribute rule: the first that fits a target decides."""

    effect: Literal["allow", "deny"]
    role: Literal["", "viewer", "dispatcher", "admin"] = Field(default="", description="Empty: any.")
    principal: str = Field(default="", max_length=64, description="Name of a token or client; empty: any.")
    department: str = Field(default="", max_length=64, description="Targets in it or below it; empty: any.")
    component: str = Field(default="*", max_length=32, description="Such as voice; `*`: any.")
    action: str = Field(default="*", max_length=64, description="read, control, create, an order's name; `*`: any.")


class SetAccessRules(Request):
    """The rules that come before those of the configuration, in order."""

    rules: Annotated[list[AccessRule], Field(max_length=1000)]


class AccessRules(Answer):
    """The rules in force, in the order in which they are read."""

    rules: list[AccessRule] = Field(default_factory=list, description="Set while running.")
    configured: list[AccessRule] = Field(default_factory=list)


class NewToken(Request):
    """A token to be made."""

    name: Identifier
    role: Role
    scopes: Annotated[list[Identifier], Field(max_length=16)] = Field(
        default_factory=list, description="Components that may be used; empty: all."
    )
    expires: AwareDatetime | None = Field(default=None, description="Null: never.")
    number: Number | None = Field(default=None, description=STANDS_FOR)

    @model_validator(mode="after")
    def _has_no_role(self) -> Self:
        check_bearer(self.role, self.number)
        return self


class Token(Answer):
    """A token, without its secret."""

    name: str
    role: Role
    scopes: list[str] = Field(default_factory=list)
    number: str = ""
    expires: Time = None
    created: Time = None
    created_by: str = ""
    origin: str = Field(default="", description="`configuration` or `store`.")


class MadeToken(Token):
    """A token just made; its secret is shown this once."""

    token: str
