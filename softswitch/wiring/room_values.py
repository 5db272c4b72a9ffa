"""From configuration values to what calls and rooms take: services, conferences, queues, talkgroups, who may what."""

from __future__ import annotations

from pathlib import Path

from dialplan import normalise
from softswitch.calls.conferences.definition import ConferenceDefinition, hash_pin
from softswitch.calls.host import CallSettings
from softswitch.calls.media.terms import MediaTerms
from softswitch.calls.queues.definition import QueueDefinition, queue_of
from softswitch.calls.services.services import ServiceDefinition
from softswitch.calls.talkgroups.definition import TalkgroupDefinition, plain_members
from softswitch.calls.talkgroups.seat import plain_telephone
from softswitch.calls.talkgroups.talkgroups import Rights
from softswitch.config.models import RtpSettings, Settings
from softswitch.directory import Directory
from softswitch.directory.departments import Department
from softswitch.directory.rules import AccessRule
from softswitch.floor import Member


def call_settings(settings: Settings) -> CallSettings:
    """Limits of calls."""
    return CallSettings(
        max_duration_s=settings.sip.max_call_s,
        max_calls=settings.sip.max_calls,
        ring_s=settings.sip.invite_timeout_s,
    )


def media_terms(rtp: RtpSettings) -> MediaTerms:
    """What holds for the media of every call."""
    return MediaTerms(
        timeout_s=rtp.timeout_s,
        srtp=rtp.srtp,
        suites=rtp.srtp_suites,
        reports=rtp.extended_reports,
        comfort_noise=rtp.comfort_noise,
        dscp=rtp.dscp,
        dscp_video=rtp.dscp_video,
        hears_speech="speech" in rtp.listen,
        hears_fax="fax" in rtp.listen,
    )


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
            signals=entry.signals,
            comfort_noise=entry.comfort_noise,
            rate_hz=entry.rate_hz,
        )
        for entry in settings.conference
    ]


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
            normalise(entry.number),
            entry.name,
            plain_members(entry.members),
            priority=entry.priority,
            talk_s=float(entry.talk_s),
        )
        for entry in settings.talkgroup
    ]


def floor_rights(directory: Directory) -> Rights:
    """What a number may do in talkgroups: a dispatcher takes the floor from everybody else."""

    def rights(number: str) -> Member:
        subscriber = directory.get(number)
        return plain_telephone(dispatcher=subscriber is not None and "dispatcher" in subscriber.roles)

    return rights


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
