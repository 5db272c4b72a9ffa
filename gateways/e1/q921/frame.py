"""LAPD frames (Q.921 §2, §3): address, control field and information, without flags and FCS."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

#: N201, the longest information field in octets (Q.921 §5.9.3).
MAXIMUM_INFORMATION = 260
_FLAG = 0x10  # P/F in the octet of an unnumbered frame


class FrameError(ValueError):
    """Octets that are no frame for us; the text says why."""


class Side(Enum):
    """Which end of the interface: it decides the meaning of the C/R bit (Q.921 §3.3.2)."""

    USER = "user"
    NETWORK = "network"

    @property
    def other(self) -> Side:
        """The far end."""
        return Side.NETWORK if self is Side.USER else Side.USER


class Kind(Enum):
    """Frames by their control field (Q.921 table 5); the value is the first octet without P/F and numbers."""

    I = 0x00  # noqa: E741 - the standard's name
    RR = 0x01
    RNR = 0x05
    REJ = 0x09
    SABME = 0x6F
    DM = 0x0F
    UI = 0x03
    DISC = 0x43
    UA = 0x63
    FRMR = 0x87
    XID = 0xAF


_SUPERVISORY = {kind.value: kind for kind in (Kind.RR, Kind.RNR, Kind.REJ)}
_UNNUMBERED = {kind.value: kind for kind in (Kind.SABME, Kind.DM, Kind.UI, Kind.DISC, Kind.UA, Kind.FRMR, Kind.XID)}
_WITH_INFORMATION = frozenset({Kind.I, Kind.UI, Kind.FRMR, Kind.XID})


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `poll` is P of a command and F of a response, `sequence` N(S) and `acknowledged` N(R), modulo 128."""

    kind: Kind
    command: bool
    poll: bool = False
    sequence: int = 0
    acknowledged: int = 0
    information: bytes = b""

    @classmethod
    def parse(cls, data: bytes, sender: Side) -> Frame:
        """Read a frame that `sender` sent; raises FrameError."""
        if len(data) < 3:
            raise FrameError(f"{len(data)} octets, a frame has three at least")
        if data[0] & 0x01 or not data[1] & 0x01:
            raise FrameError("the address field is not of two octets")
        if data[0] >> 2 or data[1] >> 1:
            raise FrameError(f"SAPI {data[0] >> 2}, TEI {data[1] >> 1}: a primary rate access uses 0 and 0")
        command = bool(data[0] & 0x02) == (sender is Side.NETWORK)
        control = data[2]
        if control & 0x03 == 0x03:
            return cls._unnumbered(data, command)
        if len(data) < 4:
            raise FrameError("the second octet of the control field is missing")
        poll, acknowledged = bool(data[3] & 0x01), data[3] >> 1
        if not control & 0x01:
            if not command:
                raise FrameError("an I frame that is a response")
            if len(data) - 4 > MAXIMUM_INFORMATION:
                raise FrameError(f"{len(data) - 4} octets of information, N201 is {MAXIMUM_INFORMATION}")
            return cls(Kind.I, True, poll, control >> 1, acknowledged, data[4:])
        kind = _SUPERVISORY.get(control)
        if kind is None:
            raise FrameError(f"control field 0x{control:02x} is not defined")
        if len(data) > 4:
            raise FrameError(f"{kind.name} with an information field")
        return cls(kind, command, poll, acknowledged=acknowledged)

    @classmethod
    def _unnumbered(cls, data: bytes, command: bool) -> Frame:
        kind = _UNNUMBERED.get(data[2] & ~_FLAG)
        if kind is None:
            raise FrameError(f"control field 0x{data[2]:02x} is not defined")
        if len(data) > 3 and kind not in _WITH_INFORMATION:
            raise FrameError(f"{kind.name} with an information field")
        if len(data) - 3 > MAXIMUM_INFORMATION:
            raise FrameError(f"{len(data) - 3} octets of information, N201 is {MAXIMUM_INFORMATION}")
        return cls(kind, command, bool(data[2] & _FLAG), information=data[3:])

    def serialize(self, sender: Side) -> bytes:
        """The octets as `sender` sends them."""
        address = bytes((0x02 if self.command == (sender is Side.NETWORK) else 0x00, 0x01))
        last = self.acknowledged << 1 | self.poll
        if self.kind is Kind.I:
            return address + bytes((self.sequence << 1, last)) + self.information
        if self.kind.value in _SUPERVISORY:
            return address + bytes((self.kind.value, last))
        return address + bytes((self.kind.value | (_FLAG if self.poll else 0),)) + self.information
