"""Classes of service: which numbers a caller may dial."""

from __future__ import annotations

from collections.abc import Iterable

from dialplan.pattern import Pattern


class ClassOfService:
    """Patterns a class may call and may not call.

    The narrowest pattern that matches decides, a denial before a permission of the same width. A number nothing
    matches may be called only if the class has no `allow` list.
    """

    __slots__ = ("_default", "_entries", "name")

    def __init__(self, name: str, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> None:
        """Compile the patterns; raises `DialplanError` for one that cannot be read."""
        self.name = name
        permitted = [(pattern.rank, 1, pattern) for pattern in map(Pattern, allow)]
        denied = [(pattern.rank, 0, pattern) for pattern in map(Pattern, deny)]
        self._default = not permitted
        self._entries = sorted(permitted + denied, key=lambda entry: entry[:2])

    def permits(self, number: str) -> tuple[bool, str]:
        """(whether `number` may be called, the pattern that decided; "" when none matched)."""
        for _, permitted, pattern in self._entries:
            if pattern.matches(number):
                return permitted == 1, pattern.text
        return self._default, ""
