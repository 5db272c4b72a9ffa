"""From configuration values to the values that each room takes; no room knows the configuration itself."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dialplan import normalise
from softswitch.calls.conference_definition import ConferenceDefinition, hash_pin
from softswitch.calls.host import CallSettings
from softswitch.calls.queue_definition import QueueDefinition, queue_of
from softswitch.calls.seat import plain_telephone
from softswitch.calls.services import ServiceDefinition
from softswitch.calls.talkgroup_definition import TalkgroupDefinition, plain_members
from softswitch.calls.talkgroups import Rights
from softswitch.calls.trunk import Trunk
from softswitch.config.certificate import ensure_certificate
from softswitch.config.changes import changes
from softswitch.config.models import ListenSettings, RtpSettings, Settings, SipSettings, TrunkSettings
from softswitch.directory import Directory
from softswitch.directory.departments import Department
from softswitch.directory.rules import AccessRule
from softswitch.floor import Member
from softswitch.location.locations import LocationSettings
from softswitch.messaging.model import MessagingSettings
from softswitch.quality_watch import QualityLimits
from softswitch.recordings.policy import Policy
from softswitch.runtime.guard import GuardSettings
from softswitch.runtime.message_store import MessageLimits
from softswitch.runtime.overload import OverloadSettings
from softswitch.runtime.tcp import StreamLimits
from softswitch.runtime.tls import TlsContexts, TlsSettings
from softswitch.sip.address import Address
from softswitch.sip.registrar import RegistrarSettings
from softswitch.sip.settings import Login, UserAgentSettings
from softswitch.sip.timers import TimerSettings
from softswitch.sip.uri import SipUri


def call_settings(settings: Settings) -> CallSettings:
    """Limits of calls."""
    return CallSettings(
        max_duration_s=settings.sip.max_call_s,
        max_calls=settings.sip.max_calls,
        ring_s=settings.sip.invite_timeout_s,
    )


def agent_settings(settings: Settings) -> UserAgentSettings:
    """Habits of the SIP user agent."""
    sip = settings.sip
    return UserAgentSettings(
        timers=TimerSettings(t1=sip.t1_s),
        user_agent=sip.user_agent,
        max_forwards=sip.max_forwards,
        reliable=sip.reliable_provisional,
        session_expires=sip.session_expires,
        min_se=sip.min_se,
    )


def media_options(rtp: RtpSettings, data_directory: Path) -> dict[str, Any]:
    """What the media engine is made with: by default workers in processes of their own, one a processor core."""
    return {
        "address": rtp.address,
        "advertised": rtp.advertised_address,
        "first_port": rtp.first_port,
        "last_port": rtp.last_port,
        "threads": rtp.workers or len(os.sched_getaffinity(0)),
        "workers": data_directory / "media" if rtp.isolated else None,
        "worker_grace_s": float(rtp.worker_grace_s),
        "helper": True,
    }


def registrar_settings(settings: Settings) -> RegistrarSettings:
    """Habits of the registrar."""
    sip = settings.sip
    return RegistrarSettings(
        min_expires=sip.min_expires_s,
        default_expires=sip.default_expires_s,
        max_expires=sip.max_expires_s,
        max_contacts=sip.max_contacts,
    )


def guard_settings(settings: Settings) -> GuardSettings:
    """Limits of the guard."""
    security = settings.security
    per_second = security.rate_requests / security.rate_window_s
    trusted = (*security.exempt_networks, *(network for trunk in settings.trunk for network in trunk.addresses))
    return GuardSettings(
        messages_per_second=per_second,
        burst=max(float(security.rate_requests), 1.0),
        failures=security.failed_authentications,
        failure_window=security.failed_window_s,
        ban=security.ban_seconds,
        scanner_agents=security.scanner_agents,
        trusted=tuple(trusted),
        trust_loopback=False,
        table_size=security.max_sources,
    )


def overload_settings(settings: Settings) -> OverloadSettings:
    """When new work is refused."""
    sip = settings.sip
    return OverloadSettings(
        calls_per_second=float(sip.overload_calls_per_s),
        registrations_per_second=float(sip.overload_registrations_per_s),
        lag_limit=sip.overload_lag_s,
        retry_after_least=max(sip.overload_retry_after_s // 2, 1),
        retry_after_most=sip.overload_retry_after_s * 3 // 2,
    )


def trunks(settings: Settings) -> list[Trunk]:
    """The trunks, ready to route to."""
    return [_trunk(trunk) for trunk in settings.trunk]


def _trunk(trunk: TrunkSettings) -> Trunk:
    login = Login(trunk.username, trunk.password.get_secret_value()) if trunk.username and trunk.password else None
    return Trunk(
        trunk.name,
        tuple(ipaddress.ip_network(network) for network in trunk.addresses),
        trunk.listener or "",
        _next_hop(trunk),
        trunk.domain or trunk.host or "",
        login,
        trunk.media,
        trunk.codecs,
        trunk.class_of_service or "",
        trunk.trust_identity,
        trunk.max_calls,
        trunk.register_,
        trunk.register_expires_s,
        trunk.options_ping_s,
        trunk.transport,
        srtp=trunk.srtp or "",
        dtmf="" if trunk.dtmf == "auto" else trunk.dtmf,
    )


def _next_hop(trunk: TrunkSettings) -> Address | SipUri | None:
    if not trunk.host:
        return None
    try:
        host = str(ipaddress.ip_address(trunk.host.strip("[]")))
    except ValueError:
        params = (("transport", trunk.transport),) if trunk.transport != "udp" else ()
        return SipUri(None, trunk.host, trunk.port, params=params)
    port = trunk.port or (5061 if trunk.transport == "tls" else 5060)
    return Address(trunk.transport, host, port, trunk.listener or "")


def services(settings: Settings) -> list[ServiceDefinition]:
    """The service numbers."""
    return [
        ServiceDefinition(
            service.number,
            service.kind,
            service.hz,
            service.level_dbm0,
            Path(service.file) if service.file else None,
            service.slots,
            service.timeout_s,
        )
        for service in settings.service
    ]


def conferences(settings: Settings) -> list[ConferenceDefinition]:
    """The conferences."""
    return [
        ConferenceDefinition(
            normalise(entry.number),
            entry.name,
            entry.max_participants,
            hash_pin(normalise(entry.number), entry.pin.get_secret_value() if entry.pin is not None else ""),
        )
        for entry in settings.conference
    ]


def departments(settings: Settings) -> list[Department]:
    """The departments of the organisation."""
    return [Department(entry.id, entry.name, entry.parent or "", entry.members) for entry in settings.department]


def access_rules(settings: Settings) -> tuple[AccessRule, ...]:
    """Who may do what to whom."""
    return tuple(
        AccessRule(
            entry.effect,
            entry.role or "",
            entry.principal or "",
            entry.department or "",
            entry.component,
            entry.action,
        )
        for entry in settings.access_rule
    )


def queues(settings: Settings) -> list[QueueDefinition]:
    """The call queues."""
    return [
        queue_of({**entry.model_dump(), "number": normalise(entry.number), "overflow": entry.overflow or ""})
        for entry in settings.queue
    ]


def talkgroups(settings: Settings) -> list[TalkgroupDefinition]:
    """The talkgroups."""
    return [
        TalkgroupDefinition(
            normalise(entry.number), entry.name, plain_members(entry.members), talk_s=float(entry.talk_s)
        )
        for entry in settings.talkgroup
    ]


def floor_rights(directory: Directory) -> Rights:
    """What a number may do in talkgroups: a dispatcher takes the floor from everybody else."""

    def rights(number: str) -> Member:
        subscriber = directory.get(number)
        return plain_telephone(dispatcher=subscriber is not None and "dispatcher" in subscriber.roles)

    return rights


def message_limits(settings: Settings) -> MessageLimits:
    """How much of the signalling is kept."""
    ladder = settings.ladder
    return MessageLimits(ladder.messages_per_call, ladder.megabytes * 1_000_000, float(ladder.keep_s))


def quality_limits(settings: Settings) -> QualityLimits:
    """When calls sound bad."""
    quality = settings.quality
    return QualityLimits(quality.degraded_mos, quality.recovered_mos, float(quality.one_way_s))


def recording_policy(settings: Settings) -> Policy:
    """What is recorded, and how long it is kept."""
    recording = settings.recording
    return Policy(
        calls=recording.calls,
        trunks=frozenset(recording.trunks),
        subscribers=frozenset(recording.subscribers),
        conferences=frozenset(recording.conferences),
        talkgroups=frozenset(recording.talkgroups),
        container=recording.format,
        layout=recording.layout,
        rate_hz=recording.sample_rate,
        pre_record_s=recording.pre_record_s,
        beep=recording.beep,
        group_idle_s=recording.group_idle_s,
        retention_s=recording.retention_days * 86400,
        most_octets=int(recording.max_gigabytes * 1e9),
    )


def messaging(settings: Settings) -> MessagingSettings:
    """Limits and habits of short messages."""
    given = settings.messaging
    return MessagingSettings(
        enabled=given.store_and_forward,
        max_octets=given.max_octets,
        keep_s=given.keep_hours * 3600.0,
        longest_s=given.longest_hours * 3600.0,
        max_waiting=given.max_waiting,
        max_per_recipient=given.max_per_recipient,
        max_per_sender=given.max_per_sender,
        content_types=given.content_types,
    )


def location(settings: Settings) -> LocationSettings:
    """Limits of positions."""
    given = settings.location
    oldest_s = given.history_days * 86400.0 or float("inf")
    return LocationSettings(
        float(given.event_interval_s), float(given.fastest_mps), oldest_s=oldest_s, max_devices=given.max_devices
    )


def advertised(sip: SipSettings, listen: ListenSettings) -> str:
    """The address written into Via and Contact for a listener."""
    if sip.advertised_address:
        return sip.advertised_address
    return listen.address


def tls_contexts(listen: ListenSettings, data_directory: Path, hosts: Iterable[str]) -> TlsContexts:
    """Key material of a TLS listener, made on the spot when it says ``self-signed``. Raises OSError, ValueError."""
    certificate, key = listen.certificate, listen.private_key
    if certificate == "self-signed":
        pair = ensure_certificate(data_directory, {listen.address, "localhost", *hosts} - {"0.0.0.0", "::"})
        certificate, key = str(pair[0]), str(pair[1])
    return TlsContexts(
        TlsSettings(
            Path(certificate) if certificate else None,
            Path(key) if key else None,
            Path(listen.client_authority) if listen.client_authority else None,
            require_client_certificate=listen.client_authority is not None,
        )
    )


def outgoing_tls(sip: SipSettings) -> TlsContexts:
    """How servers that we connect to are verified. Raises OSError."""
    authorities = Path(sip.server_authorities) if sip.server_authorities else None
    return TlsContexts(TlsSettings(authorities=authorities, verify_servers=sip.verify_servers))


def stream_limits(sip: SipSettings) -> StreamLimits:
    """Limits of TCP, TLS and WebSocket connections."""
    return StreamLimits(idle=sip.tcp_idle_s, connections=sip.tcp_connections)


def needs_restart(old: Settings, new: Settings) -> list[str]:
    """Options that differ and are read only at the start."""
    return [str(change) for change in changes(old, new) if not change.live]
