"""Which conferences there are: those of the configuration, which may be covered by those that were added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from softswitch.calls.conferences.definition import ConferenceDefinition


class ConferenceDefinitions:
    """The definitions in force on this node."""

    def __init__(self, configured: Iterable[ConferenceDefinition]) -> None:
        self._configured: dict[str, ConferenceDefinition] = {}
        self._added: dict[str, ConferenceDefinition] = {}
        self._by_number: dict[str, ConferenceDefinition] = {}
        self.replace(configured)

    @property
    def definitions(self) -> Mapping[str, ConferenceDefinition]:
        """Those in force, by number."""
        return self._by_number

    def origin(self, number: str) -> str:
        """Where a definition stands: store (which may cover one of the configuration), configuration or nowhere."""
        return "store" if number in self._added else "configuration" if number in self._configured else ""

    def replace(self, definitions: Iterable[ConferenceDefinition]) -> None:
        """Put other definitions of the configuration in force; rooms in use go on."""
        self._configured = {definition.number: definition for definition in definitions}
        self._by_number = self._configured | self._added

    def put(self, definition: ConferenceDefinition) -> None:
        """Add a definition, or change it; it is in force at once."""
        self._added[definition.number] = definition
        self._by_number = self._configured | self._added

    def remove(self, number: str) -> None:
        """Forget what was added; one of the configuration is in force again. Raises LookupError."""
        if number not in self._added:
            raise LookupError(f"there is no conference {number!r} that can be removed")
        del self._added[number]
        self._by_number = self._configured | self._added


__all__ = ["ConferenceDefinitions"]
