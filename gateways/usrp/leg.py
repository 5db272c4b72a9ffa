"""A radio as a party of a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.calls.leg import Cause, LegState, Party
from softswitch.calls.ported_leg import PortedLeg, Soon
from softswitch.calls.routing import Caller
from softswitch.sdp.formats import Codec

if TYPE_CHECKING:
    from softswitch.media import Port

#: Rooms pass G.711 on as it is and convert nothing else; the station codes and decodes the linear samples of USRP.
CODECS = (Codec("PCMA"),)
_DTMF_MEDIA_TYPE = "application/dtmf-relay"


@dataclass(slots=True)
class RadioSays:
    """Application data that a radio brings into its call; nobody waits for an answer."""

    content_type: str
    body: bytes

    def accept(self) -> None:
        """See Information."""

    def refuse(self, status: int) -> None:
        """See Information."""


class RadioLeg(PortedLeg):
    """One radio in one call; `ended` is told when that is over."""

    __slots__ = ("_ended", "_reference")

    protocol = "usrp"

    def __init__(
        self,
        leg_id: str,
        direction: str,
        party: Party,
        port: Port,
        *,
        reference: str,
        soon: Soon,
        ended: Callable[[], None],
        caller: Caller | None = None,
    ) -> None:
        super().__init__(leg_id, direction, party, port, codecs=CODECS, soon=soon, caller=caller, trusted=True)
        self._reference = reference
        self._ended = ended

    @property
    def reference(self) -> str:
        """The name of the radio."""
        return self._reference

    # -- what the radio does ----------------------------------------------------------------------------------------

    def press(self, digit: str) -> None:
        """A key of the radio's keypad."""
        body = f"Signal={digit}\r\nDuration=100\r\n".encode()
        self.observer.leg_information(self, RadioSays(_DTMF_MEDIA_TYPE, body))

    # -- PortedLeg --------------------------------------------------------------------------------------------------

    def _progress(self, status: int, *, inband: bool) -> None:
        """A radio has nothing to show it with."""

    def _take(self) -> None:
        self._soon(self._confirm)

    def _confirm(self) -> None:
        if self.state is LegState.ANSWERED:
            self.confirmed()

    def _clear(self, cause: Cause) -> None:
        self.gone(cause)
        self._ended()
