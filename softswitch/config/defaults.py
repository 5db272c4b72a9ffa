"""The embedded defaults: what runs when the switch is started without a configuration, on loopback alone."""

from __future__ import annotations

from functools import cache
from typing import Any

from softswitch.config.models import Settings

DEMO_TOKENS = {"demo-admin": "admin", "demo-dispatcher": "dispatcher", "demo-viewer": "viewer"}
DEMO_SUBSCRIBERS = tuple(str(number) for number in range(1001, 1020))


def demo_password(number: str) -> str:
    """The published password of a demo subscriber, which is why it is refused outside loopback."""
    return f"demo-{number}"


def _subscribers() -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "password": demo_password(number),
            "display_name": f"Demo {number}",
            "roles": ["dispatcher"] if number == "1001" else [],
            "pickup_group": "demo",
            "max_calls": 0,
        }
        for number in DEMO_SUBSCRIBERS
    ]


def _routes() -> list[dict[str, Any]]:
    """Numbers 55… to the testers' callee, 9… to the E1 gateway."""
    test = {"to": "trunk:sipp"}
    return [
        {"name": "test-passthrough", "pattern": "5501", "media": "passthrough", **test},
        {"name": "test-relay", "pattern": "5502", "media": "relay", **test},
        {"name": "test-pcmu", "pattern": "5503", "media": "relay", "codecs": ["PCMU"], **test},
        {"name": "test-g722", "pattern": "5504", "media": "relay", "codecs": ["G722"], **test},
        {"name": "test-opus", "pattern": "5505", "media": "relay", "codecs": ["opus"], **test},
        {"name": "test-callee", "prefix": "55", "media": "relay", **test},
        {"name": "e1", "pattern": "9X.", "strip": 1, "to": "gateway:e1"},
    ]


def demo_document() -> dict[str, Any]:
    """The embedded defaults in the shape of the TOML file."""
    return {
        "sip": {
            "listen": [
                {"name": "udp", "transport": "udp", "address": "127.0.0.1", "port": 5060},
                {"name": "tcp", "transport": "tcp", "address": "127.0.0.1", "port": 5060},
                {
                    "name": "tls",
                    "transport": "tls",
                    "address": "127.0.0.1",
                    "port": 5061,
                    "certificate": "self-signed",
                },
                {"name": "sipp", "transport": "udp", "address": "127.0.0.1", "port": 5066, "trusted": True},
            ]
        },
        # MD5 alone: sipp looks at the first challenge only, Debian's baresip gives up when it sees another one at all.
        "security": {"digest_algorithms": ["MD5"]},
        "http": {
            "token": [{"name": token, "token": token, "role": role} for token, role in DEMO_TOKENS.items()],
        },
        "emergency": {"route": "number:1001"},
        "subscriber": _subscribers(),
        "trunk": [
            {
                "name": "sipp",
                "addresses": ["127.0.0.1"],
                "listener": "sipp",
                "host": "127.0.0.1",
                "port": 5090,
                "transport": "udp",
            }
        ],
        "route": _routes(),
        "service": [
            {"number": "600", "kind": "echo"},
            {"number": "601", "kind": "tone", "hz": 1004.0, "level_dbm0": -16.0},
            {"number": "602", "kind": "announcement"},
            {"number": "*8", "kind": "pickup"},
            {"number": "690", "kind": "park"},
            {"number": "*45", "kind": "queue_login"},
            {"number": "*46", "kind": "queue_logout"},
        ],
        "gateways": {"e1": {"span": [{"name": "line1", "wait": True, "jitter_ms": 40}]}},
        "conference": [{"number": str(number), "name": f"Conference {number}"} for number in range(7001, 7010)],
        "queue": [{"number": "6000", "name": "Help desk", "agents": ["1001", "1002", "1003"]}],
        "talkgroup": [{"number": str(number), "name": f"Talkgroup {number}"} for number in range(8001, 8010)],
    }


@cache
def embedded_defaults() -> Settings:
    """What runs without a configuration: demo numbers and tokens, reachable from this machine only."""
    return Settings.model_validate(demo_document())
