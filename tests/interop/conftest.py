"""The switch under test and what of the peers is installed here."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import kamailio, namespace
from tests.interop.switch import Plan, Switch, running_switch

_HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is an interop test and may take as long as a peer needs; files with long waits come first."""
    waiting = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in waiting)
    for item in items:
        if _HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.interop)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(180))


def _missing(peer: str) -> str:
    """Why a peer cannot be used here, empty when it can."""
    if peer == "namespace":
        return "" if namespace.available() else "a network namespace needs root and iproute2"
    if peer == "root":
        return "" if os.geteuid() == 0 else "root is needed"
    if peer == "kamailio":
        return "" if kamailio.program() else "kamailio is not installed"
    if peer in ("pjsua2", "aiosipua"):
        return "" if importlib.util.find_spec(peer) else f"the package {peer} is not installed"
    return "" if shutil.which(peer) else f"{peer} is not installed"


@pytest.fixture(autouse=True)
def _peers(request: pytest.FixtureRequest) -> None:
    """Skip a test marked `needs(peer, …)` when a peer is absent, or fail it where all peers are demanded."""
    for marker in request.node.iter_markers("needs"):
        for peer in marker.args:
            reason = _missing(peer)
            if reason and os.environ.get("SOFTSWITCH_REQUIRE_PEERS"):
                pytest.fail(reason)
            if reason:
                pytest.skip(reason)


def pytest_configure(config: pytest.Config) -> None:
    """The marker of this folder."""
    config.addinivalue_line("markers", "needs(peer, …): programs or packages without which the test is skipped")


@pytest.fixture(scope="session")
def _shared_switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with running_switch(Plan(), tmp_path_factory.mktemp("switch")) as switch:
        yield switch


@pytest.fixture
def switch(_shared_switch: Switch) -> Iterator[Switch]:
    """A running switch that all tests of one process share; after each test no call is left and the log is clean."""
    if not _shared_switch.alive:  # it ended in an earlier test, which has failed for it
        _shared_switch.start()
    before, known = len(_shared_switch.faults()), frozenset(_shared_switch.call_ids())
    yield _shared_switch
    assert _shared_switch.alive, f"the switch has ended:\n{_shared_switch.log_tail()}"
    assert not _shared_switch.faults()[before:], f"faults in the log:\n{_shared_switch.log_tail()}"
    _shared_switch.wait_idle(known=known)
