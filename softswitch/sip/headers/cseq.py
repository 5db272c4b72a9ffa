"""CSeq (RFC 3261 §20.16) and RAck (RFC 3262 §7.2)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import is_token, parse_number

LARGEST_CSEQ = 2**31 - 1
LARGEST_RSEQ = 2**32 - 1


class CSeq(NamedTuple):
    """Sequence number (below 2**31) and method."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """A CSeq value; ProtocolError when it is malformed or too large (RFC 3261 §8.1.1.5)."""
        return _parse_cached(text) if len(text) <= 64 else _parse(text)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def _parse(text: str) -> CSeq:
    pieces = text.split()
    if len(pieces) != 2 or not is_token(pieces[1]):
        raise ProtocolError("a CSeq is number and method", section="RFC 3261 §20.16")
    return CSeq(parse_number(pieces[0], LARGEST_CSEQ, "a CSeq number", "RFC 3261 §8.1.1.5"), pieces[1])


_parse_cached = lru_cache(maxsize=4096)(_parse)


class RAck(NamedTuple):
    """What a PRACK acknowledges: the RSeq of the provisional response, and the CSeq it answered."""

    response_number: int
    cseq_number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> RAck:
        """A RAck value; ProtocolError when it is malformed."""
        pieces = text.split()
        if len(pieces) != 3 or not is_token(pieces[2]):
            raise ProtocolError("a RAck is two numbers and a method", section="RFC 3262 §7.2")
        return cls(
            parse_number(pieces[0], LARGEST_RSEQ, "an RSeq number", "RFC 3262 §7.1"),
            parse_number(pieces[1], LARGEST_CSEQ, "a CSeq number", "RFC 3261 §8.1.1.5"),
            pieces[2],
        )

    def __str__(self) -> str:
        return f"{self.response_number} {self.cseq_number} {self.method}"
