"""The definitions of a node's talkgroups: those of the configuration, those that were added, and who is a member."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from softswitch.calls.talkgroups.definition import GroupMember, TalkgroupDefinition, members_of


class TalkgroupBook:
    """Every definition by its number; `on_change` is called when some have changed."""

    def __init__(self, definitions: Iterable[TalkgroupDefinition]) -> None:
        self._configured = {definition.number: definition for definition in definitions}
        self._added: dict[str, TalkgroupDefinition] = {}
        self._by_number: Mapping[str, TalkgroupDefinition] = self._configured
        self._members: dict[str, Mapping[str, GroupMember]] = {}
        self.on_change: Callable[[], None] = lambda: None

    @property
    def definitions(self) -> Mapping[str, TalkgroupDefinition]:
        """Every talkgroup there is, by number."""
        return self._by_number

    def members(self, definition: TalkgroupDefinition) -> Mapping[str, GroupMember]:
        """Every member of a group by number, those of groups within it included."""
        found = self._members.get(definition.number)
        if found is None:
            found = self._members[definition.number] = members_of(definition, self._by_number)
        return found

    def members_of(self, number: str) -> Collection[str] | None:
        """The numbers of a group's members, none for one that is open to all; None when there is no such group."""
        definition = self._by_number.get(number)
        return None if definition is None else self.members(definition)

    def origin(self, number: str) -> str:
        """Where a definition stands: store (which may cover one of the configuration), configuration or nowhere."""
        return "store" if number in self._added else "configuration" if number in self._configured else ""

    def replace(self, definitions: Iterable[TalkgroupDefinition]) -> None:
        """Put other definitions of the configuration in force; one that was added covers that of its number."""
        self._configured = {definition.number: definition for definition in definitions}
        self._renew()

    def put(self, definition: TalkgroupDefinition) -> None:
        """Add a definition, or change it; it is in force at once."""
        self._added[definition.number] = definition
        self._renew()

    def remove(self, number: str) -> None:
        """Forget what was added; one of the configuration is in force again. Raises LookupError."""
        if number not in self._added:
            raise LookupError(f"there is no talkgroup {number!r} that can be removed")
        del self._added[number]
        self._renew()

    def _renew(self) -> None:
        self._by_number = self._configured | self._added
        self._members.clear()
        self.on_change()
