"""The description of the API in OpenAPI 3.1, made from the routes and the wire structs."""

import re
from importlib.metadata import version
from typing import Any, cast

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute

from service.api.errors import ErrorEnvelope
from service.api.openapi_routes import HEADERS, PARAMETERS, SHAPES, Form, Shape

_REF = "#/components/schemas/{name}"
_PATH = re.compile(r"\{(\w+):\w+\}")
_OPEN = ("/health", "/metrics", "/openapi.json", "/docs", "/v1/provider_webhooks")
_DESCRIPTION = (
    "Self-hosted, OpenAI-compatible fine-tuning. Where OpenAI has a resource, its paths and shapes are OpenAI's; what "
    "is ours is under `tunewright`. Errors are `{error: {message, type, param, code}}`, always with `x-request-id`."
)


def document(app: Litestar) -> dict[str, Any]:
    """Return the description of every route of `app`. Raises KeyError for a handler that `SHAPES` lacks."""
    names, schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in sorted(handler.http_methods - {"OPTIONS"}):
                    operation = _operation(route.path, handler.fn.__name__, handler.fn.__doc__ or "", names)
                    paths.setdefault(_PATH.sub(r"{\1}", route.path), {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tunewright", "version": version("tunewright"), "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": {path: dict(sorted(operations.items())) for path, operations in sorted(paths.items())},
        "components": {"schemas": schemas, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _schemas() -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """Return the reference of each struct that a route reads or answers, and all components."""
    shown = [kind for shape in SHAPES.values() for kind in (shape.answer, *_choices(shape.body))]
    kinds = [kind for kind in shown if isinstance(kind, type)]
    unique = list(dict.fromkeys([*kinds, ErrorEnvelope]))
    references, components = msgspec.json.schema_components(unique, ref_template=_REF)
    return dict(zip(unique, references, strict=True)), dict(sorted(components.items()))


def _operation(path: str, name: str, text: str, names: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    shape = SHAPES[name]
    operation: dict[str, Any] = {
        "operationId": name,
        "tags": [_tag(path)],
        "summary": " ".join(text.split()),
        "parameters": _parameters(path, shape),
        "responses": _responses(shape, names),
    }
    if shape.body is not None:
        content = {media: schema for kind in _choices(shape.body) for media, schema in _body(kind, names).items()}
        operation["requestBody"] = {"required": True, "content": content}
    if path.startswith(_OPEN):
        operation["security"] = []
    return operation


def _tag(path: str) -> str:
    parts = path.strip("/").split("/")
    return parts[1] if parts[0] == "v1" else "operations"


def _parameters(path: str, shape: Shape) -> list[dict[str, Any]]:
    text = {"type": "string"}
    inside = [{"name": name, "in": "path", "required": True, "schema": text} for name in _PATH.findall(path)]
    query: list[dict[str, Any]] = []
    for name in shape.query:
        schema, about = PARAMETERS[name]
        query.append({"name": name, "in": "query", "description": about, "schema": schema})
        if name == "metadata":
            query[-1] |= {"style": "deepObject", "explode": True}
    headers = [{"name": name, "in": "header", "description": HEADERS[name], "schema": text} for name in shape.headers]
    return [*inside, *query, *headers]


def _responses(shape: Shape, names: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    content = (
        {"application/json": {"schema": _page(names[shape.answer])}} if shape.is_page else _body(shape.answer, names)
    )
    failed = {"application/json": {"schema": names[ErrorEnvelope]}}
    responses: dict[str, Any] = {"200": {"description": "Success", "content": content}}
    for status in shape.statuses:
        responses[str(status)] = {"description": "Not yet: ask again" if status == 202 else "Not now"}
    return {**responses, "default": {"description": "An error", "content": failed}}


def _choices(body: Any) -> tuple[Any, ...]:
    """Return the bodies that a route takes; a Form is a tuple too, and one body."""
    return cast("tuple[Any, ...]", body) if type(body) is tuple else (body,)


def _body(kind: Any, names: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    if isinstance(kind, Form):
        return {"multipart/form-data": {"schema": kind.schema}}
    if isinstance(kind, str):
        return {kind: {"schema": {}}}
    return {"application/json": {"schema": names[kind]}}


def _page(item: dict[str, Any]) -> dict[str, Any]:
    text_or_null = {"type": ["string", "null"]}
    return {
        "type": "object",
        "required": ["object", "data", "has_more"],
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": item},
            "first_id": text_or_null,
            "last_id": text_or_null,
            "has_more": {"type": "boolean"},
        },
    }
