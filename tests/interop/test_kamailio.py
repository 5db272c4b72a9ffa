"""Kamailio upstream: as a trunk behind a recorded route, as a registrar the switch registers at, over UDP and TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import kamailio
from tests.interop.kamailio import Kamailio
from tests.interop.sipp_runner import call, callee
from tests.interop.switch import Plan, Switch, running_switch, wait_until

pytestmark = pytest.mark.needs("kamailio", "sipp")


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kamailio, Switch]]:
    """Kamailio and a switch that knows it as trunks: `upstream` (registers, digest), `upstream-tls`."""
    peer = Kamailio(tmp_path_factory.mktemp("kamailio"))
    plan = Plan(isolated=False, sip_extra="verify_servers = false")  # Kamailio's certificate is signed by itself
    peer.configure(callee=plan.callee, switch_tls=plan.tls)
    plan.extra = f"""
[[trunk]]
name = "upstream"
addresses = ["127.0.0.1"]
listener = "udp"
host = "127.0.0.1"
port = {peer.udp}
username = "{kamailio.USER}"
password = "{kamailio.PASSWORD}"
register = true
register_expires_s = 120
domain = "127.0.0.1"
options_ping_s = 5
[[trunk]]
name = "upstream-tls"
addresses = ["127.0.0.1"]
listener = "tls"
host = "127.0.0.1"
port = {peer.tls}
transport = "tls"
[[route]]
name = "out-by-upstream"
pattern = "66XX"
to = "trunk:upstream"
media = "passthrough"
[[route]]
name = "out-by-upstream-relay"
pattern = "67XX"
to = "trunk:upstream"
media = "relay"
[[route]]
name = "out-by-upstream-digest"
pattern = "77XX"
to = "trunk:upstream"
media = "passthrough"
[[route]]
name = "out-by-tls"
pattern = "68XX"
to = "trunk:upstream-tls"
media = "relay"
[[route]]
name = "in-from-upstream"
pattern = "{kamailio.USER}"
to = "trunk:second"
media = "relay"
[[route]]
name = "in-from-upstream-tls"
pattern = "22XX"
to = "trunk:second"
media = "relay"
"""
    with peer, running_switch(plan, tmp_path_factory.mktemp("switch")) as switch:
        yield peer, switch


FLOWS = [
    ("uac_call", "uas_call"),
    ("uac_call_ended", "uas_call_then_bye"),
    ("uac_cancel_ringing", "uas_cancelled"),
    ("uac_rejected_486", "uas_busy"),
    ("uac_hold", "uas_held"),
    ("uac_held", "uas_hold"),
    ("uac_prack", "uas_call"),
    ("uac_late_offer", "uas_late_offer"),
    ("uac_update", "uas_held"),
]


@pytest.mark.parametrize("number", ["6601", "6701", "6801"], ids=["passthrough", "relay", "tls"])
@pytest.mark.parametrize(("uac", "uas"), FLOWS, ids=[f"{uac}-{uas}" for uac, uas in FLOWS])
def test_trunk(upstream: tuple[Kamailio, Switch], tmp_path: Path, uac: str, uas: str, number: str) -> None:
    """A call leaves through the proxy, which records its route; later requests of both sides go through it too."""
    _, switch = upstream
    with callee(uas, tmp_path, "-d", "300", port=switch.plan.callee) as phone:
        call(uac, tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", number, "-d", "300")
    assert "Record-Route:" in phone.received("INVITE")[0], "the proxy was not on the way"
    switch.wait_idle()


def test_trunk_answers_a_challenge(upstream: tuple[Kamailio, Switch], tmp_path: Path) -> None:
    """The proxy asks the INVITE for digest credentials (407) and gets the trunk's."""
    _, switch = upstream
    with callee("uas_call", tmp_path, "-d", "100", port=switch.plan.callee):
        call("uac_call", tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", "7701", "-d", "300")


def test_trunk_registers_and_is_called(upstream: tuple[Kamailio, Switch], tmp_path: Path) -> None:
    """The switch has registered at Kamailio; a call to that user reaches the switch and goes on by its routes."""
    peer, switch = upstream

    def registered() -> bool:
        return any(
            row["name"] == "upstream" and row["state"] in ("up", "registered") for row in switch.rows("/system/trunks")
        )

    wait_until(registered, 40, "the trunk is registered")
    with callee("uas_call", tmp_path, "-d", "100", port=switch.plan.callee2):
        call("uac_call", tmp_path, f"127.0.0.1:{peer.udp}", "-s", kamailio.USER, "-d", "300")


def test_call_comes_in_over_tls(upstream: tuple[Kamailio, Switch], tmp_path: Path) -> None:
    """Kamailio turns a UDP call of sipp into one over TLS to the switch."""
    peer, switch = upstream
    with callee("uas_call", tmp_path, "-d", "100", port=switch.plan.callee2):
        call("uac_call", tmp_path, f"127.0.0.1:{peer.udp}", "-s", "2201", "-d", "300")
