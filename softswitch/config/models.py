"""The whole configuration, one frozen tree: `Settings` (softswitch.config.load makes it from a TOML file)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

from pydantic import Field, PrivateAttr, model_validator

from softswitch.config.base import Section, is_loopback, split_target
from softswitch.config.dispatch import LocationSettings, MessagingSettings
from softswitch.config.gateways import GatewaysSettings
from softswitch.config.http import AccessRuleSettings, HttpSettings, TokenSettings
from softswitch.config.media import RecordingSettings, RtpSettings
from softswitch.config.numbering import (
    ClassOfServiceSettings,
    ConferenceSettings,
    DepartmentSettings,
    EmergencySettings,
    HuntGroupSettings,
    QueueSettings,
    RouteSettings,
    ScheduleSettings,
    ServiceSettings,
    SubscriberSettings,
    TalkgroupSettings,
    TrunkSettings,
)
from softswitch.config.observability import LadderSettings, QualitySettings
from softswitch.config.sip import ListenSettings, SipSettings
from softswitch.config.system import HepSettings, LoggingSettings, NodeSettings, SecuritySettings, StorageSettings
from softswitch.config.vocoder import VocoderSettings

__all__ = [
    "AccessRuleSettings",
    "ClassOfServiceSettings",
    "ConferenceSettings",
    "DepartmentSettings",
    "EmergencySettings",
    "GatewaysSettings",
    "HepSettings",
    "HttpSettings",
    "HuntGroupSettings",
    "LadderSettings",
    "ListenSettings",
    "LocationSettings",
    "LoggingSettings",
    "MessagingSettings",
    "NodeSettings",
    "QualitySettings",
    "QueueSettings",
    "RecordingSettings",
    "RouteSettings",
    "RtpSettings",
    "ScheduleSettings",
    "SecuritySettings",
    "ServiceSettings",
    "Settings",
    "SipSettings",
    "StorageSettings",
    "SubscriberSettings",
    "TalkgroupSettings",
    "TokenSettings",
    "TrunkSettings",
    "VocoderSettings",
    "ha1_pair",
    "split_target",
]


def ha1_pair(user: str, realm: str, password: str) -> tuple[str, str]:
    """HA1 of a user by MD5 and by SHA-256, lower-case hexadecimal (RFC 7616 §3.4.2)."""
    secret = f"{user}:{realm}:{password}".encode()
    return hashlib.md5(secret, usedforsecurity=False).hexdigest(), hashlib.sha256(secret).hexdigest()


class Settings(Section):
    """The configuration of one switch. Every section may be left out of the file."""

    node: NodeSettings = Field(default_factory=NodeSettings, description="Who this switch is.")
    sip: SipSettings = Field(default_factory=SipSettings, description="SIP.")
    rtp: RtpSettings = Field(default_factory=RtpSettings, description="Media ports.")
    http: HttpSettings = Field(default_factory=HttpSettings, description="Control API and console.")
    storage: StorageSettings = Field(default_factory=StorageSettings, description="Database.")
    recording: RecordingSettings = Field(default_factory=RecordingSettings, description="Recordings.")
    messaging: MessagingSettings = Field(default_factory=MessagingSettings, description="Short messages.")
    location: LocationSettings = Field(default_factory=LocationSettings, description="Positions.")
    security: SecuritySettings = Field(default_factory=SecuritySettings, description="Limits and bans.")
    logging: LoggingSettings = Field(default_factory=LoggingSettings, description="Log output.")
    quality: QualitySettings = Field(default_factory=QualitySettings, description="How calls sound.")
    ladder: LadderSettings = Field(default_factory=LadderSettings, description="Signalling kept of calls.")
    hep: HepSettings = Field(default_factory=HepSettings, description="Copy of the signalling.")
    emergency: EmergencySettings = Field(default_factory=EmergencySettings, description="Emergency numbers.")
    subscriber: tuple[SubscriberSettings, ...] = Field(default=(), description="Subscribers.")
    trunk: tuple[TrunkSettings, ...] = Field(default=(), description="Trunks.")
    route: tuple[RouteSettings, ...] = Field(default=(), description="Routes, first match wins.")
    hunt_group: tuple[HuntGroupSettings, ...] = Field(default=(), description="Hunt groups.")
    class_of_service: tuple[ClassOfServiceSettings, ...] = Field(default=(), description="Classes of service.")
    schedule: tuple[ScheduleSettings, ...] = Field(default=(), description="Schedules.")
    service: tuple[ServiceSettings, ...] = Field(default=(), description="Services.")
    conference: tuple[ConferenceSettings, ...] = Field(default=(), description="Conferences.")
    queue: tuple[QueueSettings, ...] = Field(default=(), description="Call queues.")
    gateways: GatewaysSettings = Field(default_factory=GatewaysSettings, description="Gateways.")
    talkgroup: tuple[TalkgroupSettings, ...] = Field(default=(), description="Talkgroups.")
    department: tuple[DepartmentSettings, ...] = Field(default=(), description="Departments.")
    access_rule: tuple[AccessRuleSettings, ...] = Field(default=(), description="Attribute rules, first match wins.")
    vocoder: tuple[VocoderSettings, ...] = Field(default=(), description="Vocoders of digital radio.")

    _file: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """The file this was read from, for a reload; None for the embedded defaults."""
        return self._file

    @model_validator(mode="after")
    def _seal_passwords(self) -> Self:
        """Keep HA1 values only: they depend on the realm, so it is done here and not in the subscriber."""
        if any(subscriber.password is not None for subscriber in self.subscriber):
            object.__setattr__(self, "subscriber", tuple(map(self._sealed, self.subscriber)))
        return self

    def _sealed(self, subscriber: SubscriberSettings) -> SubscriberSettings:
        if subscriber.password is None:
            return subscriber
        md5, sha256 = ha1_pair(subscriber.number, self.sip.realm, subscriber.password.get_secret_value())
        return subscriber.model_copy(update={"password": None, "ha1_md5": md5, "ha1_sha256": sha256})

    @property
    def loopback_only(self) -> bool:
        """Whether nothing outside this machine can reach the switch."""
        addresses = [listen.address for listen in self.sip.listen]
        if self.http.enabled:
            addresses.append(self.http.address)
        return all(is_loopback(address) for address in addresses)

    @property
    def local_domains(self) -> frozenset[str]:
        """Host names and addresses, lower case, that mean this switch in a request URI."""
        names = {name.lower() for name in self.sip.domains} | {self.sip.realm.lower(), "localhost"}
        names.update(listen.address for listen in self.sip.listen if listen.address not in ("0.0.0.0", "::"))
        if self.sip.advertised_address:
            names.add(self.sip.advertised_address)
        return frozenset(names)
