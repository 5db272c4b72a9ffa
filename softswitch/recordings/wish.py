"""What somebody, or a rule, wants of a recording."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """How somebody wants a recording: "" and None as the rules say. `past_s` seconds before now belong to it."""

    layout: str = ""
    container: str = ""
    past_s: float = 0.0
    by: str = ""


#: Who began what the rules began.
BY_RULE = "policy"
