"""Builders of the requests that the registrar, the notifier and the compositor answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from softswitch.sip.address import Address
from softswitch.sip.message import Request
from softswitch.sip.registrar import Registrar, RegistrarResult, RegistrarSettings

AOR = "1001@pbx.example.com"
SOURCE = Address("udp", "192.0.2.10", 5060, "main")
WALL = 1_700_000_000.0

Fields = Sequence[tuple[str, str]]
MakeRequest = Callable[..., Request]


@pytest.fixture
def new_id() -> Callable[[], str]:
    """Identifiers that follow each other: id1, id2, …"""
    counter = itertools.count(1)
    return lambda: f"id{next(counter)}"


@pytest.fixture
def request_of() -> MakeRequest:
    """Makes a request with the mandatory fields, further fields, and a body."""

    def make(
        method: str,
        *fields: tuple[str, str],
        cseq: int = 1,
        call_id: str = "call-1",
        uri: str = "sip:1001@pbx.example.com",
        to: str = "<sip:1001@pbx.example.com>",
        via: Sequence[str] = ("SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKa",),
        body: bytes = b"",
    ) -> Request:
        return Request(
            method,
            uri,
            [
                *(("Via", value) for value in via),
                ("From", "<sip:1001@pbx.example.com>;tag=theirs"),
                ("To", to),
                ("Call-ID", call_id),
                ("CSeq", f"{cseq} {method}"),
                *fields,
            ],
            body,
        )

    return make


class Desk:
    """A registrar with a clock: `register` sends it one REGISTER."""

    def __init__(self, make: MakeRequest, new_id: Callable[[], str], settings: RegistrarSettings) -> None:
        self.registrar = Registrar(settings, new_id)
        self.now = 100.0
        self.cseq = 0
        self._make = make

    def register(
        self,
        *contacts: str,
        fields: Fields = (),
        source: Address = SOURCE,
        cseq: int | None = None,
        call_id: str = "call-1",
        aor: str = AOR,
        via: Sequence[str] | None = None,
    ) -> RegistrarResult:
        self.cseq = self.cseq + 1 if cseq is None else cseq
        if via is None:
            via = (f"SIP/2.0/{source.transport.upper()} {source.host}:{source.port};branch=z9hG4bKa",)
        request = self._make(
            "REGISTER",
            *(("Contact", contact) for contact in contacts),
            *fields,
            cseq=self.cseq,
            call_id=call_id,
            via=via,
        )
        return self.registrar.process(request, aor, source, self.now, WALL + self.now - 100.0)

    def contacts(self, aor: str = AOR) -> list[str]:
        return [binding.contact for binding in self.registrar.bindings(aor, self.now)]


@pytest.fixture
def desk_of(request_of: MakeRequest, new_id: Callable[[], str]) -> Callable[..., Desk]:
    """Makes a registrar with settings."""
    return lambda **settings: Desk(request_of, new_id, RegistrarSettings(**settings))


@pytest.fixture
def desk(desk_of: Callable[..., Desk]) -> Desk:
    """A registrar with the usual settings."""
    return desk_of()
