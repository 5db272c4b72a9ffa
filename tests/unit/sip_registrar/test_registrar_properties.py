"""What holds for the registrar and the expiry wheel after any sequence of events."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sip.address import Address
from softswitch.sip.expiry import ExpiryWheel
from softswitch.sip.message import Request
from softswitch.sip.registrar import Registrar, RegistrarSettings

USERS = ("a@x", "b@x")
HOSTS = ("192.0.2.1", "10.0.0.1", "phone.example.com")


class Item:
    def __init__(self, name: int) -> None:
        self.name = name
        self.bucket = -1


@given(st.lists(st.tuples(st.sampled_from(["add", "move", "discard", "due"]), st.integers(0, 9), st.floats(0, 100))))
def test_wheel_gives_each_item_once_never_early_and_at_most_a_width_late(steps: list[tuple[str, int, float]]) -> None:
    wheel: ExpiryWheel[Item] = ExpiryWheel(width=2.0)
    items = [Item(name) for name in range(10)]
    deadlines: dict[int, float] = {}
    now = 0.0
    for step, name, value in steps:
        if step == "due":
            now = max(now, value)
            due = {item.name for item in wheel.due(now)}
            assert all(deadlines[item] <= now for item in due), "nothing ends before its deadline"
            late = [item for item, at in deadlines.items() if at + 2.0 <= now and item not in due]
            assert not late, "nothing ends later than a bucket's width"
            for item in due:
                del deadlines[item]
        elif step == "discard":
            wheel.discard(items[name])
            deadlines.pop(name, None)
        elif (step == "add") == (name not in deadlines):
            (wheel.add if step == "add" else wheel.move)(items[name], now + value)
            deadlines[name] = now + value
        next_at = wheel.next_at()
        assert (next_at is None) == (not deadlines)
        assert next_at is None or min(deadlines.values()) <= next_at <= min(deadlines.values()) + 2.0


@st.composite
def registers(draw: Any) -> tuple[str, int, list[str], int, float]:
    contacts = draw(
        st.lists(
            st.builds(
                lambda host, port, expires, extra: f"<sip:u@{host}:{port}>;expires={expires}{extra}",
                st.sampled_from(HOSTS),
                st.integers(5060, 5062),
                st.sampled_from([0, 30, 60, 300]),
                st.sampled_from(["", ';+sip.instance="<urn:uuid:1>"', ';+sip.instance="<urn:uuid:1>";reg-id=1']),
            ),
            max_size=3,
        )
    )
    return (
        draw(st.sampled_from(USERS)),
        draw(st.integers(1, 5)),
        contacts,
        draw(st.integers(0, 3)),
        draw(st.sampled_from([0.0, 1.0, 59.0, 400.0])),
    )


@settings(max_examples=150)
@given(st.lists(registers(), max_size=12))
def test_table_expiry_and_connections_stay_in_step(steps: list[tuple[str, int, list[str], int, float]]) -> None:
    ids = itertools.count()
    registrar = Registrar(RegistrarSettings(max_contacts=3), lambda: f"t{next(ids)}")
    present: dict[tuple[str, str], int] = {}
    now = 50.0
    for aor, cseq, contacts, connection, wait in steps:
        now += wait
        source = Address("tcp" if connection else "udp", "192.0.2.1", 5060, "", connection)
        fields = [
            ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx"),
            ("From", f"<sip:{aor}>;tag=1"),
            ("To", f"<sip:{aor}>"),
            ("Call-ID", "c"),
            ("CSeq", f"{cseq} REGISTER"),
            *(("Contact", contact) for contact in contacts),
        ]
        result = registrar.process(Request("REGISTER", "sip:x", fields), aor, source, now, 1e9 + now)
        changes = result.changes + (registrar.connection_closed(source, now) if connection == 3 else [])
        assert result.response.status in (200, 400, 403, 423)
        for change in changes:
            key = (change.binding.aor, change.binding.contact)
            present[key] = present.get(key, 0) + (-1 if change.removed else change.event == "created")
        live = {aor: [b.contact for b in registrar.bindings(aor, now)] for aor in USERS}
        told = {aor: sorted(c for (a, c), n in present.items() if a == aor and n > 0) for aor in USERS}
        for aor in USERS:
            gone = [b.contact for b in registrar if b.aor == aor and b.expires_at <= registrar.wall(now)]
            assert sorted(live[aor] + gone) == told[aor], "the changes told add up to the bindings held"
            assert len(live[aor]) <= 3
        assert len(registrar) == sum(1 for _ in registrar)
    registrar.expire(now + 10_000)
    assert (len(registrar), registrar.next_timer()) == (0, None), "in the end everything ends"
