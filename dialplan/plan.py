"""The dialplan: from a called number to the places to try, with the reasons.

Order of search: emergency numbers; rules that name exactly the number; known numbers (subscribers, services, groups);
all other rules, narrowest first. The caller's class of service is asked once, about the number as dialled; what the
administrator put behind that number (hunt members, aliases) is not asked about again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dialplan.classes import ClassOfService
from dialplan.errors import DialplanError
from dialplan.index import Entry, RuleIndex
from dialplan.number import EMERGENCY_URN, MAXIMUM_LENGTH, normalise
from dialplan.pattern import Pattern
from dialplan.rule import STRATEGIES, Decision, Destination, Emergency, HuntGroup, Refusal, RouteQuery, Rule, Target
from dialplan.schedule import Schedule

#: Most destinations one decision holds, and most aliases and hunt members it looks at.
MAXIMUM_DESTINATIONS = 64
_MAXIMUM_VISITS = 256
_MAXIMUM_DEPTH = 8

_NOT_FOUND = Refusal(404, "Not Found")
_FORBIDDEN = Refusal(403, "Forbidden")
_LOOP = Refusal(482, "Loop Detected")
_INCOMPLETE = Refusal(484, "Address Incomplete")
_UNAVAILABLE = Refusal(480, "Temporarily Unavailable")


class _Search:
    """The state of one `Plan.route`: the question, the decision so far, what was looked at."""

    __slots__ = ("class_pending", "decision", "dry_run", "emergency", "query", "visited")

    def __init__(self, query: RouteQuery, decision: Decision, dry_run: bool) -> None:
        self.query = query
        self.decision = decision
        self.dry_run = dry_run
        self.emergency = False
        self.class_pending = bool(query.caller_class)
        self.visited: set[str] = set()

    def note(self, text: str, *values: object) -> None:
        self.decision.trace.append((text, values))


class Plan:
    """A complete dialplan. `numbers` may be changed later by its owner (subscribers come and go); the rest is fixed."""

    __slots__ = (
        "_access_prefixes",
        "_classes",
        "_emergency",
        "_exact_emergency",
        "_index",
        "_turns",
        "emergency",
        "hunt_groups",
        "numbers",
        "schedules",
    )

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        numbers: Mapping[str, Target] | None = None,
        *,
        classes: Iterable[ClassOfService] = (),
        schedules: Iterable[Schedule] = (),
        hunt_groups: Iterable[HuntGroup] = (),
        emergency: Emergency | None = None,
    ) -> None:
        """Build and check a plan; raises `DialplanError` listing every rule that is wrong or refers to nothing."""
        rules = list(rules)
        self.numbers: Mapping[str, Target] = numbers if numbers is not None else {}
        self._classes = {entry.name: entry for entry in classes}
        self.schedules = {schedule.name: schedule for schedule in schedules}
        self.hunt_groups = {group.name: group for group in hunt_groups}
        self.emergency = emergency or Emergency()
        patterns = [Pattern(text) for text in self.emergency.numbers]
        self._exact_emergency = frozenset(pattern.prefix for pattern in patterns if pattern.exact)
        self._emergency = tuple(pattern for pattern in patterns if not pattern.exact)
        self._access_prefixes = tuple(prefix for prefix in self.emergency.access_prefixes if prefix)
        self._index = RuleIndex(rules)
        self._turns: dict[str, int] = {}
        problems = [*self._rule_problems(rules), *self._other_problems()]
        if problems:
            raise DialplanError("; ".join(problems))

    def _rule_problems(self, rules: list[Rule]) -> Iterator[str]:
        for number, rule in enumerate(rules, 1):
            head = f"rule {number} {rule.name!r}"
            if rule.strip < 0:
                yield f"{head}: strip is negative"
            if rule.schedule and rule.schedule not in self.schedules:
                yield f"{head}: unknown schedule {rule.schedule!r}"
            if rule.caller_class and rule.caller_class not in self._classes:
                yield f"{head}: unknown class of service {rule.caller_class!r}"
            yield from self._target_problems(head, rule.to)

    def _other_problems(self) -> Iterator[str]:
        for number, target in self.numbers.items():
            if target.kind == "hunt":
                yield from self._target_problems(f"number {number}", target)
        if self.emergency.target is not None:
            yield from self._target_problems("emergency", self.emergency.target)
        for group in self.hunt_groups.values():
            if group.strategy not in STRATEGIES:
                yield f"hunt group {group.name!r}: unknown strategy {group.strategy!r}"
            if not group.members:
                yield f"hunt group {group.name!r} has no members"

    def _target_problems(self, head: str, target: Target) -> Iterator[str]:
        if target.kind == "hunt" and target.values[0] not in self.hunt_groups:
            yield f"{head}: unknown hunt group {target.values[0]!r}"

    # --- asking ----------------------------------------------------------------------------------------------------

    def route(self, query: RouteQuery, *, dry_run: bool = False) -> Decision:
        """Where the call goes. Never raises: a number that leads nowhere gives a decision with `refused`.

        `dry_run` leaves the turn of round-robin groups where it is.
        """
        called = normalise(query.called)
        decision = Decision(called, normalise(query.caller))
        search = _Search(query, decision, dry_run)
        emergency = self.emergency_number(called)
        if emergency is not None:
            outcome = self._route_emergency(emergency, search)
        elif not called:
            search.note("nothing was dialled → refused 484")
            outcome = _INCOMPLETE
        elif len(called) > MAXIMUM_LENGTH:
            search.note("a number of {} characters is longer than {} → refused 404", len(called), MAXIMUM_LENGTH)
            outcome = _NOT_FOUND
        elif called in query.history:
            search.note("{} was already tried by this call → refused 482", called)
            outcome = _LOOP
        else:
            outcome = self._resolve(called, search, 0)
        if isinstance(outcome, Refusal):
            decision.refused = outcome
        else:
            decision.destinations = outcome
            decision.called = outcome[0].called
        return decision

    def emergency_number(self, number: str) -> str | None:
        """The emergency number meant by `number` (without an access prefix), None if it is none.

        For use before overload control and do-not-disturb, which must let these calls pass.
        """
        if number in self._exact_emergency:
            return number
        if number[:4] == "urn:" and (number == EMERGENCY_URN or number.startswith(EMERGENCY_URN + ".")):
            return number
        if self._emergency and len(number) <= MAXIMUM_LENGTH:
            for pattern in self._emergency:
                if pattern.matches(number):
                    return number
        for prefix in self._access_prefixes:
            if number.startswith(prefix) and number[len(prefix) :] in self._exact_emergency:
                return number[len(prefix) :]
        return None

    def _route_emergency(self, number: str, search: _Search) -> list[Destination] | Refusal:
        search.emergency = search.decision.emergency = True
        search.class_pending = False
        search.note("{} is an emergency number: no class, schedule, load or do-not-disturb applies", number)
        target = self.emergency.target
        if target is not None:
            outcome = self._follow(target, number, None, search, 0)
            if not isinstance(outcome, Refusal):
                return outcome
            search.note("the emergency route {} leads nowhere, trying the rules", target)
        search.visited.clear()
        return self._resolve(number, search, 0)

    # --- searching -------------------------------------------------------------------------------------------------

    def _resolve(self, number: str, search: _Search, depth: int) -> list[Destination] | Refusal:
        """Destinations of one number, at the top or behind an alias or hunt group."""
        visited = search.visited
        if number in visited or (depth and number in search.query.history):
            search.note("{} was already looked at: left out", number)
            return _LOOP
        if depth > _MAXIMUM_DEPTH or len(visited) >= _MAXIMUM_VISITS:
            search.note("{}: more than {} steps, given up", number, _MAXIMUM_DEPTH)
            return _LOOP
        visited.add(number)
        outcome: list[Destination] | Refusal | None = None
        for entry in self._index.exact(number):
            if self._applies(entry, number, search):
                outcome = self._take(entry, number, search, depth)
                if not search.emergency or not isinstance(outcome, Refusal):
                    return outcome
        target = self.numbers.get(number)
        if target is not None:
            search.note("{} is known here: {}", number, target)
            outcome = self._permit(number, search) or self._follow(target, number, None, search, depth)
            if not search.emergency or not isinstance(outcome, Refusal):
                return outcome
        for entry in self._index.candidates(number):
            if self._applies(entry, number, search):
                outcome = self._take(entry, number, search, depth)
                if not search.emergency or not isinstance(outcome, Refusal):
                    return outcome
        if search.emergency:
            return self._resolve_blocked(number, search, depth)
        search.note("no rule matches {} → refused 404", number)
        return _NOT_FOUND

    def _resolve_blocked(self, number: str, search: _Search, depth: int) -> list[Destination] | Refusal:
        """Emergency only: take the first rule that leads somewhere although its conditions do not hold."""
        for entry in (*self._index.exact(number), *self._index.candidates(number)):
            outcome = self._take(entry, number, search, depth)
            if not isinstance(outcome, Refusal):
                return outcome
        search.note("no rule matches {} → refused 404", number)
        return _NOT_FOUND

    def _applies(self, entry: Entry, number: str, search: _Search) -> bool:
        """Whether a rule whose number matches applies in the circumstances of the call."""
        rule, query = entry.rule, search.query
        if rule.source_trunk and rule.source_trunk != query.source_trunk:
            self._skip(entry, number, search, "the call does not come from trunk", rule.source_trunk)
        elif rule.caller_class and rule.caller_class != query.caller_class:
            self._skip(entry, number, search, "the caller is not of class", rule.caller_class)
        elif rule.schedule and not self.schedules[rule.schedule].is_open(query.when):
            self._skip(entry, number, search, "closed by schedule", rule.schedule)
        elif search.emergency and rule.to.kind == "refuse":
            self._skip(entry, number, search, "an emergency call is not refused by", rule.name)
        else:
            return True
        return False

    @staticmethod
    def _skip(entry: Entry, number: str, search: _Search, why: str, what: str) -> None:
        text = "rule {} {!r}: {} matches {}, but {} {!r}"
        search.note(text, entry.number, entry.rule.name, entry.matched_by, number, why, what)

    def _take(self, entry: Entry, number: str, search: _Search, depth: int) -> list[Destination] | Refusal:
        rule = entry.rule
        search.note("rule {} {!r}: {} matches {}", entry.number, rule.name, entry.matched_by, number)
        refused = self._permit(number, search)
        if refused is not None:
            return refused
        if not depth:
            decision = search.decision
            decision.rule, decision.media, decision.codecs = rule.name, rule.media, rule.codecs
        if rule.strip or rule.add:
            changed = rule.add + number[rule.strip :]
            search.note("{} becomes {}", number, changed)
            number = changed
        return self._follow(rule.to, number, rule, search, depth)

    def _permit(self, number: str, search: _Search) -> Refusal | None:
        """Ask the caller's class of service, once per call; None when it agrees."""
        if not search.class_pending:
            return None
        search.class_pending = False
        name = search.query.caller_class
        service = self._classes.get(name)
        if service is None:
            search.note("class {!r} does not exist → refused 403", name)
            return _FORBIDDEN
        permitted, pattern = service.permits(number)
        reason = f"by {pattern}" if pattern else "by default"
        if permitted:
            search.note("class {!r} allows {} {}", name, number, reason)
            return None
        search.note("class {!r} denies {} {} → refused 403", name, number, reason)
        return _FORBIDDEN

    # --- targets ---------------------------------------------------------------------------------------------------

    def _follow(
        self, target: Target, number: str, rule: Rule | None, search: _Search, depth: int
    ) -> list[Destination] | Refusal:
        kind, values = target
        if kind == "hunt":
            return self._hunt(self.hunt_groups.get(values[0]), values[0], search, depth)
        if kind == "number":
            search.note("goes on as {}", values[0])
            emergency = None if search.emergency else self.emergency_number(values[0])
            if emergency is not None:
                return self._route_emergency(emergency, search)
            found = self._resolve(values[0], search, depth + 1)
            return found if isinstance(found, Refusal) or rule is None else [_with_media(d, rule) for d in found]
        if kind == "refuse":
            search.note("→ refused {}", " ".join(values))
            return Refusal(int(values[0]), values[1] if len(values) > 1 else "Forbidden")
        if not number:
            search.note("nothing is left of the number → refused 484")
            return _INCOMPLETE
        media, codecs = (rule.media, rule.codecs) if rule is not None else ("", ())
        if len(values) > 1:
            search.note("→ {} {}, each after the one before failed", kind, ", ".join(values))
            return [
                Destination(kind, value, number, stage, 0.0, media, codecs)
                for stage, value in enumerate(values[:MAXIMUM_DESTINATIONS])
            ]
        value = values[0] if values else number
        search.note("→ {} {}", kind, value)
        return [Destination(kind, value, number, 0, 0.0, media, codecs)]

    def _hunt(self, group: HuntGroup | None, name: str, search: _Search, depth: int) -> list[Destination] | Refusal:
        key = f"hunt:{name}"
        if group is None:
            search.note("hunt group {!r} does not exist → refused 404", name)
            return _NOT_FOUND
        if key in search.visited:
            search.note("hunt group {!r} was already looked at: left out", name)
            return _LOOP
        search.visited.add(key)
        search.note("hunt group {!r} rings {}", name, group.strategy)
        members = self._in_turn(group, search)
        found: list[Destination] = []
        stage = 0
        for member in members:
            outcome = self._resolve(normalise(member), search, depth + 1)
            if isinstance(outcome, Refusal):
                search.note("member {} of {!r} is left out: {} {}", member, name, outcome.status, outcome.reason)
                continue
            ring_s = group.ring_s
            reached = [
                entry._replace(stage=entry.stage + stage, ring_s=entry.ring_s or ring_s)
                for entry in outcome[: MAXIMUM_DESTINATIONS - len(found)]
            ]
            found += reached
            if group.strategy != "parallel":
                stage = max(entry.stage for entry in reached) + 1
            if len(found) >= MAXIMUM_DESTINATIONS:
                break
        if found:
            return found
        search.note("hunt group {!r} has nobody to ring → refused 480", name)
        return _UNAVAILABLE

    def _in_turn(self, group: HuntGroup, search: _Search) -> tuple[str, ...]:
        if group.strategy != "round-robin":
            return group.members
        turn = self._turns.get(group.name, 0) % len(group.members)
        if not search.dry_run:
            self._turns[group.name] = turn + 1
        return group.members[turn:] + group.members[:turn]


def _with_media(destination: Destination, rule: Rule) -> Destination:
    """The destination with the media and codecs of the rule that led to its number, where its own says nothing."""
    return destination._replace(media=destination.media or rule.media, codecs=destination.codecs or rule.codecs)
