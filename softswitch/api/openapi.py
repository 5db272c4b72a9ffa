"""The OpenAPI 3.1 document, made from the same operations and models that serve the requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from softswitch.api.models import ProblemDetails
from softswitch.api.operations import PREFIX, Operation

_REFERENCE = "#/components/schemas/{model}"
_ERRORS = {
    "400": "Not HTTP as it should be",
    "401": "No valid token",
    "403": "The role or the scopes do not suffice",
    "404": "No such resource",
    "405": "Method not allowed here",
    "409": "Not possible in this state; `state` and `legal_methods` say what is",
    "412": "Changed meanwhile (If-Match)",
    "413": "Body too large",
    "415": "Body is not JSON",
    "422": "Invalid request; `errors` names the members",
    "429": "Too many wrong tokens",
    "500": "The switch failed",
    "503": "The database or the media engine cannot take it now",
}
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"certificate": []}]
_TAGS = {
    "voice": "Calls: placed, steered through the five states, held, transferred, released",
    "group": "Talkgroups: laid down, called, joined; their floor; what dispatchers do in them",
    "sms": "Short messages, kept until they are delivered",
    "location": "Positions, tracks, geofences, subscriptions",
    "webrtc": "Browsers that call and are called by an SDP offer and answer",
    "data": "Subscribers, directory, call detail records, audit",
    "events": "Every state change, live, resumable, or posted to other servers",
    "system": "Health, registrations, trunks, media, bans, reload, trace",
}


def openapi_document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """The document for these operations."""
    operations = list(operations)
    models: set[type[BaseModel]] = {ProblemDetails}
    for operation in operations:
        models.update(each for each in (operation.body, operation.answer) if each is not None)
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "validation" if _is_body(model, operations) else "serialization") for model in ordered],
        ref_template=_REFERENCE,
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "softswitch control API",
            "version": version,
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": "Errors are problem details (RFC 9457). Times are ISO 8601 in UTC. Ids are strings.",
        },
        "servers": [{"url": "/"}],
        "security": _SECURITY,
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "certificate": {"type": "mutualTLS", "description": "A client certificate that stands for a role."},
            },
        },
    }


def _is_body(model: type[BaseModel], operations: list[Operation]) -> bool:
    return any(operation.body is model for operation in operations)


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs role {operation.role}.",
        "tags": [operation.component],
        "parameters": [
            *_path_parameters(operation),
            *_query_parameters(operation.asks),
            *_header_parameters(operation),
        ],
        "responses": _responses(operation),
    }
    if operation.body is not None:
        fields = operation.body.model_fields.values()
        described["requestBody"] = {
            "required": any(field.is_required() for field in fields),
            "content": {"application/json": {"schema": _reference(operation.body)}},
        }
    return described


def _responses(operation: Operation) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": _reference(ProblemDetails)}}
    errors = {status: {"description": text, "content": problem} for status, text in _ERRORS.items()}
    if operation.stream is not None:
        return {**_stream_responses(operation), **errors}
    if operation.status == 204:
        return {"204": {"description": "Done"}, **errors}
    schema: dict[str, Any] = _reference(operation.answer)
    if operation.many:
        properties: dict[str, Any] = {"items": {"type": "array", "items": schema}}
        if operation.paged:
            properties["next"] = {"type": ["string", "null"], "description": "Cursor of the next page."}
        schema = {"type": "object", "required": ["items"], "properties": properties}
    success: dict[str, Any] = {"description": "Done", "content": {"application/json": {"schema": schema}}}
    headers = _response_headers(operation)
    if headers:
        success["headers"] = headers
    found = {str(operation.status): success}
    if operation.tagged:
        found["304"] = {"description": "As it was (If-None-Match)"}
    return {**found, **errors}


_SOUND_TYPES = ("wav", "ogg", "x-matroska")


def _stream_responses(operation: Operation) -> dict[str, Any]:
    if operation.kinds:
        content = {kind: {"schema": {} if kind.endswith("json") else {"type": "string"}} for kind in operation.kinds}
        return {"200": {"description": "In the form asked for", "content": content}}
    if operation.path.endswith("/media"):
        sound = {f"audio/{kind}": {"schema": {"type": "string", "format": "binary"}} for kind in _SOUND_TYPES}
        return {
            "200": {"description": "The file", "content": sound},
            "206": {"description": "The part that Range asked for", "content": sound},
            "416": {"description": "Range asks for what is not there"},
        }
    found: dict[str, Any] = {"101": {"description": "The WebSocket is open"}}
    if operation.path == "/events":
        text = {"text/event-stream": {"schema": {"type": "string"}}}
        found["200"] = {"description": "Server-sent events, when the request accepts them", "content": text}
    return found


def _response_headers(operation: Operation) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    found: dict[str, Any] = {}
    if operation.location:
        found["Location"] = {"description": "Path of what was made", **text}
    if operation.tagged or operation.current is not None:
        found["ETag"] = {"description": "Names this state of the resource", **text}
    return found


def _header_parameters(operation: Operation) -> list[dict[str, Any]]:
    found = []
    if operation.idempotent_by_key:
        found.append(("Idempotency-Key", "A repeated request with the same key gets the first answer.", 255))
    if operation.current is not None:
        found.append(("If-Match", "ETag that the resource must still have.", 1024))
    if operation.tagged:
        found.append(("If-None-Match", "ETag known already; 304 when it is still the same.", 1024))
    if operation.path == "/events":
        found.append(("Last-Event-ID", "Resume server-sent events after this one.", 32))
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": text,
            "schema": {"type": "string", "maxLength": longest, "pattern": "^[!-~]*$"},
        }
        for name, text, longest in found
    ]


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for part in operation.path.split("/")
        if part.startswith("{")
    ]


def _query_parameters(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema(ref_template=_REFERENCE)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": each.get("description", ""),
            "schema": {key: value for key, value in each.items() if key not in ("description", "title")},
        }
        for name, each in schema.get("properties", {}).items()
    ]


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
