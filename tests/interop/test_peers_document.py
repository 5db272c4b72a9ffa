"""docs/peers.md tells no more and no less than the tests prove."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
DOCUMENT = (HERE.parents[1] / "docs" / "peers.md").read_text(encoding="utf-8")


def rows() -> list[list[str]]:
    """The cells of each row of the table."""
    lines = [line for line in DOCUMENT.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_named_test_exists() -> None:
    """No row points to a file that is gone."""
    named = set(re.findall(r"`(test_\w+\.py)`", DOCUMENT))
    missing = sorted(name for name in named if not (HERE / name).is_file())
    assert named and not missing, f"docs/peers.md names tests that do not exist: {missing}"


@pytest.mark.parametrize("name", ["baresip", "pjsua", "aiosipua", "kamailio"])
def test_every_peer_has_a_row(name: str) -> None:
    """A test file of a peer is named in the table."""
    assert any(f"`test_{name}.py`" in row[3] for row in rows()), f"docs/peers.md has no row for test_{name}.py"


@pytest.mark.parametrize(("peer", "package"), [("aiosipua", "aiosipua"), ("pjsua2", "pjsua2-python")])
def test_versions_are_those_installed(peer: str, package: str) -> None:
    """The version tried is the locked one."""
    try:
        installed = metadata.version(package)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed")
    told = next(row[1] for row in rows() if row[0] == peer)
    assert installed.startswith(told), f"docs/peers.md says {peer} {told}, installed is {installed}"


def test_every_scenario_is_in_the_testing_guide_or_used() -> None:
    """No scenario lies about unused: each is run by a test or explained to testers."""
    texts = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    guide = (HERE.parents[1] / "docs" / "testing.md").read_text(encoding="utf-8")
    unused = [
        path.stem
        for path in sorted((HERE / "sipp").glob("*.xml"))
        if f'"{path.stem}"' not in texts and f"`{path.stem}`" not in guide
    ]
    assert not unused, f"scenarios that nothing uses: {unused}"
