"""The header fields of a message as an ordered list of texts with quick access by name (RFC 3261 §7.3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.grammar import split_list
from softswitch.sip.headers.names import CANONICAL_NAMES, UNSPLIT, canonical_name

Fields = list[tuple[str, str]]


class HeaderFields:
    """Ordered header fields.

    `fields` holds (name, value) in order, names in canonical spelling ("Call-ID", "CSeq", "Via"), unknown names as
    they came. Change it through the methods, which keep the index and the typed values of the message in step.
    """

    __slots__ = ("_index", "_typed", "fields")

    fields: Fields
    _index: dict[str, str] | None
    _typed: dict[str, Any]

    def index(self) -> dict[str, str]:
        """The first value by name, in the spelling of `fields`: for reading only, valid until a field changes."""
        index = self._index
        if index is None:
            index = self._index = dict(reversed(self.fields))
        return index

    def get(self, name: str) -> str | None:
        """The first value of a field as written, None when it is absent."""
        index = self._index
        if index is None:
            index = self._index = dict(reversed(self.fields))
        value = index.get(name)
        if value is None and name not in CANONICAL_NAMES:
            wanted = canonical_name(name).lower()
            for key, text in self.fields:
                if key.lower() == wanted:
                    return text
        return value

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return self.get(name) is not None

    def get_all(self, name: str) -> list[str]:
        """All values of a field as written, one per header line."""
        if name in CANONICAL_NAMES:
            index = self.index()
            first = index.get(name)
            if first is None:
                return []
            if len(index) == len(self.fields):  # no field of any name is there twice
                return [first]
            return [value for key, value in self.fields if key == name]
        wanted = canonical_name(name).lower()
        return [value for key, value in self.fields if key.lower() == wanted]

    def values(self, name: str) -> list[str]:
        """All values of a field with comma-separated ones taken apart; challenges and the like never are."""
        raw = self.get_all(name)
        if canonical_name(name) in UNSPLIT:
            return raw
        return [item for value in raw for item in split_list(value) if item]

    def set(self, name: str, value: str) -> None:
        """Put one value in place of all there are, where the first stood, or at the end."""
        name = canonical_name(name)
        fields = self.fields
        if not self.has(name):
            fields.append((name, value))
        else:
            lower = name.lower()
            at = next(place for place, (key, _) in enumerate(fields) if key.lower() == lower)
            fields[at] = (name, value)
            fields[at + 1 :] = [item for item in fields[at + 1 :] if item[0].lower() != lower]
        self._forget(name)

    def add(self, name: str, value: str) -> None:
        """Append a field."""
        name = canonical_name(name)
        self.fields.append((name, value))
        self._forget(name)

    def extend(self, fields: Iterable[tuple[str, str]]) -> None:
        """Append several fields whose names are in canonical spelling already."""
        self.fields.extend(fields)
        self._index = None
        self._typed.clear()

    def prepend(self, name: str, value: str) -> None:
        """Insert a field before all others of its name, or before all fields when it is the first of its name."""
        name = canonical_name(name)
        fields = self.fields
        at = 0
        if self.has(name):
            at = next(place for place, (key, _) in enumerate(fields) if key.lower() == name.lower())
        fields.insert(at, (name, value))
        self._forget(name)

    def remove(self, name: str) -> None:
        """Drop all fields of this name."""
        if self.has(name):
            name = canonical_name(name)
            lower = name.lower()
            self.fields[:] = [item for item in self.fields if item[0].lower() != lower]
            self._forget(name)

    def replace_first(self, name: str, value: str | None) -> None:
        """Put another value in place of the first list element of a field, or drop that element when None is given.

        For the topmost Via and Route, which may share their line with others.
        """
        name = canonical_name(name)
        fields = self.fields
        for at, (key, text) in enumerate(fields):
            if key == name:
                items = split_list(text)[1:] if "," in text else []
                if value is not None:
                    items.insert(0, value)
                if items:
                    fields[at] = (name, ", ".join(items))
                else:
                    del fields[at]
                self._forget(name)
                return
        raise LocalProtocolError(f"no {name} to replace")

    def _forget(self, name: str) -> None:
        self._index = None
        if self._typed:
            self._typed.pop(name, None)
            self._typed.pop(name + "*", None)

    def _need(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise ProtocolError(f"{name} is missing", section="RFC 3261 §8.1.1")
        return value
