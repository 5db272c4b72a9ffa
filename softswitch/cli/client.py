"""Talking to a running switch over its HTTP interface."""

from __future__ import annotations

import ipaddress
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from argparse import Namespace
from typing import Any, NamedTuple

from softswitch.cli.output import FAILED, REFUSED, UNREACHABLE, CommandError

DEFAULT_URL = "http://127.0.0.1:8080"
DEMO_TOKEN = "demo-admin"
TIMEOUT_S = 10.0
PREFIX = "/api/v1"


class Switch(NamedTuple):
    """Where the switch is and as whom we speak to it."""

    url: str
    token: str

    @classmethod
    def of(cls, arguments: Namespace) -> Switch:
        """From --url and --token, or SOFTSWITCH_URL and SOFTSWITCH_TOKEN; on loopback the demo token stands in."""
        url = (arguments.url or os.environ.get("SOFTSWITCH_URL") or DEFAULT_URL).rstrip("/")
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CommandError(f"{url} is no URL such as {DEFAULT_URL}", FAILED)
        token = arguments.token or os.environ.get("SOFTSWITCH_TOKEN") or ""
        if not token and _is_loopback(parts.hostname):
            token = DEMO_TOKEN
        return cls(url, token)

    def get(self, path: str) -> Any:
        """The JSON answer to GET. Raises CommandError."""
        return self._request("GET", path, None)

    def rows(self, path: str) -> list[dict[str, Any]]:
        """All items of a list resource, page after page. Raises CommandError."""
        found: list[dict[str, Any]] = []
        asked = path
        while True:
            page = self.get(asked)
            if not isinstance(page, dict):
                raise CommandError(f"{self.url} answered {path} with no list: is it the switch?")
            found += [item for item in page.get("items", ()) if isinstance(item, dict)]
            if not page.get("next"):
                return found
            asked = f"{path}?after={urllib.parse.quote(page['next'], safe='')}"

    def post(self, path: str, body: Any = None) -> Any:
        """The JSON answer to POST. Raises CommandError."""
        return self._request("POST", path, {} if body is None else body)

    def content(self, path: str) -> bytes:
        """The octets of what is no JSON. Raises CommandError."""
        return self._fetch("GET", path, None, "*/*")

    def websocket_url(self, path: str) -> str:
        """The same resource as a WebSocket."""
        return "ws" + self.url.removeprefix("http") + PREFIX + path

    def _request(self, method: str, path: str, body: Any) -> Any:
        content = self._fetch(method, path, body, "application/json")
        try:
            return json.loads(content) if content else None
        except ValueError:
            raise CommandError(f"{self.url} answered something else than JSON: is it the switch?") from None

    def _fetch(self, method: str, path: str, body: Any, accept: str) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + PREFIX + path, data=data, method=method)
        request.add_header("Accept", accept)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            raise _refusal(self.url, error) from None
        except (urllib.error.URLError, OSError) as error:
            raise unreachable(self.url, error) from None


def unreachable(url: str, error: object) -> CommandError:
    """What to say when nobody answers."""
    reason = getattr(error, "reason", None) or error
    return CommandError(
        f"no switch answers at {url} ({reason}); is it running? Start it: softswitch serve", UNREACHABLE
    )


def _refusal(url: str, error: urllib.error.HTTPError) -> CommandError:
    with error:
        try:
            problem = json.loads(error.read())
            detail = str(problem.get("detail") or problem.get("title") or "")
        except (ValueError, AttributeError, OSError):
            detail = ""
    if error.code in (401, 403):
        hint = detail or "the token is missing or not allowed to do this"
        return CommandError(f"{url} refused: {hint} (give --token or SOFTSWITCH_TOKEN)", REFUSED)
    return CommandError(f"{url} answered {error.code}: {detail or error.reason}", FAILED)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
