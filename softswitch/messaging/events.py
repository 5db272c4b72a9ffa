"""Events of messages."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from softswitch.events import Event


@dataclasses.dataclass(slots=True)
class MessageStateChanged(Event):
    """A message has come as far as `state` with one recipient; `group` is set when it was addressed to a group."""

    type: ClassVar[str] = "message.state"
    message_id: str
    sender: str
    recipient: str
    group: str
    state: str
    status: int
    reason: str
