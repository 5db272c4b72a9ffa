"""PUBLISH, rule by rule (RFC 3903), and the composed document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from softswitch.sip.message import Request
from softswitch.sip.packages.presence import Presence, PresenceTuple
from softswitch.sip.publication import PublicationResult, Publications, PublicationSettings

RESOURCE = "1001@pbx.example.com"
ENTITY = "sip:1001@pbx.example.com"


def pidf(*tuples: tuple[str, str]) -> bytes:
    return Presence("pres:1001@pbx.example.com", tuple(PresenceTuple(id, basic) for id, basic in tuples)).serialize()


class Desk:
    def __init__(self, make: Callable[..., Request], new_id: Callable[[], str], **options: Any) -> None:
        self.publications = Publications(PublicationSettings(**options), new_id)
        self.make = make
        self.now = 500.0

    def publish(self, *fields: tuple[str, str], body: bytes = b"", resource: str = RESOURCE) -> PublicationResult:
        given = {name for name, _ in fields}
        added = [("Event", "presence")] if "Event" not in given else []
        if body and "Content-Type" not in given:
            added.append(("Content-Type", "application/pidf+xml"))
        return self.publications.process(self.make("PUBLISH", *added, *fields, body=body), resource, self.now)

    def statuses(self) -> list[tuple[str, str | None]]:
        document = self.publications.presence(RESOURCE, ENTITY, self.now)
        return [] if document is None else [(item.id, item.basic) for item in document.tuples]


@pytest.fixture
def desk(request_of: Any, new_id: Any) -> Desk:
    return Desk(request_of, new_id)


def etag(result: PublicationResult) -> str:
    value = result.response.get("SIP-ETag")
    assert value, "every 200 to a PUBLISH carries an entity tag"
    return value


def test_publication_lives_its_life(desk: Desk) -> None:
    first = desk.publish(("Expires", "600"), body=pidf(("t", "open")))
    assert (first.response.status, first.response.get("Expires"), first.changed) == (200, "600", True)
    refreshed = desk.publish(("SIP-If-Match", etag(first)), ("Expires", "700"))
    assert (refreshed.response.status, refreshed.changed, desk.statuses()) == (200, False, [("t", "open")])
    assert etag(refreshed) != etag(first), "every answer gives a new tag"
    modified = desk.publish(("SIP-If-Match", etag(refreshed)), body=pidf(("t", "closed")))
    assert (modified.response.status, modified.changed, desk.statuses()) == (200, True, [("t", "closed")])
    removed = desk.publish(("SIP-If-Match", etag(modified)), ("Expires", "0"))
    assert (removed.response.status, removed.response.get("Expires"), removed.changed) == (200, "0", True)
    assert (len(desk.publications), desk.statuses(), desk.publications.next_timer()) == (0, [], None)


def test_used_tag_is_412_and_changes_nothing(desk: Desk) -> None:
    first = desk.publish(body=pidf(("t", "open")))
    desk.publish(("SIP-If-Match", etag(first)))
    result = desk.publish(("SIP-If-Match", etag(first)), body=pidf(("t", "closed")))
    assert (result.response.status, result.changed, desk.statuses()) == (412, False, [("t", "open")])


def test_tag_of_another_resource_is_412(desk: Desk) -> None:
    first = desk.publish(body=pidf(("t", "open")))
    assert desk.publish(("SIP-If-Match", etag(first)), resource="1002@pbx.example.com").response.status == 412


@pytest.mark.parametrize(
    ("fields", "body", "status", "field"),
    [
        ([("Event", "dialog")], pidf(), 489, ("Allow-Events", "presence")),
        ([("Expires", "5")], pidf(), 423, ("Min-Expires", "60")),
        ([("Expires", "x")], pidf(), 400, None),
        ([("Content-Type", "text/plain")], pidf(), 415, ("Accept", "application/pidf+xml")),
        ([("Content-Encoding", "gzip")], pidf(), 415, None),
        ([("Require", "foo")], pidf(), 420, ("Unsupported", "foo")),
        ([], b"", 400, None),
        ([], b"<presence/>", 400, None),
        ([], b'<!DOCTYPE x [<!ENTITY a "b">]><presence/>', 400, None),
        ([], b" " * 20_000, 413, None),
        ([("SIP-If-Match", "a"), ("SIP-If-Match", "b")], b"", 400, None),
        ([("SIP-If-Match", "nobody")], b"", 412, None),
    ],
)
def test_bad_publication_is_refused(
    desk: Desk, fields: list[tuple[str, str]], body: bytes, status: int, field: tuple[str, str] | None
) -> None:
    result = desk.publish(*fields, body=body)
    assert (result.response.status, result.changed, len(desk.publications)) == (status, False, 0)
    assert field is None or result.response.get(field[0]) == field[1]


def test_missing_event_is_489(desk: Desk) -> None:
    request = desk.make("PUBLISH", ("Content-Type", "application/pidf+xml"), body=pidf())
    assert desk.publications.process(request, RESOURCE, 0.0).response.status == 489


def test_initial_with_no_lifetime_keeps_nothing(desk: Desk) -> None:
    result = desk.publish(("Expires", "0"), body=pidf(("t", "open")))
    assert (result.response.status, result.changed, len(desk.publications)) == (200, False, 0)


def test_newest_word_about_each_means_wins(desk: Desk) -> None:
    first = desk.publish(body=pidf(("desk", "open"), ("mobile", "closed")))
    desk.publish(body=pidf(("mobile", "open")))
    assert desk.statuses() == [("mobile", "open"), ("desk", "open")]
    desk.publish(("SIP-If-Match", etag(first)))
    assert desk.statuses() == [("mobile", "open"), ("desk", "open")], "a refresh says nothing new"
    desk.publish(body=pidf(("mobile", "closed")))
    assert desk.statuses() == [("mobile", "closed"), ("desk", "open")]


def test_end_of_time_is_told_by_resource(desk: Desk) -> None:
    desk.publish(("Expires", "60"), body=pidf(("a", "open")))
    desk.publish(("Expires", "60"), body=pidf(("b", "open")))
    first = desk.publish(("Expires", "60"), body=pidf(("t", "open")), resource="1002@pbx.example.com")
    desk.now += 60
    assert desk.statuses() == []
    assert desk.publish(("SIP-If-Match", etag(first)), resource="1002@pbx.example.com").response.status == 412
    at = desk.publications.next_timer()
    assert at is not None and 560 <= at <= 561
    assert sorted(desk.publications.handle_timer(at)) == [RESOURCE, "1002@pbx.example.com"]
    assert desk.publications.handle_timer(at + 100) == []


def test_limits_hold(request_of: Any, new_id: Any) -> None:
    desk = Desk(request_of, new_id, max_publications=3, max_per_resource=2, retry_after=4)
    results = [desk.publish(body=pidf((name, "open"))) for name in "abc"]
    assert [result.response.status for result in results] == [200, 200, 403]
    assert desk.publish(body=pidf(("d", "open")), resource="x@y").response.status == 200
    full = desk.publish(body=pidf(("e", "open")), resource="z@y").response
    assert (full.status, full.get("Retry-After")) == (503, "4")
    assert desk.publish(("SIP-If-Match", etag(results[0])), body=pidf(("a", "closed"))).response.status == 200


@pytest.mark.parametrize(("registered", "basic"), [(True, ["open"]), (False, ["closed"]), (None, [])])
def test_without_publication_the_registration_speaks(desk: Desk, registered: bool | None, basic: list[str]) -> None:
    body = desk.publications.body(RESOURCE, ENTITY, desk.now, registered=registered)
    document = Presence.parse(body)
    assert (document.entity, [item.basic for item in document.tuples]) == (ENTITY, basic)
