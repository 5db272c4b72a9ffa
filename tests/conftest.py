"""What every test shares: the repository's root is importable, so that helpers are `tests.interop.…`.

Property tests try the same examples in every run, so that red means that something has changed. New ones are looked for
with HYPOTHESIS_PROFILE=random; what they find is mended and becomes an `@example`. How long an example takes says more
of the machine than of the code: it is no failure.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", _PATIENT, derandomize=True)
settings.register_profile("random", _PATIENT, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture
def gpl_codecs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Libraries under the GPL are allowed in this test, and forgotten behind it."""
    from mediacodecs import frames, numbering
    from softswitch.media import voices

    monkeypatch.setenv("MEDIACODECS_GPL", "1")
    voices._usable.cache_clear()
    with contextlib.suppress(OSError):  # without it, the tests that need it are skipped
        frames.load(numbering.G729)
    yield
    for module in ("mediacodecs.g729", "mediacodecs.states.g729"):
        sys.modules.pop(module, None)
    frames._table[numbering.G729 * numbering.OPERATIONS :][: numbering.OPERATIONS] = 0
    voices._usable.cache_clear()
