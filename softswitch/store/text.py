"""Text as the database takes it: what came from the network may hold octets that are no UTF-8, and must cost no row."""

from __future__ import annotations

import json

from pydantic_core import PydanticSerializationError, to_json


def storable(text: str) -> str:
    """The text with a question mark for each octet that was no UTF-8 (in strings: lone surrogates)."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def json_text(value: object) -> str:
    """A plain value as JSON, in a third of the time that `json.dumps` takes; texts as `storable` makes them."""
    try:
        return to_json(value, fallback=str).decode()
    except PydanticSerializationError:
        return storable(json.dumps(value, ensure_ascii=False, default=str))
