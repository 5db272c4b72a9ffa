"""From configuration values to limits of what is kept: recordings, messages, positions, signalling."""

from __future__ import annotations

from softswitch.config.models import Settings
from softswitch.location.locations import LocationSettings
from softswitch.messaging.model import MessagingSettings
from softswitch.observing.captures import CaptureLimits
from softswitch.recordings.policy import Policy
from softswitch.runtime.message_store import MessageLimits


def recording_policy(settings: Settings) -> Policy:
    """What is recorded, and how long it is kept."""
    recording = settings.recording
    return Policy(
        calls=recording.calls,
        directions=frozenset(recording.directions),
        trunks=frozenset(recording.trunks),
        subscribers=frozenset(recording.subscribers),
        conferences=frozenset(recording.conferences),
        talkgroups=frozenset(recording.talkgroups),
        container=recording.format,
        layout=recording.layout,
        rate_hz=recording.sample_rate,
        pre_record_s=recording.pre_record_s,
        beep=recording.beep,
        beep_interval_s=recording.beep_interval_s,
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


def message_limits(settings: Settings) -> MessageLimits:
    """How much of the signalling is kept."""
    ladder = settings.ladder
    return MessageLimits(ladder.messages_per_call, ladder.megabytes * 1_000_000, float(ladder.keep_s))


def capture_limits(settings: Settings) -> CaptureLimits:
    """How much of captured media is kept."""
    return CaptureLimits(settings.ladder.capture_megabytes * 1_000_000, float(settings.ladder.keep_s))
