"""OpenAPI, status page, documentation page, metrics, security headers."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

from softswitch.api import voice
from softswitch.api.services import ApiServices
from tests.unit.api.conftest import Connect


async def test_document_describes_every_route_with_resolvable_references(
    services: ApiServices, connect: Connect
) -> None:
    services.originate = lambda body, principal: {}
    services.call_commands = {name: lambda identifier, body, principal: None for name in voice.COMMANDS}
    session = await connect()
    async with session.get("/api/v1/openapi.json") as response:
        assert response.status == 200
        document: dict[str, Any] = await response.json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]["/api/v1/voice/calls"]) == {"get", "post"}
    assert "/api/v1/voice/calls/{id}/disconnect" in document["paths"]
    schemas = document["components"]["schemas"]
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference
    identifiers = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(identifiers) == len(set(identifiers))
    originate = document["paths"]["/api/v1/voice/calls"]["post"]
    assert originate["requestBody"]["required"] is True
    assert set(schemas["Originate"]["required"]) == {"caller"}
    (identifier,) = document["paths"]["/api/v1/voice/calls/{id}"]["get"]["parameters"]
    assert (identifier["name"], identifier["in"], identifier["required"]) == ("id", "path", True)


async def test_pages_need_no_script_and_no_other_host(connect: Connect) -> None:
    session = await connect()
    for path, text in (("/status", "1.2.3"), ("/api/v1/docs", "/api/v1/voice/calls")):
        async with session.get(path) as response:
            page = await response.text()
            policy = response.headers["Content-Security-Policy"]
        assert text in page
        assert "<script" not in page and "http://" not in page and "https://" not in page
        style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy, "the page's style must be the one its policy allows"


async def test_the_page_for_people_tells_what_every_operation_takes_and_answers(connect: Connect) -> None:
    session = await connect()
    async with session.get("/api/v1/openapi.json") as response:
        document = await response.json()
    async with session.get("/api/v1/docs") as response:
        page = await response.text()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f'<details id="{operation["operationId"]}"><summary><code>{method.upper()} {path}</code>' in page
    shown = set(re.findall(r'<details id="([^"]+)"', page))
    assert set(document["components"]["schemas"]) <= shown, "the shape of every object"
    assert set(re.findall(r'href="#([^"]+)"', page)) <= shown | set(re.findall(r'<h2 id="([^"]+)"', page)), (
        "no dead link"
    )


async def test_security_headers_are_on_errors_too_and_no_origin_is_let_in(connect: Connect) -> None:
    session = await connect()
    async with session.get("/nothing", headers={"Origin": "https://evil.example"}) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_metrics_are_open_on_loopback(services: ApiServices, connect: Connect) -> None:
    services.render_metrics = lambda: b"softswitch_calls 1\n"
    session = await connect()
    async with session.get("/metrics") as response:
        assert (response.status, await response.read()) == (200, b"softswitch_calls 1\n")


async def test_without_metrics_the_resource_does_not_exist(connect: Connect) -> None:
    session = await connect()
    async with session.get("/metrics") as response:
        assert response.status == 404
