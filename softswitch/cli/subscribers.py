"""`softswitch subscribers`: those of the configuration are shown, those of the store can be changed.

The commands write to the database themselves and then ask a running switch to read it again.
"""

from __future__ import annotations

import getpass
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from softswitch.cli.client import Switch
from softswitch.cli.output import OK, UNREACHABLE, USAGE, CommandError, write, write_json, write_table
from softswitch.cli.sources import data_directory, settings_of, stored_subscribers

if TYPE_CHECKING:
    from softswitch.config import Settings
    from softswitch.directory import Subscriber
    from softswitch.store import Store, SubscriberRecord

MIN_PASSWORD_LENGTH = 8


def list_(arguments: Namespace) -> int:
    """Every subscriber, whether from the configuration or the store."""
    from softswitch.directory import merge

    settings = settings_of(arguments)
    rows = [_row(subscriber) for subscriber in merge(settings, stored_subscribers(arguments, settings))]
    if arguments.json:
        write_json(rows)
    else:
        columns = ("number", "display_name", "class_of_service", "roles", "origin")
        write_table("Subscribers", columns, ([row[name] for name in columns] for row in rows))
    return OK


def _row(subscriber: Subscriber) -> dict[str, object]:
    return {
        "number": subscriber.number,
        "display_name": subscriber.display_name,
        "class_of_service": subscriber.class_of_service,
        "roles": sorted(subscriber.roles),
        "origin": subscriber.origin,
    }


def add(arguments: Namespace) -> int:
    """Add a subscriber to the store; without a given password a random one is made and shown once."""
    from softswitch.store import SubscriberRecord

    settings = settings_of(arguments)
    number = _valid_number(arguments.number)
    _refuse_configured(settings, number)
    if number in _other_numbers(settings):
        raise CommandError(f"{number} is already a service, group or conference", USAGE)
    chosen = {"class_of_service": arguments.class_of_service, "pickup_group": arguments.pickup_group}
    stored: dict[str, object] = {name: value for name, value in chosen.items() if value}
    known = {entry.name for entry in settings.class_of_service}
    if arguments.class_of_service and arguments.class_of_service not in known:
        raise CommandError(f"there is no class of service {arguments.class_of_service!r}", USAGE)
    if arguments.role:
        stored["roles"] = sorted(set(arguments.role))
    password, made = _password(arguments)
    with _store(arguments, settings) as store:
        if any(record.number == number for record in store.list_subscribers()):
            raise CommandError(
                f"{number} exists already; change its password with: softswitch subscribers passwd {number}"
            )
        md5, sha256 = _hashes(settings, number, password)
        _save(store, SubscriberRecord(number, md5, sha256, arguments.name or "", stored))
    return _finish(arguments, f"added {number}", number, password if made else None)


def remove(arguments: Namespace) -> int:
    """Remove a subscriber from the store."""
    from softswitch.store import queries

    settings = settings_of(arguments)
    _refuse_configured(settings, arguments.number)
    with _store(arguments, settings) as store:
        _must_exist(store, arguments.number)
        store.write(queries.delete_subscriber(arguments.number))
        store.flush()
    return _finish(arguments, f"removed {arguments.number}", arguments.number, None)


def passwd(arguments: Namespace) -> int:
    """Give a subscriber of the store another password; for one of the configuration, print the lines to put there."""
    settings = settings_of(arguments)
    number = arguments.number
    if any(subscriber.number == number for subscriber in settings.subscriber):
        return _print_hashes(arguments, settings)
    with _store(arguments, settings) as store:
        record = _must_exist(store, number)
        password, made = _password(arguments)
        md5, sha256 = _hashes(settings, number, password)
        _save(store, record._replace(ha1_md5=md5, ha1_sha256=sha256))
    return _finish(arguments, f"changed the password of {number}", number, password if made else None)


def _print_hashes(arguments: Namespace, settings: Settings) -> int:
    password, made = _password(arguments)
    md5, sha256 = _hashes(settings, arguments.number, password)
    if arguments.json:
        shown = {"password": password} if made else {}
        write_json({"number": arguments.number, "ha1_md5": md5, "ha1_sha256": sha256, **shown})
        return OK
    write(f"{arguments.number} stands in the configuration; put these lines there, then: softswitch reload")
    write(f'ha1_md5 = "{md5}"\nha1_sha256 = "{sha256}"')
    if made:
        write(f"password (shown once): {password}")
    return OK


@contextmanager
def _store(arguments: Namespace, settings: Settings) -> Iterator[Store]:
    from softswitch.store import Store, StoreError

    store = Store(data_directory(arguments) / settings.storage.path, "full", group_s=0)
    try:
        store.start()
        try:
            yield store
        finally:
            store.close()
    except StoreError as error:
        raise CommandError(str(error)) from None


def _save(store: Store, record: SubscriberRecord) -> None:
    from softswitch.store import queries

    store.write(queries.put_subscriber(record, time.time()))
    store.flush()


def _must_exist(store: Store, number: str) -> SubscriberRecord:
    for record in store.list_subscribers():
        if record.number == number:
            return record
    raise CommandError(f"there is no subscriber {number}")


def _refuse_configured(settings: Settings, number: str) -> None:
    if any(subscriber.number == number for subscriber in settings.subscriber):
        where = settings.file or "the embedded defaults"
        raise CommandError(f"{number} stands in {where} and is changed there", USAGE)


def _other_numbers(settings: Settings) -> set[str]:
    from softswitch.config.plan import known_numbers

    return {number for number, target in known_numbers(settings).items() if target.kind != "subscriber"}


def _valid_number(number: str) -> str:
    import re

    from softswitch.config.base import NUMBER_PATTERN

    if not re.match(NUMBER_PATTERN, number):
        raise CommandError(f"{number!r} is no number (digits, letters, * # + - _ .)", USAGE)
    return number


def _password(arguments: Namespace) -> tuple[str, bool]:
    """The password to use, and whether it was made here."""
    from softswitch.config.initialise import new_password

    if arguments.stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif arguments.ask:
        password = getpass.getpass("password: ")
    else:
        return new_password(), True
    if len(password) < MIN_PASSWORD_LENGTH:
        raise CommandError(f"a password needs at least {MIN_PASSWORD_LENGTH} characters", USAGE)
    return password, False


def _hashes(settings: Settings, number: str, password: str) -> tuple[str, str]:
    from softswitch.config.models import ha1_pair

    return ha1_pair(number, settings.sip.realm, password)


def _finish(arguments: Namespace, what: str, number: str, password: str | None) -> int:
    """Tell a running switch, then the person."""
    hint = ""
    try:
        Switch.of(arguments).post("/system/reload")
    except CommandError as error:
        absent = error.status == UNREACHABLE
        hint = "no switch is running here; it takes effect at the next start" if absent else f"not told: {error}"
    if arguments.json:
        shown = {"password": password} if password else {}
        write_json({"number": number, "done": what, "switch_told": not hint, **shown})
        return OK
    write(f"{what} ({hint})" if hint else what)
    if password:
        write(f"password (shown once): {password}")
    return OK
