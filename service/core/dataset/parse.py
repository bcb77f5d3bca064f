"""The slow way to read a line: finds everything that is wrong with its text as JSON, with the exact place."""

import json
import re
from typing import Any, NoReturn

import msgspec

from service.core.dataset.defects import Defect, Found, shown
from service.core.dataset.values import Json, is_list, is_object, kind_of

_SURROGATE = re.compile("[\ud800-\udfff]")
_OPENED = 300
"""Lists and objects in a line up to which it can't be nested too deep."""

SPACED_KEY = re.compile(rb'"[ \t\r\n]+:')
"""In a line that gives a member's name with blanks before the colon, perhaps."""

NOT_READ = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a line that is no JSON of the expected form."""

_decode = msgspec.json.Decoder(Json).decode
_encode = msgspec.json.Encoder().encode
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


class _Repeating(dict[str, Any]):
    """An object that gave some member more than once."""

    repeated: tuple[str, ...] = ()


class _NotJson(ValueError):
    """A constant that Python reads and JSON does not have."""


def member(path: str, key: str) -> str:
    """Return the path of a member, the key masked where it is no plain name."""
    name = key if _PLAIN_KEY.fullmatch(key) else shown(key)
    return f"{path}.{name}" if path else name


def parse(raw: bytes, found: Found) -> Json | None:
    """Return the line's object, mended where it can be, or None where it is none; add what is wrong to `found`.

    Raises RecursionError on nesting that Python cannot follow.
    """
    if (plain := _plain(raw)) is not None:
        return plain
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        found.append(Defect("not_utf8", None, f"byte {error.start + 1} of the line is not UTF-8"))
        return None
    try:
        value = _careful.decode(text)
    except json.JSONDecodeError as error:
        found.append(Defect("invalid_json", None, f"{error.msg} at character {error.pos + 1} of {len(text)}"))
        return None
    except _NotJson as error:
        found.append(Defect("invalid_json", None, f"{error} is not JSON"))
        return None
    except ValueError:
        found.append(Defect("invalid_json", None, "a number has too many digits"))
        return None
    if not is_object(value):
        found.append(Defect("not_an_object", None, f"the line holds {kind_of(value)}, not an object"))
        return None
    return _clean(value, "", found)


def _plain(raw: bytes) -> Json | None:
    """Return the object of a line in which nothing is wrong as JSON: a tenth of the careful way's time.

    Every member ends in `":`. Where the line has as many of these as what was read from it, none was given twice.
    """
    if SPACED_KEY.search(raw) or raw.count(b"[") + raw.count(b"{") > _OPENED:
        return None
    try:
        value = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    again = _encode(value)
    same = raw.count(b'":') - raw.count(b'\\":') == again.count(b'":') - again.count(b'\\":')
    return value if same else None


def _object(pairs: list[tuple[str, Any]]) -> Json:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: set[str] = set()
    repeated = [key for key, _ in pairs if key in seen or seen.add(key)]
    marked = _Repeating(members)
    marked.repeated = tuple(dict.fromkeys(repeated))
    return marked


def gives_each_once(raw: bytes, made: object) -> bool:
    """Whether what was made of a JSON text surely holds all members that it writes, so that none is given twice.

    Each ends in `":`; where blanks stand before a colon, or a name ends in a backslash, nobody can tell.
    """
    escaped, again = raw.count(b'\\":'), _encode(made)
    if escaped and b'\\\\":' in raw:
        return False
    pairs = raw.count(b'":') - escaped
    return pairs == again.count(b'":') - again.count(b'\\":') and SPACED_KEY.search(raw) is None


def repeated_in(text: str, made: Json) -> str | None:
    """Return a name that an object within a JSON text gives more than once, or None; `made` was read from the text."""
    if gives_each_once(text.encode(), made):
        return None
    repeated: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            repeated.append(next(name for name in names if names.count(name) > 1))

    json.loads(text, object_pairs_hook=note)
    return repeated[0] if repeated else None


def _refuse(constant: str) -> NoReturn:
    raise _NotJson(constant)


_careful = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)


def _clean(value: Any, path: str, found: Found) -> Any:
    """Return `value` in plain types, with repeated keys and lone surrogates noted and taken out."""
    if isinstance(value, str):
        if not value.isascii() and _SURROGATE.search(value):
            found.append(Defect("lone_surrogate", path or None, "half of a UTF-16 pair stands alone"))
            return _SURROGATE.sub("\u25a1", value)
        return value
    if is_list(value):
        return [_clean(item, f"{path}[{at}]", found) for at, item in enumerate(value)]
    if is_object(value):
        for key in getattr(value, "repeated", ()):
            found.append(Defect("repeated_key", member(path, key), f"{shown(key)} is given more than once"))
        return {_clean(key, path, found): _clean(item, member(path, key), found) for key, item in value.items()}
    return value
