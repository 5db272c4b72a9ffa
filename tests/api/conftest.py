"""A running switch for the tests of the API, with telephones; shared by the tests of one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.api.phone import Phone
from tests.interop.switch import Plan, Switch, password_of, running_switch

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
