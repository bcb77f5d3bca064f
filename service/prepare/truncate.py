"""Operation `truncate`."""

from collections.abc import Iterator

import msgspec

from service.check.lengths import TextCounter
from service.check.tokens import TokenCounter
from service.core.dataset.forms import DECODERS, Form, form_of
from service.core.dataset.lines import Line
from service.core.dataset.parse import NOT_READ
from service.core.dataset.spans import PER_IMAGE, Spans, lay_out
from service.core.dataset.texts import BLANKS, check_blanks
from service.core.dataset.values import Json, is_object
from service.core.prepare.operations import Truncate
from service.core.prepare.shorten import shortened
from service.prepare.ledger import Ledger
from service.prepare.rows import Row

_decode = msgspec.json.Decoder().decode


def truncate(
    rows: Iterator[Row], operation: Truncate, ledger: Ledger, counter: TextCounter, limit: int
) -> Iterator[Row]:
    """Yield the rows, those that are longer than `limit` tokens shortened; drop those whose answer alone is longer.

    What can't be read as an example is left as it is: the checker counts no tokens of it either.
    """
    lengths, counts_by_bytes = _Lengths(counter), isinstance(counter, TokenCounter)
    for row in rows:
        data = row.text
        value = None if counts_by_bytes and _surely_fits(data, limit) else _read(data)
        length = None if value is None else lengths.of(value)
        if value is None or (length is not None and length <= limit):
            yield row
        elif length is None:
            ledger.tally("not_counted")
            yield row
        elif (new := shortened(value, limit, operation.cut, lambda line: lengths.of(line) or 0, counter.count)) is None:
            ledger.note("removed", row, "answer_too_long", f"{length:,} tokens, and the prompt can't make up for it")
        else:
            ledger.note("changed", row, "truncated", f"from {length:,} to {lengths.of(new) or 0:,} tokens")
            yield row._replace(data=msgspec.json.encode(new), changed=True)


class _Lengths:
    """Counts the tokens of lines as the checker does."""

    def __init__(self, counter: TextCounter) -> None:
        self._counter = counter

    def of(self, value: Json) -> int | None:
        """Return a line's tokens, None where it is no example, or has blanks that no tokenizer takes."""
        line = _line(value)
        if line is None or check_blanks(line, []):
            return None
        spans = Spans(self._counter.encoding)
        lay_out(line, spans)
        found = self._counter.measure(spans, [len(spans.texts)])
        self._counter.confirm(found, spans)
        return found.totals[0]


def _line(value: Json) -> Line | None:
    form = form_of(value)
    forms: tuple[Form, ...] = ("chat", "reinforcement") if form == "chat" else (form,) if form else ()
    for each in forms:
        try:
            line: Line = msgspec.convert(value, DECODERS[each].type)
        except msgspec.ValidationError:
            continue
        return line
    return None


def _surely_fits(data: bytes, limit: int) -> bool:
    """Whether a line has fewer bytes than it may have tokens: a token of a shipped vocabulary
    is a byte or more, an image counts by itself."""
    return len(data) + PER_IMAGE * data.count(b"image_url") <= min(limit, BLANKS)


def _read(data: bytes) -> Json | None:
    try:
        value = _decode(data)
    except NOT_READ:
        return None
    return value if is_object(value) else None
