"""The embedded defaults are those that the documentation promises."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dialplan import Destination, RouteQuery
from softswitch.config import embedded_defaults, loads, to_plan
from softswitch.config.models import ha1_pair
from softswitch.config.plan import known_numbers


def test_nothing_outside_this_machine_reaches_the_defaults() -> None:
    assert embedded_defaults().loopback_only


def test_subscribers_1001_to_1019_with_published_passwords() -> None:
    subscribers = embedded_defaults().subscriber
    assert [subscriber.number for subscriber in subscribers] == [str(number) for number in range(1001, 1020)]
    for subscriber in subscribers:
        expected = ha1_pair(subscriber.number, "softswitch", f"demo-{subscriber.number}")
        assert (subscriber.ha1_md5, subscriber.ha1_sha256) == expected
    assert [subscriber.number for subscriber in subscribers if "dispatcher" in subscriber.roles] == ["1001"]


def test_listeners() -> None:
    found = {(entry.name, entry.transport, entry.port, entry.trusted) for entry in embedded_defaults().sip.listen}
    expected = {
        ("udp", "udp", 5060, False),
        ("tcp", "tcp", 5060, False),
        ("tls", "tls", 5061, False),
        ("sipp", "udp", 5066, True),
    }
    assert found == expected


def test_tokens_are_kept_as_hashes() -> None:
    tokens = embedded_defaults().http.token
    assert [(token.name, token.role) for token in tokens] == [
        ("demo-admin", "admin"),
        ("demo-dispatcher", "dispatcher"),
        ("demo-viewer", "viewer"),
    ]
    assert all(token.token is None and len(token.token_sha256) == 64 for token in tokens)


ROUTES: list[tuple[str, tuple[str, str, str, str, tuple[str, ...]]]] = [
    ("1019", ("subscriber", "1019", "1019", "", ())),
    ("600", ("service", "600", "600", "", ())),
    ("601", ("service", "601", "601", "", ())),
    ("602", ("service", "602", "602", "", ())),
    ("*81002", ("service", "*8", "*81002", "", ())),
    ("693", ("service", "690", "693", "", ())),
    ("7009", ("conference", "7009", "7009", "", ())),
    ("8009", ("talkgroup", "8009", "8009", "", ())),
    ("9110", ("gateway", "e1", "110", "", ())),
    ("110", ("subscriber", "1001", "1001", "", ())),
    ("5501", ("trunk", "sipp", "5501", "passthrough", ())),
    ("5502", ("trunk", "sipp", "5502", "relay", ())),
    ("5503", ("trunk", "sipp", "5503", "relay", ("PCMU",))),
    ("5504", ("trunk", "sipp", "5504", "relay", ("G722",))),
    ("5505", ("trunk", "sipp", "5505", "relay", ("opus",))),
    ("55", ("trunk", "sipp", "55", "relay", ())),
    ("5599123", ("trunk", "sipp", "5599123", "relay", ())),
]


@pytest.mark.parametrize(("called", "expected"), ROUTES, ids=[row[0] for row in ROUTES])
def test_number_leads_where_it_is_documented(called: str, expected: tuple[str, str, str, str, tuple[str, ...]]) -> None:
    query = RouteQuery("1002", "", called, "", datetime(2026, 1, 5, tzinfo=UTC))
    decision = to_plan(embedded_defaults()).route(query)
    kind, value, number, media, codecs = expected
    assert decision.destinations == [Destination(kind, value, number, 0, 0.0, media, codecs)]


def test_testers_trunk_is_matched_by_address_on_its_own_listener() -> None:
    (trunk,) = embedded_defaults().trunk
    assert (trunk.addresses, trunk.listener, trunk.host, trunk.port) == (("127.0.0.1/32",), "sipp", "127.0.0.1", 5090)


def test_plan_follows_classes_schedules_and_hunt_groups() -> None:
    settings = loads(
        '[[class_of_service]]\nname = "inside"\ndeny = ["4."]\n'
        '[[schedule]]\nname = "day"\ndays = ["mon-fri"]\nfrom = "08:00"\nuntil = "18:00"\ntimezone = "Asia/Shanghai"\n'
        '[[subscriber]]\nnumber = "1"\npassword = "password"\n[[subscriber]]\nnumber = "2"\npassword = "password"\n'
        '[[hunt_group]]\nname = "desk"\nnumber = "3"\nmembers = ["1", "2"]\nstrategy = "serial"\nring_s = 7\n'
        '[[route]]\nname = "night"\nprefix = "4"\nto = "refuse:480 closed"\n'
        '[[route]]\nname = "open"\npattern = "4!"\nschedule = "day"\nto = "hunt:desk"\n'
    )
    plan = to_plan(settings, ["9"])
    noon, night = datetime(2026, 1, 5, 4, tzinfo=UTC), datetime(2026, 1, 5, 14, tzinfo=UTC)
    ringing = [
        (place.value, place.stage, place.ring_s)
        for place in plan.route(RouteQuery("9", "", "4", "", noon)).destinations
    ]
    assert ringing == [("1", 0, 7.0), ("2", 1, 7.0)]
    closed = plan.route(RouteQuery("9", "", "4", "", night)).refused
    assert closed is not None and (closed.status, closed.reason) == (480, "closed")
    unknown = plan.route(RouteQuery("9", "inside", "77", "", noon)).refused
    assert unknown is not None and unknown.status == 404
    denied = plan.route(RouteQuery("9", "inside", "41", "", noon)).refused
    assert denied is not None and denied.status == 403
    assert known_numbers(settings, ["9"])["9"].kind == "subscriber"
