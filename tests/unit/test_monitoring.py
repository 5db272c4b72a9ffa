"""The dashboard and the alert rules ask for metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "monitoring"
METRIC = re.compile(r"\bsoftswitch_([a-z_]+)")


def known() -> str:
    """The sources in which metrics are named."""
    files = [*(ROOT / "softswitch").glob("*/*_metrics.py"), ROOT / "softswitch/runtime/metrics.py"]
    files += [ROOT / "softswitch/control/control.py"]
    return "".join(file.read_text() for file in files)


def expressions() -> list[str]:
    dashboard: dict[str, Any] = json.loads((FOLDER / "grafana.json").read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return found + re.findall(r"expr: (.*)", (FOLDER / "alerts.yml").read_text())


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_asked_for_exists(expression: str) -> None:
    assert expression.count("(") == expression.count(")")
    source = known()
    for name in METRIC.findall(expression):
        base = re.sub(r"_(total|bucket|sum|count)$", "", name)
        named = base in source or (base.startswith("media_") and f'"{base.removeprefix("media_")}"' in source)
        assert named, f"{name} is no metric of the switch"


def test_every_metric_that_the_console_draws_exists() -> None:
    drawn = {
        name for file in (ROOT / "console" / "src").rglob("*.tsx") for name in METRIC.findall(file.read_text("utf-8"))
    }
    assert drawn, "the console draws metrics"
    for name in drawn:
        assert f'"{name}"' in known() or f'"{name.removeprefix("media_")}"' in known(), f"{name} is no metric"


def test_alert_rules_are_complete() -> None:
    yaml = pytest.importorskip("yaml")
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    assert group["rules"], "there are rules"
    for rule in group["rules"]:
        assert {"alert", "expr", "labels", "annotations"} <= set(rule), rule
