"""Who is affiliated to which group: what clients publish, and what watchers are told (TS 24.379 §9.2, §9.3.1).

A PUBLISH carries the full state of one client: groups that it does not name any more are left. Joining a chat group, an
emergency call and an alert affiliate by themselves (§9.2.2.2.11).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateways.poc.identities import number_of_uri
from softswitch.sip.errors import ProtocolError
from softswitch.sip.packages.presence import Presence, PresenceTuple

NAMESPACE: Final = "urn:3gpp:ns:mcpttPresInfo:1.0"
AFFILIATION: Final = f"{{{NAMESPACE}}}affiliation"
#: TS 24.379 §9.2.1.2: as long as the client is registered.
FOR_EVER_S: Final = 4294967295
MAX_GROUPS: Final = 256
MAX_CLIENTS: Final = 8


@dataclass(slots=True)
class _Client:
    groups: dict[str, None] = field(default_factory=dict)
    expires_at: float = float("inf")


class Affiliations:
    """The affiliations of all users; users and groups are numbers. `domain` makes URIs of them."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._clients: dict[str, dict[str, _Client]] = {}
        self._users: dict[str, dict[str, int]] = {}  # group -> user -> how many clients

    def publish(self, user: str, body: bytes, expires_s: int | None, now: float) -> set[str]:
        """Put in force what a client published; returns the groups that are new. Raises ProtocolError.

        `expires_s` 0 withdraws everything that the client has.
        """
        document = Presence.parse(body)
        if len(document.tuples) > MAX_CLIENTS:
            raise ProtocolError("too many clients", status=413)
        fresh: set[str] = set()
        for entry in document.tuples:
            wanted = _groups_of(entry) if expires_s != 0 else []
            if len(wanted) > MAX_GROUPS:
                raise ProtocolError("too many groups", status=413)
            fresh |= self._replace(user, entry.id, wanted, expires_s, now)
        return fresh

    def affiliate(self, user: str, group: str) -> bool:
        """Affiliate a user because of what it does; False when it is already."""
        if self.is_affiliated(user, group):
            return False
        client = self._clients.setdefault(user, {}).setdefault("", _Client())
        client.groups[group] = None
        self._count(user, group, 1)
        return True

    def command(self, user: str, affiliate: Iterable[str], leave: Iterable[str]) -> None:
        """Another party tells a user to affiliate to groups and to leave others (affiliation command)."""
        for group in leave:
            for client in self._clients.get(user, {}).values():
                if client.groups.pop(group, "") is None:
                    self._count(user, group, -1)
        for group in affiliate:
            self.affiliate(user, group)

    def forget(self, user: str) -> None:
        """A user is not registered any more."""
        for client in self._clients.pop(user, {}).values():
            for group in client.groups:
                self._count(user, group, -1)

    def is_affiliated(self, user: str, group: str) -> bool:
        """Whether some client of the user is affiliated."""
        return user in self._users.get(group, {})

    def users_of(self, group: str) -> list[str]:
        """Who is affiliated to a group, in the order they came."""
        return list(self._users.get(group, ()))

    def groups_of(self, user: str) -> list[str]:
        """The groups of a user."""
        found: dict[str, None] = {}
        for client in self._clients.get(user, {}).values():
            found |= client.groups
        return list(found)

    def expire(self, now: float) -> set[str]:
        """Drop what has ended; returns the users it concerns."""
        gone = set()
        for user, clients in list(self._clients.items()):
            for identifier, client in list(clients.items()):
                if client.expires_at <= now:
                    self._replace(user, identifier, [], 0, now)
                    gone.add(user)
        return gone

    def document(self, user: str) -> bytes:
        """What a watcher is told of a user."""
        entries = []
        for identifier, client in self._clients.get(user, {}).items():
            elements = tuple(
                ET.Element(
                    AFFILIATION,
                    {"group": f"sip:{group}@{self._domain}", "client": identifier, "status": "affiliated"},
                )
                for group in client.groups
            )
            entries.append(PresenceTuple(identifier or "server", status_extensions=elements))
        return Presence(f"sip:{user}@{self._domain}", tuple(entries)).serialize()

    def _replace(self, user: str, identifier: str, groups: list[str], expires_s: int | None, now: float) -> set[str]:
        clients = self._clients.setdefault(user, {})
        if identifier not in clients and len(clients) >= MAX_CLIENTS:
            raise ProtocolError("too many clients of one user", status=403)
        before = clients.pop(identifier, _Client()).groups
        if groups:
            ends = float("inf") if expires_s is None or expires_s >= FOR_EVER_S else now + expires_s
            clients[identifier] = _Client(dict.fromkeys(groups), ends)
        elif not clients:
            del self._clients[user]
        fresh = {group for group in groups if not self.is_affiliated(user, group)}
        for group in groups:
            self._count(user, group, 1)
        for group in before:
            self._count(user, group, -1)
        return fresh

    def _count(self, user: str, group: str, change: int) -> None:
        users = self._users.setdefault(group, {})
        users[user] = users.get(user, 0) + change
        if not users[user]:
            del users[user]
            if not users:
                del self._users[group]


def _groups_of(entry: PresenceTuple) -> list[str]:
    groups: dict[str, None] = {}
    for element in entry.status_extensions:
        if element.tag == AFFILIATION and element.get("status") not in ("deaffiliating", "deaffiliated"):
            groups[number_of_uri(element.get("group") or "")] = None
    groups.pop("", None)
    return list(groups)
