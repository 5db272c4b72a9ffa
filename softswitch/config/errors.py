"""What is wrong with a configuration: every problem with its place in the file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

KeyPath = tuple[str | int, ...]


def render_path(path: KeyPath) -> str:
    """``("sip", "listen", 0, "port")`` → ``sip.listen[0].port``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class Problem(NamedTuple):
    """One finding: `line` counts from 1 (0: unknown), `nearest` is the valid name that was perhaps meant."""

    file: str
    line: int
    path: KeyPath
    text: str
    nearest: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        key = f" {render_path(self.path)}:" if self.path else ""
        hint = f"; did you mean '{self.nearest}'?" if self.nearest else ""
        return f"{place}:{key} {self.text}{hint}"


class ConfigError(ValueError):
    """A configuration was refused; `problems` lists all that was found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))
