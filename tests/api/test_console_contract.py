"""The console's idea of the API is the API's own: every member that it reads stands in the OpenAPI document."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator

from tests.interop.switch import ROOT, Switch

TYPES = ROOT / "console" / "src" / "api" / "types.ts"
#: What is no schema of the document: pages, problems and events.
OWN = {"Page", "Problem", "StreamEvent"}


def interfaces() -> Iterator[tuple[str, list[str]]]:
    for name, body in re.findall(r"export interface (\w+)(?:<\w+>)? \{(.*?)\n\}", TYPES.read_text(), re.S):
        if name not in OWN:
            yield name, re.findall(r"^  (\w+)\??:", body, re.M)


def test_members_that_the_console_reads_exist(switch: Switch) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{switch.plan.http}/api/v1/openapi.json", timeout=40) as answer:
        schemas = json.load(answer)["components"]["schemas"]
    found = dict(interfaces())
    assert len(found) > 15
    for name, members in found.items():
        assert name in schemas, f"{name} of types.ts is no schema of the API"
        unknown = [member for member in members if member not in schemas[name]["properties"]]
        assert not unknown, f"{name} has no {unknown}"
