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
    "401": "No valid token",
    "403": "The role does not suffice",
    "404": "No such resource",
    "409": "Not legal in this state",
    "413": "Body too large",
    "415": "Body is not JSON",
    "422": "Invalid request",
    "429": "Too many wrong tokens",
    "500": "The switch failed",
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
        "info": {"title": "softswitch control API", "version": version, "license": {"name": "MIT"}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
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
        "parameters": _path_parameters(operation) + _query_parameters(operation.query),
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
    if operation.stream is not None:
        success: dict[str, Any] = {"101": {"description": "The WebSocket is open"}}
    else:
        schema: dict[str, Any] = _reference(operation.answer)
        if operation.many:
            properties: dict[str, Any] = {"items": {"type": "array", "items": schema}}
            if operation.cursor:
                properties["next"] = {"type": ["string", "null"], "description": "Cursor of the next page."}
            schema = {"type": "object", "required": ["items"], "properties": properties}
        success = {str(operation.status): {"description": "Done", "content": {"application/json": {"schema": schema}}}}
    problem = {"application/problem+json": {"schema": _reference(ProblemDetails)}}
    errors = {status: {"description": text, "content": problem} for status, text in _ERRORS.items()}
    if operation.stream is not None:
        errors["400"] = {"description": "Not a WebSocket request", "content": problem}
    return {**success, **errors}


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
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
