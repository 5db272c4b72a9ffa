"""A coded picture as Matroska holds it, and what puts one together out of RTP payloads. Nothing is decoded."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Coded(NamedTuple):
    """One coded picture. A key picture needs none before it, and tells size (pixels) and CodecPrivate of its track."""

    codec_id: str  # Matroska's
    data: bytes
    key: bool = False
    private: bytes = b""
    width: int = 0
    height: int = 0


class Assembler(Protocol):
    """Puts the payloads of pictures together, given in order.

    What cannot be made out is left out; nothing raises, whatever the network sent.
    """

    def add(self, payload: bytes) -> None:
        """The next payload of a picture."""

    def take(self) -> Coded | None:
        """The picture whose payloads were added; None when they make none. The next one begins."""


__all__ = ["Assembler", "Coded"]
