"""The trace hub costs nothing alone, feeds every subscriber, and survives a broken one."""

from __future__ import annotations

import pytest

from softswitch.runtime.trace import TracedMessage, TraceHub
from softswitch.sip.address import Address

MESSAGE = TracedMessage(1.0, "in", Address("udp", "127.0.0.1", 5070), ("127.0.0.1", 5060), b"x")


def test_active_follows_subscriptions() -> None:
    hub = TraceHub()
    assert not hub.active
    end = hub.subscribe(lambda message: None)
    assert hub.active
    end()
    end()
    assert not hub.active


def test_every_subscriber_gets_the_message() -> None:
    hub = TraceHub()
    first: list[TracedMessage] = []
    second: list[TracedMessage] = []
    hub.subscribe(first.append)
    hub.subscribe(second.append)
    hub.publish(MESSAGE)
    assert first == second == [MESSAGE]


def test_failing_subscriber_is_removed() -> None:
    hub = TraceHub()

    def broken(message: TracedMessage) -> None:
        raise RuntimeError

    hub.subscribe(broken)
    hub.publish(MESSAGE)
    assert not hub.active


def test_subscribers_are_bounded() -> None:
    hub = TraceHub(limit=1)
    hub.subscribe(lambda message: None)
    with pytest.raises(RuntimeError, match="at most 1"):
        hub.subscribe(lambda message: None)
