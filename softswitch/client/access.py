"""Departments, attribute rules and tokens, as the client offers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from softswitch.api.models.access import AccessRules, Department, MadeToken, Token, Tree
from softswitch.client.connection import Connection, part


class AccessOperations(Connection):
    """Who may do what to whom."""

    async def tree(self) -> Tree:
        """The directory by departments, with presence."""
        return await self.one("GET", "/data/directory/tree", Tree)

    async def departments(self) -> list[Department]:
        """Departments."""
        return await self.items("/data/departments", Department)

    async def department(self, identifier: str) -> Department:
        """One department."""
        return await self.one("GET", f"/data/departments/{part(identifier)}", Department)

    async def add_department(self, identifier: str, **members: Any) -> Department:
        """Add a department: name, parent, members."""
        return await self.one("POST", "/data/departments", Department, {"id": identifier, **members})

    async def change_department(self, identifier: str, **members: Any) -> Department:
        """Change a department; what is not given stays."""
        return await self.one("PATCH", f"/data/departments/{part(identifier)}", Department, members)

    async def remove_department(self, identifier: str) -> None:
        """Remove a department."""
        await self.request("DELETE", f"/data/departments/{part(identifier)}")

    async def access_rules(self) -> AccessRules:
        """The attribute rules in force."""
        return await self.one("GET", "/system/access_rules", AccessRules)

    async def set_access_rules(self, rules: Iterable[Mapping[str, str]]) -> AccessRules:
        """Set the rules that come before those of the configuration."""
        return await self.one("PUT", "/system/access_rules", AccessRules, {"rules": list(rules)})

    async def tokens(self) -> list[Token]:
        """Tokens, without their secrets."""
        return await self.items("/system/tokens", Token)

    async def create_token(self, name: str, role: str, **members: Any) -> MadeToken:
        """Make a token; its secret is in `token`, this once."""
        return await self.one("POST", "/system/tokens", MadeToken, {"name": name, "role": role, **members})

    async def revoke_token(self, name: str) -> None:
        """Revoke a token at once."""
        await self.request("DELETE", f"/system/tokens/{part(name)}")
