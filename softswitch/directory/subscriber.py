"""A subscriber as the running switch knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

FEATURES = ("forward_all", "forward_busy", "forward_no_answer", "no_answer_s", "do_not_disturb")
"""What a subscriber may choose while the switch runs; each is an attribute of `Subscriber`."""


class HashedPassword(NamedTuple):
    """HA1 values of one user, lower-case hexadecimal (RFC 7616 §3.4.2); empty when that algorithm is not stored."""

    md5: str
    sha256: str


@dataclass(slots=True)
class Subscriber:
    """One number: identity, rights and call features. `origin` is "configuration" or "store"."""

    number: str
    password: HashedPassword
    display_name: str = ""
    roles: frozenset[str] = frozenset()
    class_of_service: str = ""
    pickup_group: str = ""
    max_calls: int = 0
    forward_all: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    no_answer_s: float = 25.0
    do_not_disturb: bool = False
    srtp: str = ""
    srtp_keying: str = ""
    dtmf: str = ""
    origin: str = "configuration"

    def __repr__(self) -> str:
        return f"Subscriber({self.number!r}, {self.display_name!r}, origin={self.origin!r})"
