"""A changed configuration put in force while the switch runs."""

from __future__ import annotations

from softswitch.app.node import Node
from softswitch.app.past import make_plan
from softswitch.config.changes import changes
from softswitch.config.models import Settings
from softswitch.config.plan import to_plan
from softswitch.directory import merge
from softswitch.store.queries import list_subscribers
from softswitch.wiring import kept_values, quality_values, room_values, sip_values


def put_in_force(node: Node, settings: Settings) -> list[str]:
    """Take over `settings` as far as that is possible while running; returns what needs a restart.

    Raises ValueError and keeps everything as it was when the dialplan cannot be made.
    """
    to_plan(settings)
    later = [str(change) for change in changes(node.settings, settings) if not change.live]
    node.settings = settings
    node.directory.reload(merge(settings, node.store.read(list_subscribers)))
    _configure_rooms(node, settings)
    make_plan(node)
    _configure_sip(node, settings)
    _configure_what_is_kept(node, settings)
    return later


def _configure_rooms(node: Node, settings: Settings) -> None:
    node.talkgroups.book.replace(room_values.talkgroups(settings))
    node.conferences.replace(room_values.conferences(settings))
    node.queues.replace(room_values.queues(settings))
    node.departments.replace(room_values.departments(settings))
    node.access_rules.configured = room_values.access_rules(settings)
    node.services.replace(room_values.services(settings))
    node.exchange.settings = room_values.call_settings(settings)
    node.exchange.media.terms = room_values.media_terms(settings.rtp)
    node.engine.advertised = settings.rtp.advertised_address


def _configure_sip(node: Node, settings: Settings) -> None:
    node.trunks.replace(sip_values.trunks(settings))
    node.registrar.configure(sip_values.registrar_settings(settings))
    node.guard.configure(sip_values.guard_settings(settings))
    node.overload.configure(sip_values.overload_settings(settings))
    node.keepalive.interval_s = settings.sip.nat_keepalive_s
    node.driver.post(node.trunk_watch.start)
    node.network.reload_certificates()
    node.resolver.forget()


def _configure_what_is_kept(node: Node, settings: Settings) -> None:
    node.recordings.policy = node.recording_index.policy = kept_values.recording_policy(settings)
    node.messaging.configure(kept_values.messaging(settings))
    node.locations.settings = kept_values.location(settings)
    node.messages.limits = kept_values.message_limits(settings)
    node.captures.limits = kept_values.capture_limits(settings)
    node.quality_watch.limits = quality_values.quality_limits(settings)
