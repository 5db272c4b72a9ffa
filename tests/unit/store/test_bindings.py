"""Bindings go into the database and come back as they were."""

from __future__ import annotations

from pathlib import Path

from softswitch.sip.address import Address
from softswitch.sip.binding import Binding, BindingChange
from softswitch.store import Store
from softswitch.store.bindings import binding_row, row_binding

WALL = 1_780_000_000.0


def full(contact: str = "sip:1001@[2001:db8::1]:5062;transport=tcp") -> Binding:
    return Binding(
        "1001@softswitch",
        contact,
        Address("tcp", "2001:db8::1", 40000, "tcp", 7),
        WALL + 60,
        updated_at=WALL,
        q=0.7,
        call_id="abc@host",
        cseq=12,
        path=("<sip:edge1.example.com;lr>", "<sip:edge2.example.com;lr>"),
        instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>",
        reg_id=1,
        user_agent="Phone 1.0 (β)",
        nat=True,
        flow=True,
    )


def test_every_field_survives_but_the_connection() -> None:
    before = full()
    after = row_binding(binding_row(before))
    expected = before.as_record() | {"source": ["tcp", "2001:db8::1", 40000, "tcp", 0]}
    assert after.as_record() == expected, "a connection number means nothing after a restart"


def test_plain_binding_survives() -> None:
    before = Binding("1@x", "sip:1@192.0.2.1", Address("udp", "192.0.2.1", 5060), WALL + 1)
    assert row_binding(binding_row(before)).as_record() == before.as_record()


def test_changes_of_the_registrar_are_followed(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db", "batch", group_s=0)
    store.start()
    first, second = full("sip:a@192.0.2.1"), full("sip:b@192.0.2.1")
    store.save_changes([BindingChange("created", first), BindingChange("created", second)])
    store.save_changes([BindingChange("refreshed", first), BindingChange("expired", second)])
    store.flush()
    store.close()
    store = Store(tmp_path / "s.db", "batch", group_s=0)
    store.start()
    assert [binding.contact for binding in store.load_bindings(WALL)] == ["sip:a@192.0.2.1"]
    assert store.load_bindings(WALL + 61) == []
    store.close()
