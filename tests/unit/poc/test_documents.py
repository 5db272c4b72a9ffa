"""Affiliation, alerts and watchers: requests of clients outside sessions."""

from __future__ import annotations

from softswitch.events import AffiliationChanged, GroupAlert
from tests.unit.poc.world import PocWorld


def test_affiliation_is_full_state() -> None:
    world = PocWorld()
    one = world.client("1001")
    world.do(lambda: one.affiliate(["8001", "8002"], world.now))
    affiliations = world.server.context.affiliations
    assert affiliations.groups_of("1001") == ["8001", "8002"]
    world.do(lambda: one.affiliate(["8002"], world.now))
    assert affiliations.groups_of("1001") == ["8002"] and affiliations.users_of("8001") == []
    world.do(lambda: one.affiliate([], world.now))
    assert affiliations.groups_of("1001") == []
    assert [event.groups for event in world.told(AffiliationChanged)] == [("8001", "8002"), ("8002",), ()]


def test_affiliation_ends_with_its_time() -> None:
    world = PocWorld()
    affiliations = world.server.context.affiliations
    body = (
        b'<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:a="urn:3gpp:ns:mcpttPresInfo:1.0" entity="sip:1001@x">'
        b'<tuple id="c"><status><a:affiliation group="sip:8001@x"/></status></tuple></presence>'
    )
    assert affiliations.publish("1001", body, 60, world.now) == {"8001"}
    assert affiliations.expire(world.now + 59) == set() and affiliations.is_affiliated("1001", "8001")
    assert affiliations.expire(world.now + 60) == {"1001"} and not affiliations.is_affiliated("1001", "8001")


def test_an_alert_is_told_to_those_who_are_affiliated_and_can_be_cancelled() -> None:
    world = PocWorld()
    one, two, three = world.clients("1001", "1002", "1003")
    world.do(lambda: two.affiliate(["8001"], world.now))
    world.do(lambda: one.alert("8001", world.now))
    assert one.told[-1] == ("MESSAGE", 200)
    assert [m.alert for m in two.messages] == [True] and two.messages[0].calling_user == f"sip:1001@{world.domain}"
    assert not three.messages, "who is not affiliated is not told"
    assert world.server.urgency.alerts("8001") == ["1001"]
    world.do(lambda: three.alert("8001", world.now, raised=False, originated_by="1001"))
    assert three.told[-1] == ("MESSAGE", 403), "a stranger cannot cancel it"
    world.do(lambda: one.alert("8001", world.now, raised=False))
    assert world.server.urgency.alerts("8001") == []
    assert [(e.party, e.raised) for e in world.told(GroupAlert)] == [("1001", True), ("1001", False)]


def test_a_watcher_is_notified_of_affiliations() -> None:
    world = PocWorld()
    one = world.client("1001")
    fields = [("Event", "presence"), ("Expires", "3600"), ("Contact", one._contact)]
    world.do(lambda: one._send("SUBSCRIBE", one._psi, fields, (one._info(),), world.now))
    assert one.told[-1] == ("SUBSCRIBE", 200)
    world.advance(1)
    world.do(lambda: one.affiliate(["8001"], world.now))
    world.advance(1)
    notified = [m for m in world.devices["1001"].received if getattr(m, "method", "") == "NOTIFY"]
    assert b"8001" in notified[-1].body and b'status="affiliated"' in notified[-1].body
