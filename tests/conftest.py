"""What every test shares: the repository's root is importable, so that helpers are `tests.interop.…`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


@pytest.fixture
def gpl_codecs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Libraries under the GPL are allowed in this test, and forgotten behind it."""
    from mediacodecs import frames
    from softswitch.media import voices

    monkeypatch.setenv("MEDIACODECS_GPL", "1")
    voices._usable.cache_clear()
    yield
    sys.modules.pop("mediacodecs.g729", None)
    frames._table[frames.G729 * frames.OPERATIONS :][: frames.OPERATIONS] = 0
    voices._usable.cache_clear()
