"""The description of the API as one plain page: no script, nothing fetched from elsewhere."""

from collections.abc import Iterator
from html import escape
from typing import Any

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1,h2{line-height:1.2}code{background:#f3f3f3;padding:.1em .3em}details{border:1px solid #ddd;margin:.4rem 0;
padding:.4rem .8rem}summary{cursor:pointer}table{border-collapse:collapse}td{padding:.15rem .8rem .15rem 0;
vertical-align:top}.m{display:inline-block;width:4.5rem;font-weight:600}
"""


def page(document: dict[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    return "\n".join(_lines(document))


def _lines(document: dict[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(info["title"])}</title>'
    yield f"<style>{_STYLE}</style><h1>{_text(info['title'])} {_text(info['version'])}</h1>"
    yield f'<p>{_text(info["description"])} Machine-readable: <a href="/openapi.json">openapi.json</a>.</p>'
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append((path, method, operation))
    for tag, operations in by_tag.items():
        yield f"<h2>{_text(tag)}</h2>"
        for path, method, operation in operations:
            yield from _operation(path, method, operation)
    yield "<h2>Objects</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield from _object(name, schema)


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<details><summary><span class="m">{method.upper()}</span><code>{_text(path)}</code></summary>'
    yield f"<p>{_text(operation['summary'])}</p><table>"
    for parameter in operation["parameters"]:
        about = parameter.get("description", "")
        yield f"<tr><td><code>{_text(parameter['name'])}</code><td>{parameter['in']}<td>{_text(about)}</tr>"
    yield "</table>"
    if body := operation.get("requestBody"):
        yield f"<p>Body: {_content(body['content'])}</p>"
    yield f"<p>Answer: {_content(operation['responses']['200']['content'])}</p></details>"


def _content(content: dict[str, Any]) -> str:
    return ", ".join(f"{_text(kind)} {_kind(held['schema'])}" for kind, held in content.items())


def _object(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f'<details id="{_text(name)}"><summary><code>{_text(name)}</code></summary>'
    yield f"<p>{_text(schema.get('description', ''))}</p><table>"
    required = schema.get("required", [])
    for member, kind in schema.get("properties", {}).items():
        mark = "required" if member in required else ""
        yield f"<tr><td><code>{_text(member)}</code><td>{_kind(kind)}<td>{mark}</tr>"
    yield "</table></details>"


def _kind(schema: dict[str, Any]) -> str:
    """Return a schema in short: a link, a list of kinds, or a type."""
    if reference := schema.get("$ref"):
        name = _text(str(reference).rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    if kinds := schema.get("anyOf"):
        return " or ".join(_kind(kind) for kind in kinds)
    if "enum" in schema:
        return " | ".join(f"<code>{_text(str(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{_text(str(schema['const']))}</code>"
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}) or {})}"
    if "has_more" in schema.get("properties", {}):
        return f"page of {_kind(schema['properties']['data']['items'])}"
    return _text(str(schema.get("type", "")))


def _text(value: str) -> str:
    return escape(value, quote=True)
