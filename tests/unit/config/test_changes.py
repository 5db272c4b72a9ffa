"""What a reload would change, and what has to wait."""

from __future__ import annotations

import pytest

from softswitch.config import changes, loads

BASE = """
[sip]
max_calls = 10
[[sip.listen]]
name = "udp"
[[subscriber]]
number = "1"
password = "password one"
[[hunt_group]]
name = "desk"
members = ["1"]
[[route]]
name = "a"
prefix = "2"
to = "subscriber"
[[route]]
name = "b"
prefix = "3"
to = "subscriber"
"""

ROWS = [
    ("value", ("max_calls = 10", "max_calls = 11"), ["sip.max_calls changed: 10 → 11"]),
    (
        "value for the next start",
        ("[sip]", "[rtp]\nfirst_port = 31000\n[sip]"),
        ["rtp.first_port changed: 30000 → 31000 (takes effect after a restart)"],
    ),
    (
        "listener",
        ('name = "udp"', 'name = "udp"\nport = 5062'),
        ["sip.listen.udp.port changed: 5060 → 5062 (takes effect after a restart)"],
    ),
    ("secret", ("password one", "password two"), ["subscriber.1 changed"]),
    (
        "name of a member",
        ('members = ["1"]', 'members = ["1"]\nring_s = 5'),
        ["hunt_group.desk.ring_s changed: 20 → 5.0"],
    ),
    (
        "entry more",
        ("[[hunt_group]]", '[[subscriber]]\nnumber = "9"\npassword = "password"\n[[hunt_group]]'),
        ["subscriber.9 added"],
    ),
    ("entry less", ('[[hunt_group]]\nname = "desk"\nmembers = ["1"]', ""), ["hunt_group.desk removed"]),
    ("nothing", ("", ""), []),
]


@pytest.mark.parametrize(("edit", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_difference_is_told(edit: tuple[str, str], expected: list[str]) -> None:
    new = loads(BASE.replace(*edit) if edit[0] else BASE)
    assert [str(change) for change in changes(loads(BASE), new)] == expected


def test_order_of_routes_is_a_change() -> None:
    first, second = BASE.split('[[route]]\nname = "b"')
    swapped = first.replace('[[route]]\nname = "a"', '[[route]]\nname = "b"' + second + '[[route]]\nname = "a"')
    assert [str(change) for change in changes(loads(BASE), loads(swapped))] == ["route (order) changed"]


def test_secret_values_are_not_told() -> None:
    old, new = loads('[hep]\npassword = "old-secret"'), loads('[hep]\npassword = "new-secret"')
    assert [str(change) for change in changes(old, new)] == ["hep.password changed: (hidden) → (hidden)"]
