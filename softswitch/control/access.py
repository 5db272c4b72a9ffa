"""Departments, attribute rules and tokens as the API changes them, and what rules say of a request."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from softswitch.api.auth import ApiToken, Principal
from softswitch.api.problems import Problem, not_found, wrong_field
from softswitch.api.services import AccessServices, Row
from softswitch.app import Application
from softswitch.calls.dispatching.operator import parties
from softswitch.control.storage import flushed
from softswitch.control.subscribers import Subscribers
from softswitch.directory.departments import Department, DepartmentError
from softswitch.directory.rules import AccessRule
from softswitch.store import recordings
from softswitch.store.documents import delete_document, list_documents, put_document
from softswitch.store.messages import get_message
from softswitch.store.queries import get_cdr

#: Where what is kept in the database is looked up, by its kind.
_ROWS: dict[str, Callable[[Database, str], Mapping[str, Any] | None]] = {
    "cdr": get_cdr,
    "recording": recordings.get,
    "message": get_message,
}


class AccessDesk:
    """Who may do what to whom on this node. Tokens made here are kept by their SHA-256 alone."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._directory = Subscribers(app)
        self._stored: dict[str, dict[str, Any]] = {}
        self.tokens: list[ApiToken] = []
        self.services = AccessServices(
            active=lambda: bool(app.access_rules.added or app.access_rules.configured),
            refused=self._refused,
            resolve=self._resolve,
            rules=self._rules,
            set_rules=self._set_rules,
            departments=lambda: [self._department(each) for each in app.departments.all],
            department=self._department,
            put_department=self._add_department,
            change_department=self._change_department,
            remove_department=self._remove_department,
            tree=self._tree,
            stored_tokens=self._every_token,
            create_token=self._create_token,
            revoke_token=self._revoke_token,
        )

    def restore(self) -> None:
        """Take in what outlived the last run; a document of another release that does not fit is passed over."""
        read = self._app.store.read
        waiting = [
            Department(**{**each, "members": tuple(each["members"])}) for each in read(list_documents("departments"))
        ]
        while waiting:  # a department may stand before the one above it
            left = [each for each in waiting if not self._fits(each)]
            if len(left) == len(waiting):
                break
            waiting = left
        for document in read(list_documents("rules")):
            self._app.access_rules.added = tuple(AccessRule(**each) for each in document["rules"])
        self._stored = {each["name"]: each for each in read(list_documents("tokens"))}
        self._renew_tokens()

    def _fits(self, department: Department) -> bool:
        try:
            self._app.departments.put(department)
        except DepartmentError:
            return False
        return True

    # -- judging ------------------------------------------------------------------------------------------------------

    def _refused(self, principal: Principal, component: str, action: str, targets: list[str]) -> str:
        found = self._app.access_rules.refused(principal.name, principal.role, component, action, targets)
        if found is None:
            return ""
        target, rule = found
        of = f" of department {rule.department}" if rule.department else ""
        return f"an access rule keeps {principal.name} from {action} in {component} for {target}{of}"

    async def _resolve(self, kind: str, identifier: str) -> Iterable[str]:
        app = self._app
        if kind == "call":
            call = app.exchange.calls.get(identifier)
            if call is not None:
                legs = [leg.party.number for leg in parties(call)]
                named = (call.record.caller, call.record.callee)
                # A call that only plays something has the name of a sound in place of its callee.
                return dict.fromkeys([*(name for name in named if any(map(str.isdigit, name))), *legs])
            kind = "cdr"  # it is over, and its ladder may still be asked for
        if kind == "party":
            leg = None if identifier in app.directory else app.exchange.leg_named(identifier)
            return [identifier if leg is None else leg.party.number]
        if kind == "department":
            return sorted(app.departments.within(identifier))
        if kind == "session":
            session = app.webrtc.sessions.get(identifier)
            return [session.number] if session is not None else ()
        read = _ROWS[kind]
        row = await asyncio.to_thread(app.store.read, lambda database: read(database, identifier))
        if row is None:
            return ()
        numbers = [row[name] for name in ("caller", "callee", "room", "talkgroup", "sender") if row.get(name)]
        return [*numbers, *filter(None, str(row.get("recipient") or "").split(","))]

    # -- rules --------------------------------------------------------------------------------------------------------

    def _rules(self) -> Row:
        rules = self._app.access_rules
        return {"rules": [asdict(r) for r in rules.added], "configured": [asdict(r) for r in rules.configured]}

    async def _set_rules(self, body: Mapping[str, Any], by: Principal) -> Row:
        for place, rule in enumerate(body["rules"]):
            if rule["department"] and rule["department"] not in self._app.departments.all:
                raise wrong_field(f"rules.{place}.department", f"there is no department {rule['department']!r}")
        self._app.access_rules.added = tuple(AccessRule(**rule) for rule in body["rules"])
        self._app.store.write(put_document("rules", "all", {"rules": body["rules"]}))
        await flushed(self._app)
        return self._rules()

    # -- departments --------------------------------------------------------------------------------------------------

    def _department(self, identifier: str) -> Row:
        department = self._app.departments.all.get(identifier)
        if department is None:
            raise not_found("department", identifier)
        return {**asdict(department), "origin": self._app.departments.origin(identifier)}

    async def _add_department(self, body: Mapping[str, Any], by: Principal) -> Row:
        if body["id"] in self._app.departments.all:
            raise Problem(409, f"there is a department {body['id']} already", kind="exists")
        return await self._keep(Department(**{**body, "members": tuple(body["members"])}))

    async def _change_department(self, identifier: str, given: Mapping[str, Any], by: Principal) -> Row:
        self._department(identifier)
        changes = {**given, "members": tuple(given["members"])} if "members" in given else dict(given)
        return await self._keep(replace(self._app.departments.all[identifier], **changes))

    async def _keep(self, department: Department) -> Row:
        try:
            self._app.departments.put(department)
        except DepartmentError as error:
            raise wrong_field(error.field, str(error)) from error
        self._app.store.write(put_document("departments", department.id, asdict(department)))
        await flushed(self._app)
        return self._department(department.id)

    async def _remove_department(self, identifier: str) -> None:
        self._department(identifier)
        if self._app.departments.origin(identifier) != "store":
            raise Problem(409, f"department {identifier} stands in the configuration", kind="configured")
        try:
            self._app.departments.remove(identifier)
        except DepartmentError as error:
            raise Problem(409, str(error), kind="not-possible") from error
        self._app.store.write(delete_document("departments", identifier))
        await flushed(self._app)

    def _tree(self) -> Row:
        entries = {row["number"]: row for row in self._directory.directory()}
        departments = self._app.departments.all
        placed = {number for each in departments.values() for number in each.members}

        def node(department: Department) -> Row:
            below = [each for each in departments.values() if each.parent == department.id]
            return {
                "id": department.id,
                "name": department.name,
                "entries": [entries.get(number, {"number": number}) for number in department.members],
                "departments": [node(each) for each in below],
            }

        return {
            "departments": [node(each) for each in departments.values() if each.parent not in departments],
            "others": [row for number, row in entries.items() if number not in placed],
        }

    # -- tokens -------------------------------------------------------------------------------------------------------

    def _renew_tokens(self) -> None:
        self.tokens = [
            ApiToken(
                each["name"],
                each["role"],
                each["sha256"],
                each["expires"],
                tuple(each["scopes"]),
                each.get("number", ""),
            )
            for each in self._stored.values()
        ]

    def _every_token(self) -> Iterable[Row]:
        configured = [
            {
                "name": t.name,
                "role": t.role,
                "scopes": list(t.scopes),
                "number": t.number or "",
                "expires": t.expires,
                "origin": "configuration",
            }
            for t in self._app.settings.http.token
        ]
        stored = [{**each, "origin": "store"} for each in self._stored.values()]
        return [*configured, *({name: value for name, value in each.items() if name != "sha256"} for each in stored)]

    async def _create_token(self, body: Mapping[str, Any], by: Principal) -> Row:
        name = body["name"]
        if name in self._stored or any(token.name == name for token in self._app.settings.http.token):
            raise Problem(409, f"there is a token {name} already", kind="exists")
        number = body["number"] or ""
        if number and self._app.directory.get(number) is None:
            raise wrong_field("number", f"there is no subscriber {number}")
        secret = secrets.token_urlsafe(32)
        expires: datetime | None = body["expires"]
        document = {
            "name": name,
            "role": body["role"],
            "sha256": hashlib.sha256(secret.encode()).hexdigest(),
            "scopes": body["scopes"],
            "number": number,
            "expires": expires.timestamp() if expires is not None else 0.0,
            "created": self._app.wall(),
            "created_by": by.name,
        }
        self._stored[name] = document
        self._renew_tokens()
        self._app.store.write(put_document("tokens", name, document))
        await flushed(self._app)
        return {
            **{key: value for key, value in document.items() if key != "sha256"},
            "origin": "store",
            "token": secret,
        }

    async def _revoke_token(self, name: str) -> None:
        if name not in self._stored:
            if any(token.name == name for token in self._app.settings.http.token):
                raise Problem(409, f"token {name} stands in the configuration", kind="configured")
            raise not_found("token", name)
        del self._stored[name]
        self._renew_tokens()
        self._app.store.write(delete_document("tokens", name))
        await flushed(self._app)


__all__ = ["AccessDesk"]
