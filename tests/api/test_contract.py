"""The OpenAPI document holds: schemathesis asks everything it describes, with good and bad values, as every role."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import TOKENS, ApiPlan
from tests.interop.switch import ROOT, TOKEN, Switch

pytest.importorskip("schemathesis")
#: Streams do not end, a reload would read the file that the tests run on, and access rules would refuse all the rest.
LEFT_OUT = r"/(events|system/trace|system/reload|system/access_rules)$"


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch of its own: what is asked here bans addresses, takes registrations away, leaves groups behind."""
    found = Switch(ApiPlan(extra=TOKENS), tmp_path_factory.mktemp("contract"))
    try:
        found.start()
        yield found
        assert found.alive, f"the switch has ended:\n{found.log_tail()}"
        assert not found.faults(), f"faults in the log:\n{found.log_tail()}"
    finally:
        found.kill()
        found.end_workers()


@pytest.mark.slow
@pytest.mark.timeout(420)
@pytest.mark.parametrize(
    ("token", "phases", "narrower"),
    # What a viewer may not do is refused before anything else; tests/unit/api/test_matrix.py shows it of every route.
    # What it may read is answered by the same code, which the first run has asked at every limit of every member.
    [
        (TOKEN, "examples,coverage,fuzzing", []),
        ("live-viewer-token", "examples,fuzzing", ["--include-method", "GET"]),
    ],
    ids=["admin", "viewer"],
)
def test_server_keeps_its_contract(
    switch: Switch, tmp_path: Path, token: str, phases: str, narrower: list[str]
) -> None:
    """No 5xx, no status and no body that the document does not allow, nothing accepted that it forbids.

    Every operation gets the document's examples, each limit of each member just kept and just not, and some random
    requests. How many is fixed, and so is the seed: the same requests each time, in half a minute.
    """
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"http://127.0.0.1:{switch.plan.http}/api/v1/openapi.json",
        "--header",
        f"Authorization: Bearer {token}",
        "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--phases",
        phases,
        "--exclude-path-regex",
        LEFT_OUT,
        *narrower,
        "--max-examples",
        "2",
        "--request-timeout",
        "30",
        "--seed",
        "5",
        "--no-color",
        "--warnings",
        "off",
    ]
    environment = {
        **os.environ,
        "PYTHONWARNINGS": "ignore",
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.api.contract_hooks",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path),
    }
    outcome = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=410, env=environment, check=False
    )
    assert outcome.returncode == 0, f"{outcome.stdout[-6000:]}\n{outcome.stderr[-2000:]}"


def test_every_operation_is_described_with_its_errors(switch: Switch) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{switch.plan.http}/api/v1/openapi.json", timeout=40) as answer:
        document = json.load(answer)
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            what = f"{method} {path}"
            assert operation["summary"] and operation["tags"], what
            assert {"401", "403", "422"} <= operation["responses"].keys(), what
            assert any(status[0] in "12" for status in operation["responses"]), what
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    missing = [path for path in document["paths"] if path.removeprefix("/api/v1") not in text]
    assert not missing, f"docs/api.md does not speak of {missing}"
