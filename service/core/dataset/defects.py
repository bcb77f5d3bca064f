"""A defect of one line, and how a piece of the user's data may be shown in its message."""

import re
from typing import Any, NamedTuple

SHOWN_CHARACTERS = 40
_LONG_RUN = re.compile(r"[A-Za-z0-9+/=_\-.]{16,}|\d[\d \-]{6,}\d|\S+@\S+")


class Defect(NamedTuple):
    """One finding of one line, before it gets its line number. If `rare`, it counts only where few lines have it."""

    code: str
    path: str | None
    message: str
    rare: bool = False


Found = list[Defect]


def shown(value: Any) -> str:
    """Return a short quoted excerpt, safe to print: whatever could be a key, number or address is masked."""
    text = value if isinstance(value, str) else f"{value!r}"
    masked = _LONG_RUN.sub(lambda run: f"{run[0][:2]}…", text[:400])
    masked = "".join(character if character.isprintable() else "�" for character in masked)
    return f"“{masked[:SHOWN_CHARACTERS]}{'…' if len(masked) > SHOWN_CHARACTERS else ''}”"
