"""Finding the rules for a number without looking at all of them: a dictionary from literal beginnings to rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dialplan.errors import DialplanError
from dialplan.number import MAXIMUM_LENGTH
from dialplan.pattern import RANK_PREFIX, Pattern
from dialplan.rule import Rule


class Entry(NamedTuple):
    """A rule in the index: what orders it, its place in the configuration (from 1), how it matches."""

    rank: tuple[int, ...]
    number: int
    rule: Rule
    pattern: Pattern | None
    matched_by: str


class RuleIndex:
    """Rules by their literal beginning.

    A lookup costs one dictionary access per distinct length of beginnings, however many rules there are; only
    patterns that share a beginning, and regular expressions, are tried one by one.
    """

    __slots__ = ("_buckets", "_exact", "_lengths", "_regexes")

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Index the rules; raises `DialplanError` naming the rule whose prefix or pattern is wrong."""
        self._exact: dict[str, list[Entry]] = {}
        self._buckets: dict[str, list[Entry]] = {}
        self._regexes: list[Entry] = []
        for number, rule in enumerate(rules, 1):
            self._insert(number, rule)
        for bucket in self._buckets.values():
            if len(bucket) > 1:
                bucket.sort(key=lambda entry: entry[:2])
        self._lengths = sorted({len(prefix) for prefix in self._buckets}, reverse=True)

    def _insert(self, number: int, rule: Rule) -> None:
        if rule.prefix and rule.pattern:
            raise DialplanError(f"rule {number} {rule.name!r}: give prefix or pattern, not both")
        if not rule.pattern:
            if len(rule.prefix) > MAXIMUM_LENGTH:
                raise DialplanError(f"rule {number} {rule.name!r}: the prefix is longer than {MAXIMUM_LENGTH}")
            rank = (1,) * len(rule.prefix) + (RANK_PREFIX,)
            matched_by = f"prefix {rule.prefix}" if rule.prefix else "any number"
            self._buckets.setdefault(rule.prefix, []).append(Entry(rank, number, rule, None, matched_by))
            return
        try:
            pattern = Pattern(rule.pattern)
        except DialplanError as error:
            raise DialplanError(f"rule {number} {rule.name!r}: {error}") from error
        entry = Entry(pattern.rank, number, rule, pattern, f"pattern {rule.pattern}")
        if pattern.exact:
            self._exact.setdefault(pattern.prefix, []).append(entry)
        elif rule.pattern.startswith("~"):
            self._regexes.append(entry)
        else:
            self._buckets.setdefault(pattern.prefix, []).append(entry)

    def exact(self, number: str) -> list[Entry]:
        """The rules that name exactly this number, in configuration order."""
        return self._exact.get(number, [])

    def candidates(self, number: str) -> Iterator[Entry]:
        """The other rules that match, narrowest first, configuration order among equals."""
        length_of_number = len(number)
        buckets = self._buckets
        for length in self._lengths:
            if length > length_of_number:
                continue
            for entry in buckets.get(number[:length], ()):
                pattern = entry.pattern
                if pattern is None or pattern.matches(number):
                    yield entry
        for entry in self._regexes:
            if entry.pattern is not None and entry.pattern.matches(number):
                yield entry
