"""What the models share: strictness, times, numbers, and errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, PlainSerializer


def _moment(value: object) -> object:
    """Seconds since 1970 as a UTC time; 0 and None mean never."""
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC) if value else None
    return value


def _iso(value: datetime | None) -> str | None:
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def with_times(value: Any) -> Any:
    """JSON in which members that end in `_at` are UTC times, or null for never, instead of seconds since 1970."""
    if isinstance(value, dict):
        return {
            name: _time(each)
            if name[-3:] == "_at" and isinstance(each, (int, float))
            else (with_times(each) if isinstance(each, (dict, list, tuple)) else each)
            for name, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [with_times(each) for each in value]
    return value


def _time(seconds: float) -> str | None:
    return _iso(datetime.fromtimestamp(seconds, UTC)) if seconds else None


Time = Annotated[datetime | None, BeforeValidator(_moment), PlainSerializer(_iso, return_type=str | None)]
Number = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\s<>\"@;]+$")]


class Request(BaseModel):
    """A request body or query; unknown members are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, defer_build=True)


def example(**members: JsonValue) -> ConfigDict:
    """What a request's `model_config` is when these members are an example of it."""
    return ConfigDict(json_schema_extra={"examples": [members]})


class Answer(BaseModel):
    """A successful answer: what stands in its model and nothing else, so that the OpenAPI document tells all of it."""

    model_config = ConfigDict(extra="ignore", defer_build=True)


class NoContent(Answer):
    """Nothing."""


class NoArguments(Request):
    """An empty body or object."""


class FieldError(BaseModel):
    """What is wrong with one member of a request."""

    field: str
    detail: str


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(description="A URN that names the kind of problem.")
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default_factory=list, description="Which members are wrong (422).")
    state: str = Field(default="", description="State of the call (409).")
    legal_methods: list[str] = Field(default_factory=list, description="What is possible in that state (409).")
