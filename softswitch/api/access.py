"""Who may do what to whom: departments (`/data`), attribute rules and tokens (`/system`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from softswitch.api.models.access import (
    AccessRules,
    ChangeDepartment,
    Department,
    MadeToken,
    NewDepartment,
    NewToken,
    SetAccessRules,
    Token,
    Tree,
)
from softswitch.api.operations import Context, Operation
from softswitch.api.services import AccessServices, ApiServices, Row

_DEPARTMENT = "/data/departments/{id}"


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""
    access = services.access
    return [] if access is None else [*_departments(access), *_rules(access), *_tokens(access)]


def _departments(access: AccessServices) -> list[Operation]:
    async def every(context: Context) -> Iterable[Row]:
        return access.departments()

    async def tree(context: Context) -> Row:
        return access.tree()

    async def current(context: Context) -> Row:
        return access.department(context.path["id"])

    async def add(context: Context) -> Row:
        return await access.put_department(context.body, context.principal)

    async def change(context: Context) -> Row:
        given = {name: value for name, value in context.body.items() if name in context.given}
        return await access.change_department(context.path["id"], given, context.principal)

    async def remove(context: Context) -> None:
        await access.remove_department(context.path["id"])

    read: dict[str, Any] = {"method": "GET", "component": "data", "role": "viewer"}
    edit: dict[str, Any] = {"component": "data", "role": "admin", "answer": Department}
    return [
        Operation(
            path="/data/directory/tree",
            summary="The directory by departments (通讯录), with presence",
            handler=tree,
            answer=Tree,
            **read,
        ),
        Operation(path="/data/departments", summary="Departments", handler=every, answer=Department, many=True, **read),
        Operation(path=_DEPARTMENT, summary="One department", handler=current, answer=Department, tagged=True, **read),
        Operation(
            method="POST",
            path="/data/departments",
            summary="Add a department",
            handler=add,
            body=NewDepartment,
            status=201,
            location="/data/departments/{id}",
            **edit,
        ),
        Operation(
            method="PATCH",
            path=_DEPARTMENT,
            summary="Change a department",
            handler=change,
            body=ChangeDepartment,
            current=current,
            **edit,
        ),
        Operation(
            method="DELETE",
            path=_DEPARTMENT,
            summary="Remove a department with none below it",
            handler=remove,
            current=current,
            status=204,
            **edit,
        ),
    ]


def _rules(access: AccessServices) -> list[Operation]:
    async def current(context: Context) -> Row:
        return access.rules()

    async def put(context: Context) -> Row:
        return await access.set_rules(context.body, context.principal)

    shared: dict[str, Any] = {
        "path": "/system/access_rules",
        "component": "system",
        "role": "admin",
        "answer": AccessRules,
    }
    return [
        Operation(method="GET", summary="Attribute rules (PMI)", handler=current, tagged=True, **shared),
        Operation(
            method="PUT",
            summary="Set the attribute rules that come before those of the configuration",
            handler=put,
            body=SetAccessRules,
            current=current,
            **shared,
        ),
    ]


def _tokens(access: AccessServices) -> list[Operation]:
    async def every(context: Context) -> Iterable[Row]:
        return access.stored_tokens()

    async def create(context: Context) -> Row:
        return await access.create_token(context.body, context.principal)

    async def revoke(context: Context) -> None:
        await access.revoke_token(context.path["name"])

    shared: dict[str, Any] = {"component": "system", "role": "admin"}
    return [
        Operation(
            method="GET",
            path="/system/tokens",
            summary="Tokens, without their secrets",
            handler=every,
            answer=Token,
            many=True,
            sensitive=True,
            **shared,
        ),
        Operation(
            method="POST",
            path="/system/tokens",
            summary="Make a token; it is shown this once",
            handler=create,
            body=NewToken,
            answer=MadeToken,
            status=201,
            **shared,
        ),
        Operation(
            method="DELETE",
            path="/system/tokens/{name}",
            summary="Revoke a token at once",
            handler=revoke,
            status=204,
            **shared,
        ),
    ]
