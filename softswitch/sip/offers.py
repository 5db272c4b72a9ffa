"""What is under way between the two sides of a session: an offer of ours, or one of the peer's (RFC 3264, RFC 6337)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.sip.client_transaction import ClientTransaction
    from softswitch.sip.dialog import Dialog
    from softswitch.sip.server_transaction import ServerTransaction

Fields = Sequence[tuple[str, str]]


class LocalOffer:
    """Our re-INVITE or UPDATE, or our offer in a 2xx or a reliable provisional, whose end is still to come.

    `method` is "INVITE", "UPDATE", "2xx" or "1xx"; `sdp` None where we ask for the peer's offer or only refresh;
    `silent` when nobody but the session timer wants to hear of it.
    """

    __slots__ = ("fields", "method", "sdp", "silent")

    def __init__(self, method: str, sdp: bytes | None, fields: Fields = (), silent: bool = False) -> None:
        self.method = method
        self.sdp = sdp
        self.fields = fields
        self.silent = silent


class RemoteOffer:
    """An offer of the peer that the owner has to answer: where it came and what the answer goes into.

    `method` as in `OfferReceived`; `server` is the transaction to answer, or None for "ACK" and our own PRACK, which
    acknowledge the CSeq or RSeq `number` in `dialog`.
    """

    __slots__ = ("client", "dialog", "method", "number", "server")

    def __init__(
        self,
        method: str,
        dialog: Dialog,
        server: ServerTransaction | None = None,
        client: ClientTransaction | None = None,
        number: int = 0,
    ) -> None:
        self.method = method
        self.dialog = dialog
        self.server = server
        self.client = client
        self.number = number
