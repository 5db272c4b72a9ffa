"""The directory: who exists, what they chose, and the events that tell of changes."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.config import embedded_defaults, loads
from softswitch.directory import (
    Directory,
    DirectoryEvent,
    FeaturesChanged,
    HashedPassword,
    Subscriber,
    SubscriberAdded,
    SubscriberChanged,
    SubscriberRemoved,
    from_record,
    merge,
)
from softswitch.store.records import SubscriberRecord

SECRET = HashedPassword("a" * 32, "b" * 64)


def someone(number: str, **attributes: Any) -> Subscriber:
    return Subscriber(number, SECRET, **attributes)


def drain(directory: Directory) -> list[DirectoryEvent]:
    events: list[DirectoryEvent] = []
    while (event := directory.next_event()) is not None:
        events.append(event)
    return events


def test_subscribers_are_found_by_number() -> None:
    directory = Directory([someone("1"), someone("2", class_of_service="office")])
    assert "1" in directory and "3" not in directory and len(directory) == 2
    assert sorted(subscriber.number for subscriber in directory) == ["1", "2"]
    assert (directory.class_of("2"), directory.class_of("1"), directory.class_of("3")) == ("office", "", "")
    assert directory.password_of("1") == SECRET and directory.password_of("3") is None
    assert drain(directory) == [], "what was there from the beginning is no change"


def test_secret_is_not_in_the_text_form() -> None:
    assert SECRET.md5 not in repr(someone("1"))


def test_roles() -> None:
    directory = Directory([someone("1", roles=frozenset({"dispatcher"})), someone("2")])
    assert directory.has_role("1", "dispatcher")
    assert not directory.has_role("2", "dispatcher") and not directory.has_role("9", "dispatcher")


PICKUPS = [
    ("same group", "1", "2", True),
    ("other group", "1", "3", False),
    ("no group at all", "4", "5", False),
    ("dispatcher", "6", "3", True),
    ("unknown picker", "9", "2", False),
    ("unknown ringing", "1", "9", False),
]


@pytest.mark.parametrize(("picker", "ringing", "may"), [row[1:] for row in PICKUPS], ids=[row[0] for row in PICKUPS])
def test_pickup_is_for_the_group_and_the_dispatcher(picker: str, ringing: str, may: bool) -> None:
    directory = Directory(
        [
            someone("1", pickup_group="a"),
            someone("2", pickup_group="a"),
            someone("3", pickup_group="b"),
            someone("4"),
            someone("5"),
            someone("6", roles=frozenset({"dispatcher"})),
        ]
    )
    assert directory.may_pick_up(picker, ringing) is may


def test_pickup_group_follows_changes() -> None:
    directory = Directory([someone(number, pickup_group="a") for number in "123"])
    assert directory.pickup_members("1") == {"2", "3"}
    directory.put(someone("2", pickup_group="b"))
    directory.remove("3")
    assert directory.pickup_members("1") == frozenset() and directory.pickup_members("9") == frozenset()


def test_choice_lies_over_what_was_given_and_can_be_taken_back() -> None:
    directory = Directory([someone("1", forward_all="100")])
    chosen = directory.choose("1", {"forward_all": "200", "do_not_disturb": True})
    assert (chosen.forward_all, chosen.do_not_disturb) == ("200", True)
    assert directory.get("1") is chosen
    assert drain(directory) == [FeaturesChanged("1", (("do_not_disturb", True), ("forward_all", "200")))]
    back = directory.choose("1", {"forward_all": None, "do_not_disturb": None})
    assert (back.forward_all, back.do_not_disturb) == ("100", False)
    assert drain(directory) == [FeaturesChanged("1", ())]


def test_choice_of_nothing_differs_from_no_choice() -> None:
    directory = Directory([someone("1", forward_all="100")])
    assert directory.choose("1", {"forward_all": ""}).forward_all == "", "the subscriber may switch forwarding off"


def test_same_choice_again_is_no_change() -> None:
    directory = Directory([someone("1")])
    directory.choose("1", {"do_not_disturb": True})
    drain(directory)
    directory.choose("1", {"do_not_disturb": True})
    assert drain(directory) == []


WRONG_CHOICES = [
    ("unknown feature", {"colour": "red"}, "colour is no feature"),
    ("taking back an unknown feature", {"colour": None}, "colour is no feature"),
    ("password", {"password": "x"}, "password is no feature"),
    ("number for a switch", {"do_not_disturb": 1}, "true or false"),
    ("switch for a number", {"forward_all": True}, "must be a number"),
    ("to itself", {"forward_busy": "1"}, "forwarded to itself"),
    ("with a space", {"forward_all": "1 2"}, "must be a number"),
    ("with a line end", {"forward_all": "12\r\nX"}, "must be a number"),
    ("too long", {"forward_all": "1" * 65}, "at most 64"),
    ("no time", {"no_answer_s": 0}, "seconds up to 600"),
    ("too much time", {"no_answer_s": 601}, "seconds up to 600"),
    ("no number of seconds", {"no_answer_s": float("nan")}, "seconds up to 600"),
    ("switch for a time", {"no_answer_s": True}, "seconds up to 600"),
]


@pytest.mark.parametrize(("choice", "text"), [row[1:] for row in WRONG_CHOICES], ids=[row[0] for row in WRONG_CHOICES])
def test_wrong_choice_is_refused_and_changes_nothing(choice: dict[str, Any], text: str) -> None:
    directory = Directory([someone("1")])
    with pytest.raises(ValueError, match=text):
        directory.choose("1", {"do_not_disturb": True, **choice})
    assert directory.get("1") == someone("1") and drain(directory) == []


def test_choice_of_nobody_is_refused() -> None:
    with pytest.raises(LookupError, match="no subscriber 9"):
        Directory().choose("9", {})


def test_stored_choices_are_taken_up_and_unknown_ones_left_out() -> None:
    stored: dict[str, dict[str, Any]] = {
        "1": {"forward_all": "2", "of_a_newer_release": 1},
        "gone": {"forward_all": "2"},
    }
    directory = Directory([someone("1")], stored)
    subscriber = directory.get("1")
    assert subscriber is not None and subscriber.forward_all == "2"
    assert directory.choices_of("1") == {"forward_all": "2"}


def test_stored_choices_may_come_after_the_subscribers() -> None:
    directory = Directory([someone("1", pickup_group="a"), someone("2", pickup_group="a")])
    directory.restore({"1": {"do_not_disturb": True}})
    subscriber = directory.get("1")
    assert subscriber is not None and subscriber.do_not_disturb
    assert directory.pickup_members("1") == {"2"} and drain(directory) == []


def test_reload_tells_what_came_went_and_changed_and_keeps_choices() -> None:
    directory = Directory([someone("1"), someone("2"), someone("3")])
    directory.choose("1", {"do_not_disturb": True})
    drain(directory)
    other_password = Subscriber("2", HashedPassword("c" * 32, "d" * 64))
    directory.reload([someone("1", display_name="One"), other_password, someone("4")])
    assert drain(directory) == [
        SubscriberRemoved("3"),
        SubscriberChanged("1", ("display_name",)),
        SubscriberChanged("2", (), credentials=True),
        SubscriberAdded("4"),
    ]
    one = directory.get("1")
    assert one is not None and one.do_not_disturb and one.display_name == "One"


def test_removed_subscriber_leaves_no_choice_behind() -> None:
    directory = Directory([someone("1")])
    directory.choose("1", {"do_not_disturb": True})
    assert directory.remove("1") and not directory.remove("1")
    directory.put(someone("1"))
    assert directory.choices_of("1") == {}


def test_configuration_hides_the_same_number_of_the_store() -> None:
    settings = loads(
        '[[subscriber]]\nnumber = "1"\npassword = "password"\ndisplay_name = "File"\nroles = ["dispatcher"]'
    )
    records = [
        SubscriberRecord("1", "a", "b", "Store"),
        SubscriberRecord(
            "2", "c", "d", "Two", {"class_of_service": "office", "no_answer_s": 9, "roles": ["dispatcher"]}
        ),
    ]
    one, two = merge(settings, records)
    assert (one.display_name, one.origin) == ("File", "configuration")
    assert (two.display_name, two.origin, two.class_of_service, two.no_answer_s) == ("Two", "store", "office", 9.0)
    assert two.password == HashedPassword("c", "d") and two.roles == {"dispatcher"}


def test_nonsense_in_a_stored_record_is_ignored() -> None:
    record = SubscriberRecord("1", "a", "b", "", {"class_of_service": 5, "max_calls": "x", "do_not_disturb": "yes"})
    assert from_record(record) == Subscriber("1", HashedPassword("a", "b"), origin="store")


def test_embedded_defaults_make_a_directory() -> None:
    directory = Directory(merge(embedded_defaults()))
    assert len(directory) == 19 and directory.has_role("1001", "dispatcher")
    assert "1002" in directory.pickup_members("1001")
