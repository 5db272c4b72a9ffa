"""What a check of `softswitch doctor` found."""

from __future__ import annotations

from typing import Literal, NamedTuple

Verdict = Literal["ok", "warning", "failed"]


class Finding(NamedTuple):
    """What one check found; `remedy` is empty when nothing is to be done."""

    subject: str
    verdict: Verdict
    sentence: str
    remedy: str = ""
