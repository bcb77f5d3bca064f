"""Operation `redact`."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import msgspec

from service.check.search import search_for_rules
from service.core.dataset.parse import NOT_READ
from service.core.dataset.rules import TextRule
from service.core.prepare.operations import Redact
from service.core.prepare.redact import redacted, rules_for
from service.core.prepare.walk import changed
from service.prepare.ledger import Ledger
from service.prepare.rows import Row

_decode = msgspec.json.Decoder().decode


class Numbers:
    """Numbers the values of each kind as they first come; hashes of them lie in a database on disk."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # a file of its own, deleted when it is closed
        self._database.execute("CREATE TABLE seen (value BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID")
        self._counts: Counter[str] = Counter()

    def close(self) -> None:
        """Forget all."""
        self._database.close()

    def __call__(self, kind: str, value: str) -> int:
        """Return a value's number; letters' case, and what separates digits, make no difference."""
        if kind != "SECRET":
            value = (value if kind == "EMAIL" else "".join(filter(str.isalnum, value))).casefold()
        key = hashlib.sha256(f"{kind}\0{value}".encode("utf-8", "surrogatepass")).digest()[:16]
        found = self._database.execute("SELECT number FROM seen WHERE value = ?", (key,)).fetchone()
        if found is not None:
            return int(found[0])
        self._counts[kind] += 1
        self._database.execute("INSERT INTO seen VALUES (?, ?)", (key, self._counts[kind]))
        return self._counts[kind]


def redact(rows: Iterator[Row], operation: Redact, ledger: Ledger) -> Iterator[Row]:
    """Yield the rows with placeholders; what can't be read as JSON is redacted as the text that it is."""
    rules = frozenset(rules_for(operation.kinds))
    search = search_for_rules()

    def suspects(text: str) -> list[TextRule]:
        return [rule for each in search.suspects([text], ["system"]) for rule in each.rules if rule in rules]

    with closing(Numbers()) as numbers:
        for row in rows:
            line, kinds = _redacted(row.text, suspects, numbers)
            if not kinds:
                yield row
                continue
            for kind, times in kinds.items():
                ledger.tally(kind.lower(), times)
            told = ", ".join(f"{times} {kind}" for kind, times in sorted(kinds.items()))
            ledger.note("changed", row, "redacted", f"placeholders: {told}")
            yield row._replace(data=line, changed=True)


def _redacted(data: bytes, suspects: Callable[[str], list[TextRule]], numbers: Numbers) -> tuple[bytes, Counter[str]]:
    kinds: Counter[str] = Counter()

    def hide(_: str, text: str) -> str:
        rules = suspects(text)
        if not rules:
            return text
        new, found = redacted(text, rules, numbers)
        kinds.update(found)
        return new if found else text

    try:
        value = _decode(data)
        new = changed(value, hide)
        return (data if new is value else msgspec.json.encode(new)), kinds
    except (*NOT_READ, UnicodeEncodeError):
        text = data.decode("utf-8", "surrogateescape")
        return hide("", text).encode("utf-8", "surrogateescape"), kinds
