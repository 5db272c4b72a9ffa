"""From a TOML file to `Settings`, or to the list of everything that is wrong with it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from dialplan import DialplanError
from softswitch.config.errors import ConfigError, KeyPath, Problem
from softswitch.config.exposure import check_exposure
from softswitch.config.locate import key_lines, nearest_line
from softswitch.config.models import Settings
from softswitch.config.plan import to_plan
from softswitch.config.references import Report, check_references, nearest

MAX_FILE_OCTETS = 64 * 1024 * 1024
_SECRET_KEYS = frozenset({"password", "token", "token_sha256", "ha1_md5", "ha1_sha256", "pin"})
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


def load(path: str | Path) -> Settings:
    """Read and check a configuration file. Raises ConfigError that lists every problem with file, line and key."""
    file = Path(path)
    try:
        if file.stat().st_size > MAX_FILE_OCTETS:
            raise ConfigError([Problem(str(file), 0, (), "the file is larger than 64 MiB")])
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigError([Problem(str(file), 0, (), f"cannot be read: {error.strerror or error}")]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError([Problem(str(file), line, (), "is not UTF-8 text")]) from None
    settings = loads(text, file=str(file), directory=file.parent)
    object.__setattr__(settings, "_file", file.absolute())
    return settings


def loads(text: str, *, file: str = "configuration", directory: Path | None = None) -> Settings:
    """Check a configuration given as text; relative file names are taken from `directory`. Raises ConfigError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax_problem(str(error), text, file)]) from None
    lines = key_lines(text)
    problems: list[Problem] = []

    def report(path: KeyPath, what: str, meant: str = "") -> None:
        problems.append(Problem(file, nearest_line(lines, path), path, what, meant))

    check_references(document, report)
    settings = None
    try:
        settings = Settings.model_validate(document, context={"directory": directory or Path()})
    except ValidationError as error:
        for details in error.errors(include_url=False):
            report(*_explain(details))
    if settings is not None:
        check_exposure(settings, report)
        if not problems:
            _check_plan(settings, report)
    if problems or settings is None:
        raise ConfigError(problems)
    return settings


def _check_plan(settings: Settings, report: Report) -> None:
    """What only the dialplan itself can see; names are checked before, so little is left for it."""
    try:
        to_plan(settings)
    except DialplanError as error:
        report(("route",), str(error), "")


def _syntax_problem(message: str, text: str, file: str) -> Problem:
    match = _TOML_PLACE.search(message)
    line = int(match.group(1)) if match and match.group(1) else text.count("\n") + 1
    what = _TOML_PLACE.sub("", message)
    return Problem(file, line, (), f"is not TOML: {what[:1].lower()}{what[1:]}")


def _explain(details: ErrorDetails) -> tuple[KeyPath, str, str]:
    """Key path, what is wrong and the nearest valid name of one finding of the models."""
    path: KeyPath = tuple(details["loc"])
    kind, value = details["type"], details.get("input")
    key = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        return path, "unknown key", nearest(key, _valid_keys(path[:-1]))
    if kind == "missing":
        return path, "is missing", ""
    if kind == "value_error":
        return path, str(details["ctx"]["error"]), ""
    if kind == "literal_error":
        expected = details["ctx"]["expected"]
        meant = nearest(value, re.findall(r"'([^']*)'", expected)) if isinstance(value, str) else ""
        return path, f"must be {expected}, not {_shown(value)}", meant
    message = details["msg"].replace("Input should", "should")
    message = message[:1].lower() + message[1:]
    shown = "" if any(part in _SECRET_KEYS for part in path) else f", not {_shown(value)}"
    return path, f"{message}{shown}", ""


def _shown(value: Any) -> str:
    names = {bool: "a switch", int: "a number", float: "a number", list: "a list", dict: "a table"}
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 40 else f"'{value[:37]}…'"
    if isinstance(value, (bool, int, float)):
        return f"{names[type(value)]} {str(value).lower()}"
    return names.get(type(value), f"a value of kind {type(value).__name__}")


def _valid_keys(path: KeyPath) -> list[str]:
    """Keys that the table at `path` may hold, as they are written in the file."""
    model: type[BaseModel] | None = Settings
    for part in path:
        if isinstance(part, int) or model is None:
            continue
        field = _fields(model).get(part)
        model = inner_model(field.annotation) if field is not None else None
    return list(_fields(model)) if model is not None else []


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """The section model inside an annotation such as `tuple[RouteSettings, ...]`, or None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = inner_model(argument)
        if found is not None:
            return found
    return None
