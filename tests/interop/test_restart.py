"""What survives: an orderly stop, a kill in the middle, a reload, a configuration that is broken."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.ports import free_port
from tests.interop.rawsip import RawPhone
from tests.interop.sipp_runner import Sipp, call, callee
from tests.interop.switch import Plan, Switch, password_of, wait_until
from tests.interop.test_registration import bind, identity

pytestmark = pytest.mark.needs("sipp")


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    made = Switch(Plan(), tmp_path_factory.mktemp("switch"))
    try:
        yield made
        made.stop()
    finally:
        made.kill()
        made.end_workers()


@pytest.fixture
def own(_made: Switch) -> Iterator[Switch]:
    """A switch of these tests alone, each of which ends it and starts it again; it knows what it knew before."""
    if not _made.alive:
        _made.start()
    yield _made
    assert not _made.faults(), f"faults in the log:\n{_made.log_tail()}"


def end(switch: Switch, how: str) -> None:
    """SIGTERM or SIGKILL, and start again on the same data."""
    if how == "kill":
        switch.kill()
    else:
        status = switch.stop()
        assert status == 0, f"the switch ended with {status} after SIGTERM"
    switch.start()


def register(switch: Switch, number: str) -> str:
    """Register a phone that no test had before; its contact."""
    with RawPhone(("127.0.0.1", switch.plan.sip), number, password_of(number)) as phone:
        contact = f"sip:{number}@127.0.0.1:{phone.port}"
        assert phone.register(contact=f"<{contact}>").status == 200
    return contact


def lost(switch: Switch, contacts: list[str]) -> list[str]:
    """Those contacts that the switch does not know any more."""
    kept = str(switch.registrations())
    return [contact for contact in contacts if contact not in kept]


@pytest.mark.parametrize(("how", "called"), [("terminate", "1002"), ("kill", "1019")])
def test_registrations_are_back(own: Switch, tmp_path: Path, how: str, called: str) -> None:
    """Every registration acknowledged before the end is there after it, and leads calls to the phone."""
    port = free_port()
    bind(own, tmp_path, called, port)
    contacts = [register(own, str(number)) for number in range(1003, 1015)]
    end(own, how)  # at once: nothing acknowledged may still be waiting to be written
    assert not lost(own, contacts), "registrations were lost"
    with callee("uas_call", tmp_path, "-d", "100", port=port):
        call("uac_digest_call", tmp_path, f"127.0.0.1:{own.plan.sip}", "-s", called, "-d", "300", *identity("1001"))


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_cut_calls_have_records(own: Switch, tmp_path: Path, how: str) -> None:
    """A call in progress when the switch ends is recorded: as ended by it, or as interrupted."""
    before = {record["id"] for record in own.cdrs()}
    phone = Sipp("uas_call", tmp_path, "-d", "50", port=own.plan.callee, calls=3, timeout_s=60)
    target = f"127.0.0.1:{own.plan.trunk}"
    caller = Sipp("uac_call", tmp_path, "-s", "5502", "-d", "50000", "-r", "20", target, calls=3, timeout_s=60)
    try:
        wait_until(lambda: len(own.calls()) == 3 and all("active" in str(row).lower() for row in own.calls()), 40,
                   "three calls are in progress")  # fmt: skip
        wait_until(lambda: answered_calls(own) == 3, 40, "the records of their progress are written")
        end(own, how)
        wait_until(lambda: len(own.cdrs()) >= len(before) + 3, 40, f"three more records exist: {own.cdrs()}")
        records = [record for record in own.cdrs() if record["id"] not in before]
    finally:
        caller.stop()
        phone.stop()
    assert len(records) == 3, f"three calls were cut, {len(records)} records exist"
    for record in records:
        assert record["callee"] == "5502" and record["answered_at"], f"the record is incomplete: {record}"
        if how == "kill":
            assert record["disposition"] == "interrupted", f"a killed call is recorded as {record['disposition']}"


def test_terminated_switch_says_goodbye(own: Switch, tmp_path: Path) -> None:
    """SIGTERM: both parties of a call get a BYE before the switch is gone."""
    with (
        callee("uas_call", tmp_path, "-d", "50", port=own.plan.callee),
    ):
        target = f"127.0.0.1:{own.plan.trunk}"
        caller = Sipp("uac_call_ended", tmp_path, "-s", "5501", target, timeout_s=30)
        try:
            wait_until(lambda: "active" in str(own.calls()).lower(), 40, "a call is in progress")
            assert own.stop() == 0, "the switch did not end in order"
            caller.wait()
        finally:
            caller.stop()
    own.start()


def test_killed_again_and_again(own: Switch) -> None:
    """Kill -9 at any moment: of the registrations acknowledged, none is ever missing."""
    known: list[str] = []
    numbers = iter(range(1001, 1020))
    for _ in range(2):
        known += [register(own, str(next(numbers))) for _ in range(8)]
        own.kill()
        own.start()
        assert not lost(own, known), "registrations were lost"


def test_reload_keeps_calls(own: Switch, tmp_path: Path) -> None:
    """SIGHUP reads the file again: a new subscriber is there, the call in progress goes on."""
    with (
        callee("uas_call", tmp_path, "-d", "50", port=own.plan.callee),
        RawPhone(("127.0.0.1", own.plan.trunk)) as phone,
    ):
        assert phone.invite("5502").status == 200, "a call is in progress"
        more = f'\n[[subscriber]]\nnumber = "1099"\npassword = "{password_of("1099")}"\n'
        own.config.write_text(own.plan.toml() + more)
        own.reload()
        wait_until(lambda: registers(own, "1099"), 40, "the new subscriber can register")
        assert len(own.calls()) == 1, "the call in progress was dropped by the reload"
        assert phone.bye().status == 200, "and can be hung up"


def test_broken_reload_is_refused(own: Switch, tmp_path: Path) -> None:
    """A file with a fault changes nothing; the log names the line."""
    text = own.plan.toml() + "\n[sipp]\nlisten_prot = 5\n"
    own.config.write_text(text)
    own.reload()
    wait_until(lambda: "switch.toml" in own.log_text(), 40, "the log names the file")
    assert own.process is not None and own.process.poll() is None, "the switch ended on a broken file"
    assert registers(own, "1001"), "a subscriber of the old configuration cannot register"
    line = text.splitlines().index("[sipp]") + 1
    assert f"switch.toml:{line}" in own.log_text(), f"the log does not name line {line}:\n{own.log_tail()}"
    own.log.write_text("")  # the complaint is what this test wanted
    own.config.write_text(own.plan.toml())


def answered_calls(switch: Switch) -> int:
    """How many calls in progress its file knows to be answered."""
    with contextlib.closing(sqlite3.connect(f"file:{next(switch.data.glob('*.db'))}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM open_calls WHERE answered_at IS NOT NULL").fetchone()[0])


def registers(switch: Switch, number: str) -> bool:
    """Whether a subscriber can register now."""
    with RawPhone(("127.0.0.1", switch.plan.sip), number, password_of(number)) as phone:
        return phone.register().status == 200
