"""REGISTER, rule by rule: RFC 3261 §10.3, RFC 3327, RFC 3608, RFC 5626."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.sip.address import Address
from softswitch.sip.binding import Binding
from softswitch.sip.registrar import RegistrarResult, RegistrarSettings

A = "<sip:1001@192.0.2.10:5060>"
B = "<sip:1001@192.0.2.20:5070;transport=tcp>"
URI_A, URI_B = A[1:-1], B[1:-1]
INSTANCE = '+sip.instance="<urn:uuid:0c67446e-f1a1-11d9-94d3-000a95a0e128>"'
OTHER_INSTANCE = '+sip.instance="<urn:uuid:11111111-f1a1-11d9-94d3-000a95a0e128>"'
OUTBOUND = ("Supported", "path, outbound")
CONNECTION = Address("tcp", "192.0.2.10", 40000, "main", 7)


def events(result: RegistrarResult) -> list[tuple[str, str]]:
    return [(change.event, change.binding.contact) for change in result.changes]


def listed(result: RegistrarResult) -> list[str]:
    return result.response.get_all("Contact")


@pytest.mark.parametrize(
    ("contact", "header", "granted"),
    [
        (f"{A};expires=600", "900", 600),
        (A, "900", 900),
        (A, None, 3600),
        (f"{A};expires=100000", None, 7200),
        (A, "99999999999999999999", 7200),
        (f"{A};expires=soon", "900", 3600),
        (f"{A};expires", "900", 3600),
        (A, "-1", 3600),
        (f"{A};expires=60", None, 60),
    ],
)
def test_lifetime_comes_from_parameter_then_header_then_default_and_is_clamped(
    desk: Any, contact: str, header: str | None, granted: int
) -> None:
    result = desk.register(contact, fields=[] if header is None else [("Expires", header)])
    assert result.response.status == 200
    assert listed(result) == [f"{A};expires={granted}"], "the 200 lists the contact with what was granted"


def test_ok_lists_all_bindings_with_what_is_left_and_a_date(desk: Any) -> None:
    desk.register(f"{A};q=0.5")
    desk.now += 600
    result = desk.register(B, call_id="call-2")
    assert listed(result) == [f"{A};expires=3000;q=0.5", f"{B};expires=3600"]
    assert result.response.get("Date") == "Tue, 14 Nov 2023 22:23:20 GMT"
    assert result.response.to.tag, "the To of the answer carries a tag"


def test_register_without_contact_asks_for_the_bindings(desk: Any) -> None:
    desk.register(A)
    result = desk.register()
    assert (result.response.status, listed(result), result.changes) == (200, [f"{A};expires=3600"], [])


@pytest.mark.parametrize(
    ("contacts", "fields", "status"),
    [
        ([f"{A};expires=59"], [], 423),
        ([A], [("Expires", "1")], 423),
        (["*"], [], 400),
        (["*"], [("Expires", "3600")], 400),
        (["*", A], [("Expires", "0")], 400),
        ([f"{A};q=1.5"], [], 400),
        ([f"{A};q=0.1234"], [], 400),
        ([f"{A};q=x"], [], 400),
        (["<tel:+15551001>"], [], 400),
        (["<mailto:someone@example.com>"], [], 400),
        (["sip:1001@192.0.2.10?Route=%3Csip:example.com%3E"], [], 400),
        (["<sip:1001@192.0.2.10"], [], 400),
        ([f"{A};{INSTANCE};reg-id=0"], [], 400),
        ([A], [("Require", "gruu")], 420),
        ([A], [("Path", "<sip:edge.example.com;lr>")], 420),
        ([A], [("Path", "<tel:+1>"), ("Supported", "path")], 400),
    ],
)
def test_bad_register_is_refused_and_changes_nothing(
    desk: Any, contacts: list[str], fields: list[tuple[str, str]], status: int
) -> None:
    desk.register(B, call_id="call-2")
    result = desk.register(*contacts, fields=fields)
    assert result.response.status == status
    assert result.changes == []
    assert desk.contacts() == [URI_B]


def test_too_brief_interval_names_the_minimum(desk_of: Any) -> None:
    result = desk_of(min_expires=120).register(f"{A};expires=119")
    assert (result.response.status, result.response.get("Min-Expires")) == (423, "120")


def test_an_hour_is_never_too_brief(desk_of: Any) -> None:
    assert desk_of(min_expires=7000).register(f"{A};expires=3600").response.status == 200


def test_unknown_required_extensions_are_named(desk: Any) -> None:
    result = desk.register(A, fields=[("Require", "path, gruu, foo")])
    assert result.response.get_all("Unsupported") == ["gruu", "foo"]


def test_one_bad_contact_spoils_the_whole_request(desk: Any) -> None:
    result = desk.register(A, f"{B};expires=5")
    assert (result.response.status, desk.contacts()) == (423, [])


def test_expires_zero_removes_that_contact_only(desk: Any) -> None:
    desk.register(A, B)
    result = desk.register(f"{A};expires=0")
    assert events(result) == [("unregistered", URI_A)]
    assert listed(result) == [f"{B};expires=3600"]


def test_removing_what_is_not_there_is_no_error(desk: Any) -> None:
    result = desk.register(f"{A};expires=0")
    assert (result.response.status, result.changes) == (200, [])


def test_wildcard_removes_everything(desk: Any) -> None:
    desk.register(A)
    desk.register(B, call_id="call-2")
    result = desk.register("*", fields=[("Expires", "0")], call_id="call-3", cseq=1)
    assert events(result) == [("unregistered", URI_A), ("unregistered", URI_B)]
    assert (listed(result), len(desk.registrar)) == ([], 0)


def test_wildcard_out_of_order_removes_nothing(desk: Any) -> None:
    desk.register(A, cseq=10)
    desk.register(B, call_id="call-2", cseq=1)
    result = desk.register("*", fields=[("Expires", "0")], cseq=9)
    assert (result.response.status, sorted(desk.contacts())) == (400, sorted([URI_A, URI_B]))


@pytest.mark.parametrize(
    ("call_id", "cseq", "status", "expires"),
    [
        ("call-1", 11, 200, 600),  # newer: refreshed
        ("call-1", 10, 200, 3600),  # repeated: answered as before
        ("call-1", 9, 400, 3600),  # overtaken: refused
        ("call-9", 1, 200, 600),  # restarted: another Call-ID counts anew
    ],
)
def test_order_is_kept_by_call_id_and_cseq(desk: Any, call_id: str, cseq: int, status: int, expires: int) -> None:
    desk.register(A, cseq=10)
    result = desk.register(f"{A};expires=600", call_id=call_id, cseq=cseq)
    assert result.response.status == status
    (binding,) = desk.registrar.bindings("1001@pbx.example.com", desk.now)
    assert binding.expires_at - desk.registrar.wall(desk.now) == expires


def test_overtaken_request_is_refused_as_a_whole(desk: Any) -> None:
    desk.register(A, cseq=10)
    result = desk.register(B, f"{A};expires=600", cseq=9)
    assert (result.response.status, desk.contacts()) == (400, [URI_A])


@pytest.mark.parametrize(
    "same",
    ["<sip:1001@192.0.2.10:5060>", "<sip:%31001@192.0.2.10:5060>", "<SIP:1001@192.0.2.10:5060;x=1>"],
)
def test_equal_uris_are_one_binding_however_they_are_written(desk: Any, same: str) -> None:
    desk.register(A)
    desk.register(same)
    assert desk.contacts() == [same[1:-1]]


@pytest.mark.parametrize(
    "other",
    ["<sip:1001@192.0.2.10>", "<sip:1001@192.0.2.10:5060;transport=tcp>", "<sip:1002@192.0.2.10:5060>"],
)
def test_different_uris_are_two_bindings(desk: Any, other: str) -> None:
    desk.register(A)
    desk.register(other)
    assert sorted(desk.contacts()) == sorted([URI_A, other[1:-1]])


def test_bindings_come_by_preference_then_by_recency(desk: Any) -> None:
    for at, contact in enumerate(["<sip:a@h1>;q=0.1", "<sip:b@h2>;q=0.9", "<sip:c@h3>;q=0.1", "<sip:d@h4>"]):
        desk.now += at
        desk.register(contact)
    assert desk.contacts() == ["sip:d@h4", "sip:b@h2", "sip:c@h3", "sip:a@h1"]


def test_refresh_tells_it_is_one_and_keeps_the_old_object_untouched(desk: Any) -> None:
    (created,) = desk.register(A, fields=[("User-Agent", "Phone/1")]).changes
    before = created.binding.expires_at
    desk.now += 60
    (refreshed,) = desk.register(A, fields=[("User-Agent", "Phone/1")]).changes
    assert (created.event, refreshed.event) == ("created", "refreshed")
    assert (created.binding.expires_at, refreshed.binding.expires_at) == (before, before + 60)
    assert refreshed.binding.user_agent == "Phone/1"


# -- limits


def test_contacts_beyond_the_limit_are_refused(desk_of: Any) -> None:
    desk = desk_of(max_contacts=2)
    desk.register(A, B)
    result = desk.register("<sip:c@h>")
    assert (result.response.status, len(desk.registrar)) == (403, 2)
    assert desk.register(A).response.status == 200, "a refresh is not a new contact"


def test_oldest_contact_makes_room_where_so_configured(desk_of: Any) -> None:
    desk = desk_of(max_contacts=2, contacts_full="replace-oldest")
    desk.register(A)
    desk.now += 1
    desk.register(B)
    result = desk.register("<sip:c@h>")
    assert events(result) == [("created", "sip:c@h"), ("deactivated", URI_A)]
    assert sorted(desk.contacts()) == sorted([URI_B, "sip:c@h"])
    assert desk.register("<sip:d@h>", "<sip:e@h>", "<sip:f@h>").response.status == 403, "three never fit in two"


def test_full_table_answers_503_with_retry_after(desk_of: Any) -> None:
    desk = desk_of(max_bindings=1, retry_after=7)
    desk.register(A)
    result = desk.register(A, aor="1002@pbx.example.com")
    assert (result.response.status, result.response.get("Retry-After")) == (503, "7")


def test_forbidden_contact_is_refused(desk_of: Any) -> None:
    desk = desk_of(contact_allowed=lambda uri: uri.host != "127.0.0.1")
    assert desk.register("<sip:x@127.0.0.1>").response.status == 403
    assert desk.register(A).response.status == 200


# -- time


def test_expiry_is_exact_for_readers_and_within_a_second_for_listeners(desk: Any) -> None:
    desk.register(f"{A};expires=60")
    desk.now += 59.9
    assert desk.contacts() == [URI_A]
    assert desk.registrar.expire(desk.now) == []
    desk.now += 0.1
    assert desk.contacts() == []
    at = desk.registrar.next_timer()
    assert at is not None and desk.now <= at <= desk.now + 1
    (change,) = desk.registrar.expire(at)
    assert (change.event, change.binding.contact, len(desk.registrar)) == ("expired", URI_A, 0)
    assert desk.registrar.next_timer() is None


def test_register_after_expiry_reports_the_end_before_the_beginning(desk: Any) -> None:
    desk.register(f"{A};expires=60")
    desk.now += 60
    assert events(desk.register(A)) == [("expired", URI_A), ("created", URI_A)]


def test_clock_set_anew_expires_nobody(desk: Any, request_of: Any) -> None:
    desk.register(A)
    request = request_of("REGISTER", ("Contact", B), call_id="call-2")
    desk.registrar.process(request, "1002@pbx.example.com", CONNECTION, desk.now + 1, 4e9)
    assert desk.registrar.expire(desk.now + 2) == []


# -- Path and Service-Route


def test_path_is_kept_echoed_and_used_as_the_route(desk: Any) -> None:
    path = [("Path", "<sip:p2.example.com;lr>, <sip:p1.example.com;lr>"), ("Supported", "path")]
    result = desk.register(A, fields=path, via=["SIP/2.0/UDP p2.example.com", "SIP/2.0/UDP 192.0.2.10"])
    assert result.response.get_all("Path") == ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]
    (binding,) = desk.registrar.bindings("1001@pbx.example.com", desk.now)
    target = binding.target
    assert target.request_uri == URI_A
    assert str(target.next_hop) == "sip:p2.example.com;lr"
    assert target.routes == ("<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>")


def test_path_the_user_agent_does_not_know_is_refused_or_kept_silently(desk_of: Any) -> None:
    path = [("Path", "<sip:p1.example.com;lr>")]
    refused = desk_of(path="strict").register(A, fields=path).response
    assert (refused.status, refused.get("Unsupported")) == (420, "path")
    lazy = desk_of(path="lazy")
    assert lazy.register(A, fields=path).response.get_all("Path") == []
    assert lazy.registrar.bindings("1001@pbx.example.com", lazy.now)[0].path == ("<sip:p1.example.com;lr>",)
    off = desk_of(path="off")
    off.register(A, fields=path)
    assert off.registrar.bindings("1001@pbx.example.com", off.now)[0].path == ()


def test_service_route_is_told(desk_of: Any) -> None:
    routes = ("<sip:out.example.com;lr>", "<sip:home.example.com;lr>")
    assert desk_of(service_route=routes).register(A).response.get_all("Service-Route") == list(routes)


# -- outbound


def flow(number: int, reg_id: int, expires: int = 3600, instance: str = INSTANCE) -> tuple[str, Address]:
    contact = f"<sip:1001@192.0.2.10:{40000 + number};transport=tcp>;{instance};reg-id={reg_id};expires={expires}"
    return contact, Address("tcp", "192.0.2.10", 40000 + number, "main", number)


def test_outbound_flow_is_promised_and_its_requests_keep_to_it(desk: Any) -> None:
    contact, source = flow(1, 1)
    response = desk.register(contact, fields=[OUTBOUND], source=source).response
    assert (response.get("Require"), response.get("Flow-Timer")) == ("outbound", "120")
    assert response.get_all("Contact")[0].endswith(f";{INSTANCE};reg-id=1")
    assert desk.registrar.bindings("1001@pbx.example.com", desk.now)[0].target.next_hop == source


def test_same_instance_and_reg_id_replaces_another_reg_id_does_not(desk: Any) -> None:
    for number, reg_id in ((1, 1), (2, 2), (3, 1)):
        contact, source = flow(number, reg_id)
        result = desk.register(contact, fields=[OUTBOUND], source=source, call_id=f"call-{number}")
    assert events(result) == [
        ("deactivated", "sip:1001@192.0.2.10:40001;transport=tcp"),
        ("created", "sip:1001@192.0.2.10:40003;transport=tcp"),
    ]
    contact, source = flow(4, 1, instance=OTHER_INSTANCE)
    desk.register(contact, fields=[OUTBOUND], source=source, call_id="call-4")
    assert sorted(binding.source.connection for binding in desk.registrar) == [2, 3, 4]


def test_two_flows_may_share_one_contact_uri(desk: Any) -> None:
    for number in (1, 2):
        source = flow(number, number)[1]
        desk.register(f"<sip:1001@a.invalid>;{INSTANCE};reg-id={number}", fields=[OUTBOUND], source=source)
    assert [b.source.connection for b in desk.registrar.bindings("1001@pbx.example.com", desk.now)] == [1, 2]


def test_reg_id_with_two_contacts_is_refused(desk: Any) -> None:
    contact, source = flow(1, 1)
    assert desk.register(contact, B, fields=[OUTBOUND], source=source).response.status == 400


def test_reg_id_without_instance_means_nothing(desk: Any) -> None:
    desk.register(f"{A};reg-id=1", fields=[OUTBOUND])
    assert desk.registrar.bindings("1001@pbx.example.com", desk.now)[0].reg_id == 0


def test_outbound_is_promised_over_udp_too(desk: Any) -> None:
    """The datagram listeners answer STUN, by which the phone keeps its flow open (RFC 5626 §3.5.2)."""
    assert desk.register(f"{A};{INSTANCE};reg-id=1", fields=[OUTBOUND]).response.get("Require") == "outbound"


@pytest.mark.parametrize(
    ("path", "supported", "status", "reg_id"),
    [
        ("<sip:edge.example.com;lr;ob>", "path, outbound", 200, 1),
        ("<sip:edge.example.com;lr>", "path, outbound", 439, None),
        (None, "path, outbound", 439, None),
        ("<sip:edge.example.com;lr>", "path", 200, 0),
    ],
)
def test_outbound_behind_a_proxy_needs_its_help(
    desk: Any, path: str | None, supported: str, status: int, reg_id: int | None
) -> None:
    fields = [("Supported", supported)] + ([("Path", path)] if path else [])
    via = ["SIP/2.0/UDP edge.example.com", "SIP/2.0/TCP 192.0.2.10"]
    result = desk.register(f"{A};{INSTANCE};reg-id=1", fields=fields, via=via)
    assert result.response.status == status
    assert [binding.reg_id for binding in desk.registrar] == ([] if reg_id is None else [reg_id])


def test_restarted_phone_takes_its_old_place(desk: Any) -> None:
    desk.register(f"{A};{INSTANCE}")
    result = desk.register(f"<sip:1001@192.0.2.10:6000>;{INSTANCE}", call_id="call-2")
    assert events(result) == [("deactivated", URI_A), ("created", "sip:1001@192.0.2.10:6000")]


def test_two_contacts_of_one_instance_in_one_request_both_stay(desk: Any) -> None:
    desk.register(f"{A};{INSTANCE}", f"{B};{INSTANCE}")
    assert sorted(desk.contacts()) == sorted([URI_A, URI_B])


def test_removal_never_falls_back_to_the_instance(desk: Any) -> None:
    desk.register(f"{A};{INSTANCE}")
    desk.register(f"{B};{INSTANCE};expires=0", call_id="call-2")
    assert desk.contacts() == [URI_A]


# -- connections and restart


@pytest.mark.parametrize(
    ("contact", "left"),
    [
        ("<sip:1001@192.0.2.10:5060;transport=tcp>", "tcp:192.0.2.10:5060"),  # listens on a port of its own
        ("<sip:1001@192.0.2.10:40000;transport=tcp>", None),  # that port is the connection's
        ("<sip:1001@10.0.0.1:5060;transport=tcp>", None),  # behind a NAT
        (f"<sip:1001@192.0.2.10:5060;transport=tcp>;{INSTANCE};reg-id=1", None),  # an outbound flow
    ],
)
def test_closed_connection_takes_along_what_only_it_led_to(desk: Any, contact: str, left: str | None) -> None:
    desk.register(contact, source=CONNECTION)
    desk.register(A, call_id="call-2")
    other = Address("tcp", "192.0.2.10", 40001, "main", 8)
    assert desk.registrar.connection_closed(other, desk.now) == []
    changes = desk.registrar.connection_closed(CONNECTION, desk.now)
    assert [change.event for change in changes] == ([] if left else ["deactivated"])
    hops = [str(b.target.next_hop) for b in desk.registrar if b.contact != URI_A]
    assert hops == ([left] if left else [])
    assert desk.registrar.connection_closed(CONNECTION, desk.now) == [], "a second notice finds nothing"


def test_refresh_over_a_new_connection_moves_the_flow(desk: Any) -> None:
    contact = "<sip:1001@10.0.0.1:5060;transport=tcp>"
    desk.register(contact, source=CONNECTION)
    newer = CONNECTION._replace(port=40001, connection=8)
    desk.register(contact, source=newer)
    assert desk.registrar.connection_closed(CONNECTION, desk.now) == []
    assert desk.registrar.bindings("1001@pbx.example.com", desk.now)[0].target.next_hop == newer


def test_restored_bindings_are_what_they_were_but_for_lost_connections(desk: Any, desk_of: Any) -> None:
    desk.register(f"{A};q=0.3;{INSTANCE}", fields=[("User-Agent", "Phone/1")])
    desk.register("<sip:1001@10.0.0.1;transport=tcp>", source=CONNECTION, call_id="call-2")
    desk.register("<sip:c@192.0.2.10:5062;transport=tcp>", source=CONNECTION, call_id="call-3")
    desk.register("<sip:d@192.0.2.10>;expires=60", call_id="call-4")
    records = [binding.as_record() for binding in desk.registrar]
    again = desk_of()
    changes = again.registrar.restore([Binding.from_record(record) for record in records], 5.0, 1_700_000_090.0)
    assert [(c.event, c.binding.contact) for c in changes] == [
        ("deactivated", "sip:1001@10.0.0.1;transport=tcp"),
        ("expired", "sip:d@192.0.2.10"),
    ]
    again.now = 5.0
    assert again.contacts() == ["sip:c@192.0.2.10:5062;transport=tcp", URI_A]
    kept = again.registrar.bindings("1001@pbx.example.com", 5.0)[1]
    assert kept.as_record() == records[0]
    result = again.register(cseq=1)
    assert listed(result)[0] == f"{A};expires=3510;q=0.3;{INSTANCE}"


def test_operator_removes_one_contact_or_all(desk: Any) -> None:
    desk.register(A, B)
    (change,) = desk.registrar.remove("1001@pbx.example.com", URI_A)
    assert (change.event, change.removed, desk.contacts()) == ("deactivated", True, [URI_B])
    assert len(desk.registrar.remove("1001@pbx.example.com")) == 1
    assert desk.registrar.remove("1001@pbx.example.com") == []


def test_outbound_switched_off_ignores_reg_id(desk_of: Any) -> None:
    desk = desk_of(outbound=False)
    contact, source = flow(1, 1)
    assert desk.register(contact, fields=[OUTBOUND], source=source).response.get("Require") is None
    assert [binding.reg_id for binding in desk.registrar] == [0]


@pytest.mark.parametrize(("q", "text"), [("1", None), ("1.000", None), ("0", "0"), ("0.", "0"), ("0.25", "0.25")])
def test_preference_is_read_and_written_back(desk: Any, q: str, text: str | None) -> None:
    desk.register(f"{A};q={q}")
    assert [binding.q_text for binding in desk.registrar] == [text]


def test_refusal_of_a_malformed_request_says_why(desk: Any) -> None:
    assert desk.register(f"{A};q=2").response.get("Warning") == '399 registrar "a q value is not between 0 and 1"'


def test_new_settings_hold_for_the_next_request(desk: Any) -> None:
    desk.registrar.configure(RegistrarSettings(min_expires=600, date=False))
    assert desk.register(f"{A};expires=300").response.get("Min-Expires") == "600"
    assert desk.register(A).response.get("Date") is None
