"""Who is calling the API: bearer tokens by SHA-256 or client certificates, roles, scopes, and a limit on guessing.

A browser cannot set headers on a WebSocket, so there the token may come as subprotocol `bearer.<base64url of token>`
beside the subprotocol wanted: not in the URL, which ends up in logs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from aiohttp import web

from softswitch.api.problems import Problem
from softswitch.roles import Role

RANKS: dict[str, int] = {"viewer": 1, "dispatcher": 2, "admin": 3}
PROTOCOL_PREFIX = "bearer."


class ApiToken(NamedTuple):
    """A token by its hash: `sha256` in lower-case hexadecimal. `expires_at` is Unix time, 0 for never.

    `scopes` are the components that may be used, empty for all. With `number` it stands for that subscriber and may act
    as that one alone.
    """

    name: str
    role: Role
    sha256: str
    expires_at: float = 0.0
    scopes: tuple[str, ...] = ()
    number: str = ""


class ApiClient(NamedTuple):
    """A client certificate by the common name of its subject; the TLS layer has verified who issued it."""

    name: str
    role: Role
    common_name: str
    scopes: tuple[str, ...] = ()


class Principal(NamedTuple):
    """Who was recognised; `number` is the subscriber that it stands for, if it is not a whole switch's client."""

    name: str
    role: Role
    scopes: tuple[str, ...] = ()
    number: str = ""

    def may(self, role: Role) -> bool:
        """Whether this one has at least `role`."""
        return RANKS[self.role] >= RANKS[role]

    def acts_as(self, number: str) -> bool:
        """Whether this one may speak for a subscriber."""
        return self.number in ("", number)


@dataclass(slots=True)
class _Failures:
    since: float
    count: int


class GuessingLimit:
    """Refuses a source for the rest of a window once it has shown too many wrong tokens."""

    def __init__(
        self, clock: Callable[[], float], *, failures: int = 20, window: float = 60.0, sources: int = 4096
    ) -> None:
        self._clock = clock
        self._failures = failures
        self._window = window
        self._limit = sources
        self._sources: OrderedDict[str, _Failures] = OrderedDict()

    def blocked_for(self, source: str) -> float:
        """Seconds until `source` may try again; 0 when it may now."""
        entry = self._sources.get(source)
        if entry is None:
            return 0.0
        left = entry.since + self._window - self._clock()
        if left <= 0:
            del self._sources[source]
            return 0.0
        return left if entry.count >= self._failures else 0.0

    def failed(self, source: str) -> None:
        """Count one wrong token."""
        entry = self._sources.get(source)
        if entry is None:
            if len(self._sources) >= self._limit:
                self._sources.popitem(last=False)
            entry = self._sources[source] = _Failures(self._clock(), 0)
        entry.count += 1


class Authenticator:
    """Recognises principals; `tokens` and `clients` are asked each time, so a reload needs no word here."""

    def __init__(
        self,
        tokens: Callable[[], Iterable[ApiToken]],
        clock: Callable[[], float],
        *,
        wall: Callable[[], float],
        clients: Callable[[], Iterable[ApiClient]] = tuple,
    ) -> None:
        self._tokens = tokens
        self._clients = clients
        self._wall = wall
        self._limit = GuessingLimit(clock)

    def authenticate(self, request: web.Request) -> Principal:
        """The principal of a request. Raises Problem 401, or 429 when its source has guessed too often."""
        source = request.remote or ""
        wait = self._limit.blocked_for(source)
        if wait > 0:
            seconds = str(int(wait) + 1)
            text = f"too many wrong tokens from this address; try again in {seconds} s"
            raise Problem(429, text, kind="too-many-failures", headers={"Retry-After": seconds})
        token = token_of(request)
        if token is None:
            principal = self._of_certificate(request)
            if principal is None:
                raise _unauthorised("a bearer token is required")
            return principal
        found = self._recognise(token)
        if found is None:
            self._limit.failed(source)
            raise _unauthorised("the bearer token is not valid", 'Bearer error="invalid_token"')
        if found.expires_at and found.expires_at <= self._wall():
            raise _unauthorised("the bearer token has expired", 'Bearer error="invalid_token"')
        return Principal(found.name, found.role, found.scopes, found.number)

    def _recognise(self, token: bytes) -> ApiToken | None:
        digest = hashlib.sha256(token).hexdigest()
        found: ApiToken | None = None
        # Every token is compared, in constant time, so that the answer's delay tells nothing.
        for each in self._tokens():
            if hmac.compare_digest(digest, each.sha256):
                found = each
        return found

    def _of_certificate(self, request: web.Request) -> Principal | None:
        name = common_name_of(request)
        if not name:
            return None
        for client in self._clients():
            if client.common_name == name:
                return Principal(client.name, client.role, client.scopes)
        return None


def common_name_of(request: web.Request) -> str:
    """The common name of the verified certificate of a request's TLS connection, "" without one."""
    certificate = request.transport.get_extra_info("peercert") if request.transport is not None else None
    if not certificate:
        return ""
    for relative_name in certificate.get("subject", ()):
        for key, value in relative_name:
            if key == "commonName":
                return str(value)
    return ""


def token_of(request: web.Request) -> bytes | None:
    """The token a request carries, in its Authorization header or as WebSocket subprotocol; None without one."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip().encode("utf-8", "surrogateescape")
    for offered in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        name = offered.strip()
        if name.startswith(PROTOCOL_PREFIX):
            encoded = name.removeprefix(PROTOCOL_PREFIX)
            try:
                return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            except (binascii.Error, ValueError):
                return None
    return None


def require(principal: Principal, role: Role, component: str = "", *, for_subscribers: bool = False) -> None:
    """Raise Problem 403 unless `principal` has at least `role`, and `component` within its scopes.

    One that stands for a subscriber has no role, and needs none for what is `for_subscribers`.
    """
    if principal.number:
        if not for_subscribers:
            raise Problem(403, f"{principal.name} may act as subscriber {principal.number} alone")
    elif not principal.may(role):
        raise Problem(403, f"this needs role {role}; {principal.name} has role {principal.role}")
    if principal.scopes and component and component not in principal.scopes:
        raise Problem(403, f"{principal.name} may use {', '.join(principal.scopes)} and not {component}")


def from_loopback(request: web.Request) -> bool:
    """Whether a request comes from this very machine."""
    try:
        return ipaddress.ip_address((request.remote or "").partition("%")[0]).is_loopback
    except ValueError:
        return False


def _unauthorised(detail: str, challenge: str = "Bearer") -> Problem:
    return Problem(401, detail, headers={"WWW-Authenticate": challenge})
