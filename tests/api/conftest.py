"""A running switch for the tests of the API, with telephones; shared by the tests of one process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api.phone import Phone
from tests.interop.switch import Plan, Switch, password_of, running_switch

_HERE = Path(__file__).resolve().parent
TOKENS = """
[[http.token]]
name = "desk"
token = "live-dispatcher-token"
role = "dispatcher"
[[http.token]]
name = "guest"
token = "live-viewer-token"
role = "viewer"
"""

#: Ten seconds of every call are kept; talkgroup 8001 and whatever 1003 takes part in are recorded.
RECORDING = """
[recording]
pre_record_s = 10
talkgroups = ["8001"]
subscribers = ["1003"]
minimum_free_mb = 1
group_idle_s = 2
[[talkgroup]]
number = "8001"
[[conference]]
number = "7001"
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test here may be the one for which the switch starts, on a machine that does much else."""
    for item in items:
        if _HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(180))


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """A disk of 64 MB at `place`, where this process may mount one; else only the folder."""
    place.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=False)


class ApiPlan(Plan):
    """A switch for these tests: as any, but with the security that it has by default."""

    def _security(self) -> str:
        return ""


@pytest.fixture(scope="session")
def _shared_switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with running_switch(ApiPlan(extra=TOKENS), tmp_path_factory.mktemp("api-switch")) as switch:
        yield switch


@pytest.fixture
def switch(_shared_switch: Switch) -> Iterator[Switch]:
    """The switch; after each test no call is left and its log is clean."""
    if not _shared_switch.alive:  # it ended in an earlier test, which has failed for it
        _shared_switch.start()
    before = len(_shared_switch.faults())
    yield _shared_switch
    if _shared_switch.alive:
        for row in _shared_switch.calls():  # left by a test that failed half-way
            _shared_switch.http("POST", f"/voice/calls/{row['call_id']}/disconnect")
    assert _shared_switch.alive, f"the switch has ended:\n{_shared_switch.log_tail()}"
    assert not _shared_switch.faults()[before:], f"faults in the log:\n{_shared_switch.log_tail()}"
    _shared_switch.wait_idle()


MakePhone = Callable[..., Phone]


@pytest.fixture
def phone(switch: Switch) -> Iterator[MakePhone]:
    """Makes registered telephones: `phone("1001", answer_after=0.2)`."""
    with ExitStack() as stack:

        def make(number: str, **options: Any) -> Phone:
            password = options.pop("password", password_of(number))
            return stack.enter_context(Phone((switch.plan.address, switch.plan.sip), number, password, **options))

        yield make


@pytest.fixture(scope="session")
def _shared_recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    folder = tmp_path_factory.mktemp("recorder")
    plan = ApiPlan(extra=TOKENS + RECORDING)
    with small_disk(folder / "data" / "recordings"), running_switch(plan, folder) as switch:
        yield switch


@pytest.fixture
def recorder(_shared_recorder: Switch) -> Iterator[Switch]:
    """A switch that keeps ten seconds of every call and records talkgroup 8001; no call is left after a test."""
    yield _shared_recorder
    for row in _shared_recorder.calls():
        _shared_recorder.http("POST", f"/voice/calls/{row['call_id']}/disconnect")
    _shared_recorder.wait_idle()


@pytest.fixture
def telephone(recorder: Switch) -> Iterator[MakePhone]:
    """Makes registered telephones of that switch."""
    with ExitStack() as stack:

        def make(number: str, **options: Any) -> Phone:
            where = (recorder.plan.address, recorder.plan.sip)
            return stack.enter_context(Phone(where, number, password_of(number), **options))

        yield make
