"""The page at `/api/v1/docs`: the OpenAPI document for people; it needs no script and nothing from another host."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from softswitch.api.operations import PREFIX, Operation

_SHAPES = "#/components/schemas/"
_HEADER = "<tr><th>{}</th><th>Kind</th><th>Means</th></tr>"
#: What a schema says of a value besides its type, and how people are told.
_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "maxLength": "{} characters at most",
    "maxItems": "{} at most",
    "pattern": "matches {}",
}
Schema = Mapping[str, Any]


def reference(document: Mapping[str, Any], operations: Iterable[Operation]) -> str:
    """Every operation by component, with what it takes and answers, and the shapes of all objects, as HTML."""
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    by_component: dict[str, list[Operation]] = {}
    for operation in sorted(operations, key=lambda each: (each.component, each.path, each.method)):
        by_component.setdefault(operation.component, []).append(operation)
    schemas = document["components"]["schemas"]
    links = " · ".join(f'<a href="#{name}">{name}</a>' for name in (*by_component, "shapes"))
    parts = [
        "<h1>API operations</h1><p>Bearer token in <code>Authorization</code>; errors are problem details (RFC 9457). "
        f'The whole contract for programs: <a href="{PREFIX}/openapi.json">openapi.json</a>. In the examples '
        f"<code>$API</code> ends with <code>{PREFIX}</code>.</p><p>{links}</p>"
    ]
    for component, found in by_component.items():
        parts.append(f'<h2 id="{component}">{component}</h2><p>{escape(tags.get(component, ""))}</p>')
        described = [document["paths"][PREFIX + each.path][each.method.lower()] for each in found]
        parts += [_operation(each, said, schemas) for each, said in zip(found, described, strict=True)]
    parts.append('<h2 id="shapes">Shapes</h2>')
    parts += [_shape(name, schema) for name, schema in sorted(schemas.items())]
    return "".join(parts)


def _operation(operation: Operation, described: Schema, schemas: Schema) -> str:
    said = [f"<p>Role {operation.role}.</p>"]
    parameters = [
        (each["name"], each["schema"], each.get("description", ""), each["required"])
        for each in described["parameters"]
        if each["in"] != "path"
    ]
    if parameters:
        said.append(_table("Query or header", parameters))
    body = described.get("requestBody")
    if body is not None:
        shape = _resolved(body["content"]["application/json"]["schema"], schemas)
        if shape.get("properties"):
            said.append(f"<p>{_text(shape.get('description', ''))}</p>" + _table("Body", _members(shape)))
    for status, answer in described["responses"].items():
        if status < "400":
            said.append(f"<p>{status}: {_answer(answer)}</p>")
    said.append(f"<pre>{escape(_curl(operation, schemas))}</pre>")
    return (
        f'<details id="{described["operationId"]}"><summary><code>{operation.method} '
        f"{escape(PREFIX + operation.path)}</code><br>{_text(operation.summary)}</summary>{''.join(said)}</details>"
    )


def _answer(answer: Schema) -> str:
    kinds = [
        f"{escape(media)}: {_kind(content['schema'])}" if content["schema"] else escape(media)
        for media, content in answer.get("content", {}).items()
    ]
    return "; ".join(kinds) or escape(answer["description"])


def _curl(operation: Operation, schemas: Schema) -> str:
    """The request as it is typed; the body is the example of its shape, where it has one."""
    method = "" if operation.method == "GET" else f"-X {operation.method} "
    words = [f'curl -s {method}"$API{operation.path}"', '-H "Authorization: Bearer $TOKEN"']
    if operation.body is not None:
        examples = schemas.get(operation.body.__name__, {}).get("examples", [{}])
        text = json.dumps(examples[0], ensure_ascii=False) if examples[0] else "{…}"
        words += ["-H 'Content-Type: application/json'", f"-d '{text}'"]
    return " \\\n  ".join(words)


def _shape(name: str, schema: Schema) -> str:
    members = _members(schema)
    table = _table("Member", members) if members else f"<p>{_kind(schema)}</p>"
    text = _text(schema.get("description", ""))
    return f'<details id="{escape(name)}"><summary>{escape(name)}</summary><p>{text}</p>{table}</details>'


def _members(schema: Schema) -> list[tuple[str, Schema, str, bool]]:
    required = schema.get("required", ())
    properties: Mapping[str, Schema] = schema.get("properties", {})
    return [(name, each, each.get("description", ""), name in required) for name, each in properties.items()]


def _table(title: str, rows: Iterable[tuple[str, Schema, str, bool]]) -> str:
    told = "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if needed else '<br><small>optional</small>'}</td>"
        f"<td>{_kind(schema)}{_limits(schema)}</td><td>{_text(text)}</td></tr>"
        for name, schema, text, needed in rows
    )
    return f"<table>{_HEADER.format(title)}{told}</table>"


def _kind(schema: Schema) -> str:
    """What a value is, in words; objects are links to their shape."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(_SHAPES))
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"<code>{escape(json.dumps(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    more = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(more, Mapping):
        return f"object of {_kind(more)}"
    if schema.get("type") == "object" and schema.get("properties"):
        return "; ".join(f"{escape(name)}: {_kind(each)}" for name, each in schema["properties"].items())
    kinds = schema.get("type", "anything")
    text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return escape(text if "format" not in schema else f"{text} ({schema['format']})")


def _limits(schema: Schema) -> str:
    found = [text.format(escape(str(schema[name]))) for name, text in _LIMITS.items() if name in schema]
    if schema.get("default") not in (None, "", [], {}):
        found.append(f"default {escape(json.dumps(schema['default'], ensure_ascii=False))}")
    return f"<br><small>{'; '.join(found)}</small>" if found else ""


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    found: Schema = schemas[schema["$ref"].removeprefix(_SHAPES)] if "$ref" in schema else schema
    return found


def _text(text: str) -> str:
    """Words of a description; what stands between ` is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
