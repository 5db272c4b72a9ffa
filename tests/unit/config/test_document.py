"""docs/configuration.md says what the models say."""

from __future__ import annotations

from pathlib import Path

from softswitch.config.document import document
from softswitch.config.models import Settings

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == document(), "run: softswitch config-doc --write"


def test_every_option_is_described() -> None:
    text = document()
    assert "|  |" not in text, "an option without description"
    assert all(f"`[{name}]`" in text or f"`[[{name}]]`" in text for name in Settings.model_fields)


def test_types_bounds_defaults_and_restart_are_told() -> None:
    text = document()
    assert "| `max_forwards` | integer ≥ 1, ≤ 255 | `70` |" in text
    assert "| `register` | true or false | `false` |" in text
    assert "| `number` | text | required |" in text
    assert (
        '| `path` | text | `"softswitch.db"` | File name, taken from the data directory when relative. *restart* |'
        in text
    )
