"""The OpenAPI 3.1 description of the API, built from the route table and the request models."""

from __future__ import annotations

import functools
import re
from typing import Any

from pydantic.json_schema import models_json_schema

from assistants_emulator.config import VERSION
from assistants_emulator.contract.queries import FILE_STATUSES, INCLUDABLE, LIMITS, ORDERS
from assistants_emulator.resources.route import Route
from assistants_emulator.web.routing import ROUTES

Json = dict[str, Any]
ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
BETA: Json = {
    "name": "OpenAI-Beta",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "enum": ["assistants=v2"]},
}
FILTERS: dict[str, Json] = {
    "filter": {"enum": list(FILE_STATUSES)},
    "run_id": {"type": "string"},
    "purpose": {"type": "string"},
}


@functools.cache
def openapi() -> Json:
    routes = [route for route in ROUTES if "v2" in route.versions]
    models = {route.body for route in routes if route.body is not None}
    ordered = sorted(models, key=lambda model: model.__name__)
    template = "#/components/schemas/{model}"
    refs, schemas = models_json_schema([(model, "validation") for model in ordered], ref_template=template)
    paths: Json = {}
    for route in routes:
        body = refs[route.body, "validation"] if route.body is not None else None
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, body)
    return {
        "openapi": "3.1.0",
        "info": {"title": "assistants-emulator", "version": VERSION},
        "servers": [{"url": "/v1"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas["$defs"], "Error": ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, body: Json | None) -> Json:
    described: Json = {
        "operationId": _name(route),
        "parameters": [*_path_parameters(route), *_query_parameters(route), *([BETA] if route.beta else [])],
        "responses": {
            "200": {"description": "OK"},
            "default": {"description": "An error", "content": _json({"$ref": "#/components/schemas/Error"})},
        },
    }
    if body is not None:
        described["requestBody"] = {"content": _json(body)}
    elif route.form is not None:
        described["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _form(route)}}}
    return described


def _name(route: Route) -> str:
    words = re.findall(r"\w+", route.path)
    return "_".join([route.operation.__name__.rstrip("_"), *words])


def _path_parameters(route: Route) -> list[Json]:
    names = re.findall(r"{(\w+)}", route.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(route: Route) -> list[Json]:
    schemas: dict[str, Json] = {}
    if route.lists:
        lowest, highest = LIMITS
        schemas["limit"] = {"type": "integer", "minimum": lowest, "maximum": highest}
        schemas |= {"order": {"enum": list(ORDERS)}, "after": {"type": "string"}, "before": {"type": "string"}}
    schemas |= {name: FILTERS.get(name, {"type": "string"}) for name in route.filters}
    if route.includes:
        schemas["include[]"] = {"type": "array", "items": {"enum": list(INCLUDABLE)}}
    return [{"name": name, "in": "query", "schema": schema} for name, schema in schemas.items()]


def _form(route: Route) -> Json:
    assert route.form is not None
    binary = {"type": "string", "format": "binary"}
    fields: Json = {route.form.file: binary}
    if route.form.file == "file":
        fields["purpose"] = {"type": "string"}
    return {"type": "object", "properties": fields, "required": list(fields)}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
