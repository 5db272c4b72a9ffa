"""The departments of an organisation (通讯录): a tree, with the numbers of subscribers and groups in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Department:
    """One department; `parent` is "" at the top, `members` are numbers, of which one may be in several."""

    id: str
    name: str = ""
    parent: str = ""
    members: tuple[str, ...] = ()


class DepartmentError(ValueError):
    """A department's place in the tree is not possible; `field` names what is wrong."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


class Departments:
    """All departments. Those of the configuration may be covered by those that were added."""

    def __init__(self) -> None:
        self._configured: dict[str, Department] = {}
        self._added: dict[str, Department] = {}
        self._of_number: dict[str, set[str]] = {}

    @property
    def all(self) -> Mapping[str, Department]:
        """Those in force, by id."""
        return self._configured | self._added

    def origin(self, identifier: str) -> str:
        """Where a department stands: store, configuration, or "" for nowhere."""
        if identifier in self._added:
            return "store"
        return "configuration" if identifier in self._configured else ""

    def replace(self, departments: Iterable[Department]) -> None:
        """Put other departments of the configuration in force."""
        self._configured = {each.id: each for each in departments}
        self._index()

    def put(self, department: Department) -> None:
        """Add a department, or change it; raises DepartmentError."""
        known = {**self.all, department.id: department}
        above, seen = department.parent, {department.id}
        while above:
            if above in seen:
                raise DepartmentError("parent", "a department cannot be below itself")
            if above not in known:
                raise DepartmentError("parent", f"there is no department {above!r}")
            seen.add(above)
            above = known[above].parent
        self._added[department.id] = department
        self._index()

    def remove(self, identifier: str) -> None:
        """Forget what was added; raises LookupError, DepartmentError while others are below it."""
        if identifier not in self._added:
            raise LookupError(f"there is no department {identifier!r} that can be removed")
        if identifier not in self._configured and any(each.parent == identifier for each in self.all.values()):
            raise DepartmentError("id", "there are departments below it")
        del self._added[identifier]
        self._index()

    def above(self, number: str) -> frozenset[str]:
        """Every department that a number is in, itself or below."""
        return frozenset(self._of_number.get(number, ()))

    def within(self, identifier: str) -> set[str]:
        """The numbers in a department and in those below it."""
        return {number for number, ids in self._of_number.items() if identifier in ids}

    def _index(self) -> None:
        known = self.all
        self._of_number = {}
        for department in known.values():
            chain: set[str] = set()
            at: Department | None = department
            while at is not None and at.id not in chain:
                chain.add(at.id)
                at = known.get(at.parent)
            for number in department.members:
                self._of_number.setdefault(number, set()).update(chain)


__all__ = ["Department", "DepartmentError", "Departments"]
