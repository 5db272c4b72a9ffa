"""What a push-to-talk client asks outside of sessions: registers, publishes its settings and groups, raises alerts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field

from gateways.poc.affiliations import AFFILIATION, FOR_EVER_S
from gateways.poc.bodies import POC_SETTINGS, multipart
from gateways.poc.mcptt_info import CONTENT_TYPE, McpttInfo
from gateways.poc.recognition import MCPTT_REFERENCE, MCPTT_SERVICE, System, with_features
from softswitch.floor.participant_events import ParticipantSettings
from softswitch.sip.address import Address
from softswitch.sip.message import Request, Response
from softswitch.sip.packages.presence import Presence, PresenceTuple
from softswitch.sip.settings import Login
from softswitch.sip.useragent import UserAgent

_SETTINGS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<poc-settings xmlns="urn:oma:params:xml:ns:poc:poc-settings"><entity id="client">'
    "<am-settings><answer-mode>automatic</answer-mode></am-settings></entity></poc-settings>\n"
)


@dataclass(frozen=True, slots=True)
class Habits:
    """Where clients find the server, where they take floor control and audio, and how they behave."""

    server: Address
    domain: str
    contact: str
    psi: str = "mcptt-server"
    participant: ParticipantSettings = field(default_factory=ParticipantSettings)
    expires_s: int = 3600


class ClientRequests:
    """A client's identity and requests; `told` are the statuses of what it asked, by method, latest last."""

    def __init__(self, agent: UserAgent, habits: Habits, number: str, password: str, system: System) -> None:
        self.agent = agent
        self.habits = habits
        self.number = number
        self.login = Login(number, password)
        self.system = system
        self.told: list[tuple[str, int]] = []
        self.warning = ""
        self.on_told: Callable[[str, int, float], None] = lambda method, status, now: None

    @property
    def uri(self) -> str:
        """Its identity."""
        return self.uri_of(self.number)

    def uri_of(self, number: str) -> str:
        """An identity in the server's domain."""
        return f"sip:{number}@{self.habits.domain}"

    def register(self, now: float, *, expires_s: int | None = None) -> None:
        """REGISTER with the feature tags of its system; the outcome is told as `REGISTER`."""
        expires = self.habits.expires_s if expires_s is None else expires_s
        fields = [("Contact", self._contact), ("Expires", str(expires))]
        self._send("REGISTER", f"sip:{self.habits.domain}", fields, (), now)

    def publish_settings(self, now: float) -> None:
        """PUBLISH that it answers by itself."""
        parts = (self._info(), (POC_SETTINGS, _SETTINGS.encode()))
        self._send("PUBLISH", self._psi, [("Event", "poc-settings"), ("Expires", str(FOR_EVER_S))], parts, now)

    def affiliate(self, groups: list[str], now: float) -> None:
        """PUBLISH the groups it is affiliated to, all of them."""
        status = tuple(ET.Element(AFFILIATION, {"group": self.uri_of(group)}) for group in groups)
        document = Presence(self.uri, (PresenceTuple(f"client-{self.number}", status_extensions=status),))
        expires = FOR_EVER_S if groups else 0
        parts = (self._info(), ("application/pidf+xml", document.serialize()))
        self._send("PUBLISH", self._psi, [("Event", "presence"), ("Expires", str(expires))], parts, now)

    def alert(self, group: str, now: float, *, raised: bool = True, originated_by: str = "") -> None:
        """MESSAGE that raises or cancels an alert."""
        info = McpttInfo(request_uri=self.uri_of(group), alert=raised)
        if originated_by:
            info.originated_by = self.uri_of(originated_by)
        self._send("MESSAGE", self._psi, [], ((CONTENT_TYPE, info.serialize()),), now)

    def _info(self) -> tuple[str, bytes]:
        return CONTENT_TYPE, McpttInfo(request_uri=self.uri).serialize()

    @property
    def _psi(self) -> str:
        return self.uri_of(self.habits.psi)

    @property
    def _contact(self) -> str:
        return with_features(f"<sip:{self.number}@{self.habits.contact}>", self.system)

    @property
    def _service(self) -> list[tuple[str, str]]:
        if self.system is System.POC:
            return [("Accept-Contact", "*;+g.poc.talkburst;require;explicit")]
        return [
            ("Accept-Contact", "*;+g.3gpp.mcptt;require;explicit"),
            ("Accept-Contact", f'*;+g.3gpp.icsi-ref="{MCPTT_REFERENCE}";require;explicit'),
            ("P-Preferred-Service", MCPTT_SERVICE),
        ]

    def _send(
        self, method: str, uri: str, fields: list[tuple[str, str]], parts: tuple[tuple[str, bytes], ...], now: float
    ) -> None:
        own = [("From", f"<{self.uri}>"), ("To", f"<{self.uri if method == 'REGISTER' else uri}>")]
        service = [] if method == "REGISTER" else self._service
        request = Request(method, uri, [*own, *fields, *service])
        if parts:
            body, content_type = multipart(*parts)
            request.add("Content-Type", content_type)
            request.body = body
        self.agent.send(request, self.habits.server, now, owner=Asked(self, method), credentials=self.login)

    def tell(self, method: str, status: int, now: float) -> None:
        """A request of this client was answered."""
        self.told.append((method, status))
        self.on_told(method, status, now)


class Asked:
    """Who waits for the outcome of a request (`ResponseReceived`, `TransactionFailed`)."""

    __slots__ = ("_client", "_method")

    def __init__(self, client: ClientRequests, method: str) -> None:
        self._client = client
        self._method = method

    def on_response(self, response: Response, now: float) -> None:
        """It was answered."""
        if response.status >= 200:
            self._client.warning = response.get("Warning") or ""
            self._client.tell(self._method, response.status, now)

    def on_failure(self, status: int, now: float) -> None:
        """It was not."""
        self._client.tell(self._method, status, now)


__all__ = ["Asked", "ClientRequests", "Habits"]
