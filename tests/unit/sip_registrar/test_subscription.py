"""SUBSCRIBE and NOTIFY, rule by rule (RFC 6665)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from softswitch.sip.address import Address
from softswitch.sip.message import Request, Response
from softswitch.sip.packages import DIALOG, MESSAGE_SUMMARY, PRESENCE, REG
from softswitch.sip.parser import parse_message, validate
from softswitch.sip.subscription import Notifier, NotifierSettings, OutgoingNotify
from softswitch.sip.uri import SipUri

RESOURCE = "1002@pbx.example.com"
WATCHER = "1001@pbx.example.com"
SOURCE = Address("udp", "192.0.2.10", 5060, "main")
EVENT = ("Event", "dialog")
CONTACT = ("Contact", "<sip:1001@192.0.2.10:5060>")


class House:
    """A notifier of all packages with a clock; the body tells resource and version."""

    def __init__(self, make: Callable[..., Request], new_id: Callable[[], str], **options: Any) -> None:
        self.make = make
        self.now = 1000.0
        self.gone: set[str] = set()
        self.allowed = True
        settings = NotifierSettings(**options)

        def state(resource: str, version: int) -> bytes:
            if resource in self.gone:
                raise LookupError(resource)
            return f"{resource} {version}".encode()

        self.notifier = Notifier(
            [rules.serve(state) for rules in (REG, DIALOG, PRESENCE, MESSAGE_SUMMARY)],
            contact=lambda source: f"sip:127.0.0.1:5060;transport={source.transport}",
            new_id=new_id,
            authorize=lambda package, subscriber, resource: self.allowed,
            settings=settings,
        )

    def subscribe(self, *fields: tuple[str, str], **changes: Any) -> tuple[Response, list[OutgoingNotify]]:
        names = {name for name, _ in fields}
        added = [field for field in (EVENT, CONTACT) if field[0] not in names]
        source = changes.pop("source", SOURCE)
        changes.setdefault("uri", "sip:1002@pbx.example.com")
        changes.setdefault("to", "<sip:1002@pbx.example.com>")
        request = self.make("SUBSCRIBE", *added, *fields, **changes)
        return self.notifier.process(request, source, self.now)

    def again(self, response: Response, *fields: tuple[str, str], cseq: int = 2, **changes: Any) -> Any:
        return self.subscribe(*fields, cseq=cseq, to=response.get("To"), **changes)


@pytest.fixture
def house(request_of: Any, new_id: Any) -> House:
    return House(request_of, new_id)


def state_of(notify: OutgoingNotify) -> str:
    return notify.request.get("Subscription-State") or ""


def test_subscription_is_accepted_and_told_at_once(house: House) -> None:
    response, (notify,) = house.subscribe(("Event", "dialog;id=7"), ("Expires", "600"))
    assert (response.status, response.get("Expires")) == (200, "600")
    assert response.get("Contact") == "<sip:127.0.0.1:5060;transport=udp>"
    request = notify.request
    assert (request.method, request.request_uri, notify.next_hop) == ("NOTIFY", "sip:1001@192.0.2.10:5060", SOURCE)
    assert request.get("From") == response.get("To"), "our side of the dialog, with our tag"
    assert request.get("To") == "<sip:1001@pbx.example.com>;tag=theirs"
    assert (request.call_id, request.get("CSeq"), request.get("Max-Forwards")) == ("call-1", "1 NOTIFY", "70")
    assert (request.get("Event"), state_of(notify)) == ("dialog;id=7", "active;expires=600")
    assert request.get("Content-Type") == "application/dialog-info+xml"
    assert request.body == b"1002@pbx.example.com 0"


@pytest.mark.parametrize(
    ("event", "expires"), [("reg", "3761"), ("dialog", "3600"), ("presence", "3600"), ("message-summary", "3600")]
)
def test_each_package_has_its_default_lifetime(house: House, event: str, expires: str) -> None:
    response, _ = house.subscribe(("Event", event))
    assert (response.status, response.get("Expires")) == (200, expires)


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ([("Event", "conference")], 489, ("Allow-Events", "reg, dialog, presence, message-summary")),
        ([("Event", ";")], 400, None),
        ([("Expires", "59")], 423, ("Min-Expires", "60")),
        ([("Expires", "soon")], 400, None),
        ([("Accept", "application/pidf+xml")], 406, ("Accept", "application/dialog-info+xml")),
        ([("Accept", "application/dialog-info+xml;q=0")], 406, None),
        ([("Require", "eventlist")], 420, ("Unsupported", "eventlist")),
        ([("Contact", "*")], 400, None),
        ([("Contact", "<tel:+1>")], 400, None),
        ([("Record-Route", "<tel:+1>")], 400, None),
    ],
)
def test_bad_subscription_is_refused(
    house: House, fields: list[tuple[str, str]], status: int, field: tuple[str, str] | None
) -> None:
    response, notifies = house.subscribe(*fields)
    assert (response.status, notifies, len(house.notifier)) == (status, [], 0)
    assert field is None or response.get(field[0]) == field[1]


def test_missing_event_contact_or_from_tag_is_refused(house: House) -> None:
    make = house.make
    uri = "sip:1002@pbx.example.com"
    without_event = make("SUBSCRIBE", CONTACT, uri=uri)
    without_contact = make("SUBSCRIBE", EVENT, uri=uri)
    without_tag = make("SUBSCRIBE", EVENT, CONTACT, uri=uri)
    without_tag.set("From", "<sip:1001@pbx.example.com>")
    odd_uri = make("SUBSCRIBE", EVENT, CONTACT, uri="tel:1002")
    statuses = [
        house.notifier.process(request, SOURCE, 0.0)[0].status
        for request in (without_event, without_contact, without_tag, odd_uri)
    ]
    assert statuses == [489, 400, 400, 416]


@pytest.mark.parametrize("accept", ["application/dialog-info+xml", "application/*", "*/*", "text/plain, */*"])
def test_acceptable_body_is_recognized(house: House, accept: str) -> None:
    assert house.subscribe(("Accept", accept))[0].status == 200


def test_long_lifetime_is_shortened(house: House) -> None:
    assert house.subscribe(("Expires", "9999999"))[0].get("Expires") == "86400"


def test_poll_is_answered_once_and_kept_by_nobody(house: House) -> None:
    response, (notify,) = house.subscribe(("Expires", "0"))
    assert (response.status, response.get("Expires"), len(house.notifier)) == (200, "0", 0)
    assert (state_of(notify), notify.request.body) == ("terminated;reason=timeout", b"1002@pbx.example.com 0")


def test_refresh_extends_and_tells_again(house: House) -> None:
    response, (first,) = house.subscribe(("Expires", "600"))
    house.now += 500
    answer, (second,) = house.again(response, ("Expires", "700"))
    assert (answer.status, answer.get("Expires"), answer.get("To")) == (200, "700", response.get("To"))
    assert (first.id, state_of(second)) == (second.id, "active;expires=700")
    assert (second.request.get("CSeq"), second.request.body) == ("2 NOTIFY", b"1002@pbx.example.com 1")
    house.now += 699
    assert house.notifier.handle_timer(house.now) == []


def test_refresh_may_move_the_target(house: House) -> None:
    response, _ = house.subscribe()
    elsewhere = Address("udp", "192.0.2.99", 5080, "main")
    _, (notify,) = house.again(
        response, ("Contact", "<sip:1001@192.0.2.99:5080>"), source=elsewhere, via=["SIP/2.0/UDP 192.0.2.99:5080"]
    )
    assert (notify.request.request_uri, notify.next_hop) == ("sip:1001@192.0.2.99:5080", elsewhere)


def test_unsubscribe_is_told_with_the_last_state(house: House) -> None:
    response, _ = house.subscribe()
    answer, (notify,) = house.again(response, ("Expires", "0"))
    assert (answer.status, answer.get("Expires"), state_of(notify)) == (200, "0", "terminated;reason=timeout")
    assert notify.request.body == b"1002@pbx.example.com 1"
    assert (len(house.notifier), house.notifier.next_timer()) == (0, None)


@pytest.mark.parametrize(
    ("fields", "changes", "status"),
    [
        ([], {"cseq": 1}, 500),
        ([], {"call_id": "other"}, 481),
        ([("Event", "dialog;id=9")], {}, 481),
        ([("Event", "presence")], {}, 481),
        ([("Expires", "10")], {}, 423),
    ],
)
def test_odd_refresh_is_refused_and_the_subscription_stays(
    house: House, fields: list[tuple[str, str]], changes: dict[str, Any], status: int
) -> None:
    response, _ = house.subscribe()
    answer, notifies = house.again(response, *fields, **changes)
    assert (answer.status, notifies, len(house.notifier)) == (status, [], 1)


def test_refresh_of_an_unknown_tag_is_481(house: House) -> None:
    house.subscribe()
    assert house.subscribe(to="<sip:1002@pbx.example.com>;tag=nobody", cseq=2)[0].status == 481


def test_record_route_is_copied_and_followed(house: House) -> None:
    routes = [("Record-Route", "<sip:p1.example.com;lr>"), ("Record-Route", "<sip:p2.example.com;lr>")]
    response, (notify,) = house.subscribe(*routes)
    assert response.get_all("Record-Route") == ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]
    assert notify.request.get_all("Route") == ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]
    assert notify.next_hop == SipUri.parse("sip:p1.example.com;lr")
    assert notify.request.request_uri == "sip:1001@192.0.2.10:5060"


def test_strict_router_gets_the_request_in_its_own_name(house: House) -> None:
    _, (notify,) = house.subscribe(("Record-Route", "<sip:p1.example.com>, <sip:p2.example.com;lr>"))
    assert notify.request.request_uri == "sip:p1.example.com"
    assert notify.request.get_all("Route") == ["<sip:p2.example.com;lr>", "<sip:1001@192.0.2.10:5060>"]


def test_subscriber_behind_nat_is_told_along_its_flow(house: House) -> None:
    flow = Address("udp", "198.51.100.9", 33000, "main")
    _, (notify,) = house.subscribe(("Contact", "<sip:1001@192.168.1.5:5060>"), source=flow)
    assert (notify.request.request_uri, notify.next_hop) == ("sip:1001@192.168.1.5:5060", flow)


# -- publishing


def test_change_is_told_to_all_watchers_of_that_resource_and_package(house: House) -> None:
    house.subscribe(call_id="a")
    house.subscribe(call_id="b")
    house.subscribe(("Event", "presence"), call_id="c")
    house.subscribe(call_id="d", uri="sip:1003@pbx.example.com")
    house.now += 10
    notifies = house.notifier.publish("dialog", RESOURCE, house.now)
    assert [(n.request.call_id, n.request.body) for n in notifies] == [
        ("a", b"1002@pbx.example.com 1"),
        ("b", b"1002@pbx.example.com 1"),
    ]
    assert house.notifier.publish("dialog", "nobody@pbx.example.com", house.now) == []
    assert house.notifier.is_watched("dialog", RESOURCE) and not house.notifier.is_watched("reg", RESOURCE)


def test_changes_within_the_interval_are_told_together_at_its_end(house: House) -> None:
    house.subscribe()
    house.now += 0.4
    assert house.notifier.publish("dialog", RESOURCE, house.now) == []
    assert house.notifier.publish("dialog", RESOURCE, house.now) == []
    at = house.notifier.next_timer()
    assert at is not None and 1001.0 <= at <= 1001.25
    (notify,) = house.notifier.handle_timer(at)
    assert notify.request.body == b"1002@pbx.example.com 1"
    assert house.notifier.handle_timer(at + 5) == [], "told once"


def test_interval_can_be_waived() -> None:
    assert DIALOG.serve(lambda resource, version: b"", minimum_interval=0.0).minimum_interval == 0.0


def test_end_of_time_is_told_without_state(house: House) -> None:
    house.subscribe(("Expires", "60"))
    assert house.notifier.handle_timer(house.now + 59.9) == []
    at = house.notifier.next_timer()
    assert at is not None and 1060.0 <= at <= 1060.25
    (notify,) = house.notifier.handle_timer(at)
    assert (state_of(notify), notify.request.body, notify.request.get("Content-Type")) == (
        "terminated;reason=timeout",
        b"",
        None,
    )
    assert (len(house.notifier), house.notifier.next_timer()) == (0, None)


@pytest.mark.parametrize(("status", "ends"), [(481, True), (408, True), (503, True), (404, True), (500, False)])
def test_failed_notify_ends_the_subscription_where_nobody_is_there(house: House, status: int, ends: bool) -> None:
    _, (notify,) = house.subscribe()
    assert house.notifier.notify_failed(notify.id, status) is ends
    assert len(house.notifier) == (0 if ends else 1)
    assert house.notifier.notify_failed("unknown", 481) is False


def test_terminate_gives_the_reason(house: House) -> None:
    house.subscribe()
    (notify,) = house.notifier.terminate("dialog", RESOURCE, "probation", retry_after=30)
    assert state_of(notify) == "terminated;reason=probation;retry-after=30"
    assert house.notifier.terminate("dialog", RESOURCE, "noresource") == []


def test_close_ends_everything(house: House) -> None:
    house.subscribe(call_id="a")
    house.subscribe(("Event", "reg"), call_id="b")
    assert [state_of(notify) for notify in house.notifier.close()] == ["terminated;reason=deactivated"] * 2
    assert len(house.notifier) == 0


# -- who may, and how many


def test_forbidden_watcher_is_refused(house: House) -> None:
    house.allowed = False
    assert house.subscribe()[0].status == 403


def test_withdrawn_permission_ends_at_the_refresh(house: House) -> None:
    response, _ = house.subscribe()
    house.allowed = False
    answer, (notify,) = house.again(response)
    assert (answer.status, state_of(notify), len(house.notifier)) == (403, "terminated;reason=rejected", 0)


def test_authenticated_subscriber_and_resource_are_what_is_asked_about(request_of: Any, new_id: Any) -> None:
    asked: list[tuple[str, str, str]] = []

    def authorize(package: str, subscriber: str, resource: str) -> bool:
        asked.append((package, subscriber, resource))
        return True

    notifier = Notifier(
        [REG.serve(lambda resource, version: b"")], contact=lambda _: "sip:x", new_id=new_id, authorize=authorize
    )
    request = request_of("SUBSCRIBE", ("Event", "reg"), CONTACT)
    notifier.process(request, SOURCE, 0.0, subscriber="u@h", resource="r@h")
    notifier.process(request, SOURCE, 0.0)
    assert asked == [("reg", "u@h", "r@h"), ("reg", WATCHER, WATCHER)]


def test_unknown_resource_is_404_and_a_vanished_one_is_told(house: House) -> None:
    house.subscribe(call_id="a")
    response, _ = house.subscribe(call_id="b")
    house.gone.add(RESOURCE)
    assert house.subscribe(call_id="c")[0].status == 404
    answer, (notify,) = house.again(response, call_id="b")
    assert (answer.status, state_of(notify)) == (200, "terminated;reason=noresource")
    house.now += 10
    (notify,) = house.notifier.publish("dialog", RESOURCE, house.now)
    assert (notify.request.call_id, state_of(notify)) == ("a", "terminated;reason=noresource")
    assert len(house.notifier) == 0


def test_limits_hold(request_of: Any, new_id: Any) -> None:
    house = House(request_of, new_id, max_subscriptions=3, max_per_subscriber=2, retry_after=9)
    assert [house.subscribe(call_id=name)[0].status for name in "abc"] == [200, 200, 403]
    assert house.subscribe(("Expires", "0"), call_id="p")[0].status == 200, "a poll keeps nothing"
    request = request_of("SUBSCRIBE", EVENT, CONTACT, call_id="d")
    assert house.notifier.process(request, SOURCE, 0.0, subscriber="u@h")[0].status == 200
    response, _ = house.subscribe(call_id="e")
    assert (response.status, response.get("Retry-After")) == (503, "9")
    house.notifier.close()
    assert house.subscribe(call_id="f")[0].status == 200, "what ends makes room"


def test_refresh_without_contact_leaves_the_target(house: House) -> None:
    response, _ = house.subscribe()
    request = house.make("SUBSCRIBE", EVENT, cseq=2, to=response.get("To"))
    answer, (notify,) = house.notifier.process(request, SOURCE, house.now)
    assert (answer.status, notify.request.request_uri) == (200, "sip:1001@192.0.2.10:5060")


def test_notify_names_its_sender_where_so_configured(request_of: Any, new_id: Any) -> None:
    _, (notify,) = House(request_of, new_id, user_agent="switch/1", max_forwards=20).subscribe()
    assert (notify.request.get("User-Agent"), notify.request.get("Max-Forwards")) == ("switch/1", "20")


def test_notify_can_be_written_to_the_wire_once_it_has_a_via(house: House) -> None:
    _, (notify,) = house.subscribe()
    notify.request.prepend("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKn")
    parsed = parse_message(notify.request.serialize())
    assert isinstance(parsed, Request) and parsed.body == notify.request.body
    validate(parsed)


def test_subscriptions_can_be_listed(house: House) -> None:
    house.subscribe()
    assert [(item.subscriber, item.resource, item.package.name) for item in house.notifier] == [
        (WATCHER, RESOURCE, "dialog")
    ]
