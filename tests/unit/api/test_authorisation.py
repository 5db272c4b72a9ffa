"""Tokens: shown in headers or subprotocols, limited, expiring; guessing is slowed; what is done is audited."""

from __future__ import annotations

import base64
import dataclasses
import hashlib

from softswitch.api.auth import ApiToken, GuessingLimit
from softswitch.api.services import ApiServices, AuditNote
from tests.unit.api.conftest import Connect, as_role


async def _reloaded() -> str:
    return "nothing changed"


async def test_challenge_names_bearer_and_wrong_token_says_so(connect: Connect) -> None:
    session = await connect()
    async with session.get("/api/v1/system/health") as response:
        assert response.headers["WWW-Authenticate"] == "Bearer"
    async with session.get("/api/v1/system/health", headers={"Authorization": "Bearer guess"}) as response:
        assert (response.status, response.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    async with session.get("/api/v1/system/health", headers={"Authorization": "Basic c2VjcmV0"}) as response:
        assert response.status == 401


async def test_guessing_is_refused_even_with_the_right_token(connect: Connect) -> None:
    session = await connect()
    for _ in range(20):
        async with session.get("/api/v1/system/health", headers={"Authorization": "Bearer guess"}) as response:
            assert response.status == 401
    async with session.get("/api/v1/system/health", headers=as_role("admin")) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "61")
        assert (await response.json())["type"] == "urn:softswitch:problem:too-many-failures"


def test_guessing_limit_ends_with_its_window_and_is_bounded() -> None:
    now = [0.0]
    limit = GuessingLimit(lambda: now[0], failures=2, window=10, sources=3)
    limit.failed("a")
    assert limit.blocked_for("a") == 0
    limit.failed("a")
    assert limit.blocked_for("a") == 10
    assert limit.blocked_for("b") == 0
    now[0] = 10.5
    assert limit.blocked_for("a") == 0
    for source in "cdefgh":
        limit.failed(source)
    assert len(limit._sources) == 3


async def test_token_as_websocket_subprotocol(connect: Connect) -> None:
    session = await connect()
    encoded = base64.urlsafe_b64encode(b"secret-viewer").decode().rstrip("=")
    async with session.ws_connect("/api/v1/events", protocols=("softswitch", f"bearer.{encoded}")) as socket:
        assert socket.protocol == "softswitch"
        assert (await socket.receive_json(timeout=30))["type"] == "stream.opened"


async def test_changes_are_audited_with_their_result(services: ApiServices, connect: Connect) -> None:
    notes: list[AuditNote] = []
    services.record_audit = notes.append
    services.reload = _reloaded
    session = await connect()
    for role in ("viewer", "admin"):
        async with session.post("/api/v1/system/reload", headers=as_role(role)):
            pass
    async with session.get("/api/v1/system/health", headers=as_role("admin")):
        pass
    assert [dataclasses.astuple(note) for note in notes] == [
        ("viewer", "viewer", "POST /system/reload", "/api/v1/system/reload", "127.0.0.1", 403),
        ("admin", "admin", "POST /system/reload", "/api/v1/system/reload", "127.0.0.1", 200),
    ]


async def test_reading_is_audited_when_it_is_sensitive_or_asked_for(services: ApiServices, connect: Connect) -> None:
    notes: list[AuditNote] = []
    services.record_audit = notes.append
    every = [False]
    services.audit_reads = lambda: every[0]
    session = await connect()
    for path in ("/data/audit", "/system/health"):
        async with session.get(f"/api/v1{path}", headers=as_role("admin")) as response:
            assert response.status == 200
    assert [note.action for note in notes] == ["GET /data/audit"], "who reads the audit log is written there"
    every[0] = True
    async with session.get("/api/v1/system/health", headers=as_role("admin")):
        pass
    assert notes[-1].action == "GET /system/health"


async def test_token_expires_and_its_scopes_limit_it(services: ApiServices, connect: Connect) -> None:
    digest = hashlib.sha256(b"secret").hexdigest()
    token = [ApiToken("t", "admin", digest, expires_at=services.wall() + 1, scopes=("voice",))]
    services.tokens = lambda: token
    session = await connect()
    headers = {"Authorization": "Bearer secret"}
    async with session.get("/api/v1/voice/calls", headers=headers) as response:
        assert response.status == 200
    async with session.get("/api/v1/data/cdrs", headers=headers) as response:
        assert (response.status, (await response.json())["detail"]) == (403, "t may use voice and not data")
    token[0] = token[0]._replace(expires_at=services.wall())
    async with session.get("/api/v1/voice/calls", headers=headers) as response:
        assert (response.status, (await response.json())["detail"]) == (401, "the bearer token has expired")
