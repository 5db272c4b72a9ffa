"""What somebody, or a rule, wants of a recording."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """How somebody wants a recording: "" as the rules say. `past_s` seconds before now belong to it.

    `party` is the only one to be kept (caller, callee, or a member's number), "" everybody.
    """

    layout: str = ""
    container: str = ""
    past_s: float = 0.0
    by: str = ""
    party: str = ""


#: Who began what the rules began.
BY_RULE = "policy"
