"""The part of JSON Schema that tool declarations use: is it one, and do a call's arguments fit it?"""

from typing import Any

from service.core.dataset.defects import shown
from service.core.dataset.values import Json, is_list, is_object, kind_of

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_KEYWORDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("minimum", "maximum", "multipleOf"), (int, float)),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), (int,)),
    **dict.fromkeys(("description", "title", "pattern", "format", "$ref"), (str,)),
    **dict.fromkeys(("anyOf", "oneOf", "allOf"), (list,)),
}


def schema_defect(schema: Json, path: str, *, top: bool = True) -> tuple[str, str] | None:
    """Return path and description of the first thing that makes `schema` no JSON Schema, or None.

    The outermost schema has to describe an object. Raises RecursionError on nesting beyond Python's limit.
    """
    declared = schema.get("type")
    names: list[Any] = declared if is_list(declared) else [] if declared is None else [declared]
    if unknown := [name for name in names if not isinstance(name, str) or name not in _TYPES]:
        return f"{path}.type", f"{shown(unknown[0])} is no JSON Schema type"
    if top and schema and "object" not in names:
        return f"{path}.type", "the parameters are not of type object"
    required = schema.get("required", [])
    if not is_list(required) or not all(isinstance(name, str) for name in required):
        return f"{path}.required", "`required` is not a list of names"
    known = schema.get("properties")
    if is_object(known) and (missing := [name for name in required if name not in known]):
        return f"{path}.required", f"{shown(missing[0])} is required and not among the `properties`"
    choices = schema.get("enum", [None])
    if not is_list(choices) or not choices:
        return f"{path}.enum", "`enum` is not a list of choices"
    for keyword, kind in _KEYWORDS.items():
        if keyword in schema and (isinstance(schema[keyword], bool) or not isinstance(schema[keyword], kind)):
            return f"{path}.{keyword}", f"`{keyword}` is {kind_of(schema[keyword])}"
    return _defect_inside(schema, path)


def unstrict(schema: Json, path: str) -> tuple[str, str] | None:
    """Return path and description of the first thing that `strict` does not allow, or None.

    Source: OpenAI's guide to function calling. The schema has to be one. Raises RecursionError.
    """
    properties = schema.get("properties")
    if is_object(properties):
        if schema.get("additionalProperties") is not False:
            return path, "with `strict` an object needs `additionalProperties`: false"
        required = schema.get("required", [])
        if missing := [name for name in properties if name not in required]:
            return f"{path}.required", f"with `strict` all properties are required, and {shown(missing[0])} is not"
    inner = dict(properties) if is_object(properties) else {}
    if is_object(items := schema.get("items")):
        inner["items"] = items
    for keyword in ("anyOf", "oneOf", "allOf"):
        inner |= {f"{keyword}[{at}]": each for at, each in enumerate(schema.get(keyword, ()))}
    found = (unstrict(each, f"{path}.{name}") for name, each in inner.items() if is_object(each))
    return next((each for each in found if each is not None), None)


def lost_reference(schema: Json) -> str | None:
    """Return a reference within `schema` that leads nowhere in it, or None; other documents are not looked for."""
    waiting: list[Any] = [schema]
    while waiting:
        value = waiting.pop()
        if is_list(value):
            waiting += value
        elif is_object(value):
            waiting += value.values()
            reference = value.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/") and not _leads(schema, reference[2:]):
                return reference
    return None


def _leads(schema: Any, pointer: str) -> bool:
    for step in pointer.split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if is_list(schema) and name.isdecimal() and int(name) < len(schema):
            schema = schema[int(name)]
        elif is_object(schema) and name in schema:
            schema = schema[name]
        else:
            return False
    return True


def _defect_inside(schema: Json, path: str) -> tuple[str, str] | None:
    properties = schema.get("properties", {})
    if not is_object(properties):
        return f"{path}.properties", f"`properties` is {kind_of(properties)}, not an object"
    inner: dict[str, Any] = {f"{path}.properties.{name}": value for name, value in properties.items()}
    if "items" in schema:
        inner[f"{path}.items"] = schema["items"]
    for keyword in ("anyOf", "oneOf", "allOf"):
        inner |= {f"{path}.{keyword}[{at}]": value for at, value in enumerate(schema.get(keyword, ()))}
    for where, value in inner.items():
        if isinstance(value, bool):
            continue
        if not is_object(value):
            return where, f"a schema is an object, not {kind_of(value)}"
        if defect := schema_defect(value, where, top=False):
            return defect
    return None


def misfit(value: Any, schema: Json, path: str) -> str | None:
    """Return why `value` does not fit `schema`, or None; only the plain keywords are judged."""
    declared = schema.get("type")
    names: list[Any] = declared if is_list(declared) else [] if declared is None else [declared]
    if names and not any(_is_a(value, name) for name in names):
        return f"{path} is {kind_of(value)}, not {' or '.join(map(str, names))}"
    choices = schema.get("enum")
    if is_list(choices) and value not in choices:
        return f"{path} is none of the choices of its `enum`"
    if is_object(value):
        return _object_misfit(value, schema, path)
    items = schema.get("items")
    if is_list(value) and is_object(items):
        return next((why for at, item in enumerate(value) if (why := misfit(item, items, f"{path}[{at}]"))), None)
    return None


def _object_misfit(value: Json, schema: Json, path: str) -> str | None:
    required = schema.get("required")
    for name in required if is_list(required) else ():
        if name not in value:
            return f"{path} lacks the required member {shown(name)}"
    properties = schema.get("properties")
    known: Json = properties if is_object(properties) else {}
    for name, member in value.items():
        if name in known and is_object(known[name]):
            if why := misfit(member, known[name], f"{path}.{name}"):
                return why
        elif name not in known and schema.get("additionalProperties") is False:
            return f"{path} has a member {shown(name)} that the schema does not allow"
    return None


def _is_a(value: Any, name: Any) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(name, (object,)) if isinstance(name, str) else (object,))
