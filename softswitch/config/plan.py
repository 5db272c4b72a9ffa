"""The dialplan of a configuration: settings become the values that `dialplan.Plan` is built of."""

from __future__ import annotations

from collections.abc import Iterable

from dialplan import ClassOfService, Emergency, HuntGroup, Plan, Rule, Schedule, Target, normalise
from softswitch.config.models import RouteSettings, ScheduleSettings, ServiceSettings, Settings

#: Services whose number is dialled in front of another: of the ringing subscriber, of the queue.
PREFIXES = ("pickup", "queue_login", "queue_logout")


def to_plan(settings: Settings, subscribers: Iterable[str] = ()) -> Plan:
    """The plan of `settings`; `subscribers` are numbers known besides those of the configuration (from the store).

    `Plan.numbers` is a dictionary that may be changed later when subscribers come and go. Raises DialplanError.
    """
    rules = [_rule(route) for route in settings.route]
    rules.extend(
        Rule(f"{service.kind} {service.number}", Target("service", (service.number,)), prefix=normalise(service.number))
        for service in settings.service
        if service.kind in PREFIXES
    )
    return Plan(
        rules,
        known_numbers(settings, subscribers),
        classes=[ClassOfService(entry.name, entry.allow, entry.deny) for entry in settings.class_of_service],
        schedules=[_schedule(entry) for entry in settings.schedule],
        hunt_groups=[
            HuntGroup(entry.name, entry.members, entry.strategy, entry.ring_s, entry.number or "")
            for entry in settings.hunt_group
        ],
        emergency=Emergency(
            settings.emergency.numbers,
            Target.parse(settings.emergency.route) if settings.emergency.route else None,
            settings.emergency.access_prefixes,
        ),
    )


def known_numbers(settings: Settings, subscribers: Iterable[str] = ()) -> dict[str, Target]:
    """Every number that exists by itself, without a rule, and what it is."""
    numbers = {normalise(number): Target("subscriber") for number in subscribers}
    numbers.update((normalise(entry.number), Target("subscriber")) for entry in settings.subscriber)
    numbers.update((normalise(entry.number), Target("conference")) for entry in settings.conference)
    numbers.update((normalise(entry.number), Target("talkgroup")) for entry in settings.talkgroup)
    numbers.update((normalise(entry.number), Target("queue")) for entry in settings.queue)
    for group in settings.hunt_group:
        if group.number:
            numbers[normalise(group.number)] = Target("hunt", (group.name,))
    for service in settings.service:
        target = Target("service", (service.number,))
        numbers[normalise(service.number)] = target
        for place in parking_places(service):
            numbers.setdefault(place, target)
    return numbers


def parking_places(service: ServiceSettings) -> list[str]:
    """Numbers of the places of a parking service: those after its own; none for other kinds."""
    number = service.number
    if service.kind != "park" or not (number.isascii() and number.isdigit()):
        return []
    return [str(int(number) + place).zfill(len(number)) for place in range(1, service.slots + 1)]


def _rule(route: RouteSettings) -> Rule:
    return Rule(
        name=route.name,
        to=Target.parse(route.to),
        prefix=route.prefix or "",
        pattern=route.pattern or "",
        caller_class=route.caller_class or "",
        source_trunk=route.source_trunk or "",
        schedule=route.schedule or "",
        strip=route.strip,
        add=route.add,
        media=route.media or "",
        codecs=route.codecs,
    )


def _schedule(entry: ScheduleSettings) -> Schedule:
    return Schedule.create(
        entry.name,
        days=entry.days,
        start=entry.from_,
        end=entry.until,
        zone=entry.timezone,
        holidays=entry.holidays,
        open_on_holidays=entry.open_on_holidays,
    )
