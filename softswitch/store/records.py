"""What is kept: bindings, call detail records, subscribers, audit entries. Times are seconds of the Unix epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class BindingRecord(NamedTuple):
    """One registered contact as it is stored (RFC 3261 §10.3); `source` is transport, host, port
    and listener with spaces between, `path` one URI a line."""

    aor: str
    contact: str
    q: float
    expires_at: float
    updated_at: float
    call_id: str
    cseq: int
    path: str = ""
    source: str = ""
    instance: str = ""
    reg_id: int = 0
    user_agent: str = ""
    nat: bool = False
    flow: bool = False


@dataclass(slots=True)
class CallRecord:
    """One call detail record; `legs` and `details` are plain JSON values, times are None where it never came so far."""

    id: str
    node: str
    caller: str
    callee: str
    started_at: float
    answered_at: float | None
    ended_at: float
    disposition: str
    sip_code: int = 0
    q850_cause: int = 0
    released_by: str = ""
    talkgroup: str = ""
    legs: list[dict[str, Any]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def duration_ms(self) -> int:
        """From the first INVITE to the end, in milliseconds."""
        return round((self.ended_at - self.started_at) * 1000)

    @property
    def billsec_ms(self) -> int:
        """From the answer to the end, in milliseconds; 0 when it was not answered."""
        return 0 if self.answered_at is None else round((self.ended_at - self.answered_at) * 1000)


class SubscriberRecord(NamedTuple):
    """A subscriber that was added while running; its password exists only as HA1 values."""

    number: str
    ha1_md5: str
    ha1_sha256: str
    display_name: str = ""
    settings: Mapping[str, Any] = {}


class AuditRecord(NamedTuple):
    """One action of a person or program; `hash` covers the entry and the hash of the one before."""

    sequence: int
    time: float
    actor: str
    role: str
    action: str
    subject: str
    details: dict[str, Any]
    previous_hash: str
    hash: str
