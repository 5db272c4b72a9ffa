"""From configuration values to what the SIP stack takes; no room knows the configuration itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path

from softswitch.calls.sip.trunk import Trunk
from softswitch.config.certificate import ensure_certificate
from softswitch.config.models import ListenSettings, Settings, SipSettings, TrunkSettings
from softswitch.runtime.guard import GuardSettings
from softswitch.runtime.overload import OverloadSettings
from softswitch.runtime.tcp import StreamLimits
from softswitch.runtime.tls import TlsContexts, TlsSettings
from softswitch.sip.address import Address
from softswitch.sip.parser import Limits
from softswitch.sip.registrar import RegistrarSettings
from softswitch.sip.settings import Login, UserAgentSettings
from softswitch.sip.timers import TimerSettings
from softswitch.sip.uri import SipUri


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
        limits=message_limits(sip),
    )


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
        srtp_keying=trunk.srtp_keying,
        dtmf="" if trunk.dtmf == "auto" else trunk.dtmf,
        floor="" if trunk.floor == "none" else trunk.floor,
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
    return StreamLimits(idle=sip.tcp_idle_s, connections=sip.tcp_connections, message=message_limits(sip))


def message_limits(sip: SipSettings) -> Limits:
    """What one message may measure."""
    return Limits(message=sip.max_message_octets)
