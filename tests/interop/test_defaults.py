"""A fresh install as the README promises it: no configuration, the published ports, numbers and tokens."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.ports import _free
from tests.interop.rawsip import RawPhone
from tests.interop.sipp_runner import call, callee
from tests.interop.switch import Plan, Switch, running_switch, wait_until


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """The switch on its embedded defaults."""
    taken = [port for port in (5060, 5061, 5066, 5080, 5090, 8080) if not _free(port)]
    if taken:
        pytest.skip(f"something else uses the published ports {taken}")
    plan = Plan(demo=True, sip=5060, tls=5061, trunk=5066, http=8080, callee=5090, rtp=(30000, 39999))
    with running_switch(plan, tmp_path_factory.mktemp("fresh")) as switch:
        yield switch


def test_says_what_is_up(fresh: Switch) -> None:
    """A newcomer reads on the screen where to go and with what."""
    for word in ("5060", "8080", "1001", "600", "demo-admin"):
        said = lambda: f"{word} is in what the switch says at its start:\n{fresh.log_text()[:3000]}"  # noqa: B023, E731
        wait_until(lambda: word in fresh.log_text(), 40, said)  # noqa: B023


def test_demo_numbers_register_and_hear_the_tone(fresh: Switch) -> None:
    """Subscribers 1001 to 1019 with their published passwords; 600, 601 and 602 answer."""
    for number in ("1001", "1010", "1019"):
        with RawPhone(("127.0.0.1", 5060), number, f"demo-{number}") as phone:
            assert phone.register().status == 200, f"{number} cannot register"
            phone.register(expires=0)
    for service in ("600", "601", "602"):
        with RawPhone(("127.0.0.1", 5060), "1001", "demo-1001") as phone:
            assert phone.invite(service, "0").status == 200, f"{service} does not answer"
            assert phone.bye().status == 200


@pytest.mark.needs("sipp")
@pytest.mark.parametrize("number", ["5501", "5502"])
def test_trunk_for_testers(fresh: Switch, tmp_path: Path, number: str) -> None:
    """sipp on 5066 and 5090 makes a complete call."""
    with callee("uas_call", tmp_path, "-d", "100", port=5090):
        call("uac_call", tmp_path, "127.0.0.1:5066", "-s", number, "-d", "300", port=5080)


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/openapi.json"])
def test_pages(fresh: Switch, path: str) -> None:
    """What stands on the HTTP port."""
    request = urllib.request.Request(f"http://127.0.0.1:8080{path}", headers={"Authorization": "Bearer demo-admin"})
    with urllib.request.urlopen(request, timeout=40) as answer:
        assert answer.status == 200 and answer.read(), f"{path} is empty"


def test_tokens_have_roles(fresh: Switch) -> None:
    """The administrator may read the records; nobody may without a token."""
    assert isinstance(fresh.cdrs(), list)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen("http://127.0.0.1:8080/api/v1/data/cdrs", timeout=40)
    refused.value.close()
    assert refused.value.code == 401, f"without a token the records answered {refused.value.code}"
