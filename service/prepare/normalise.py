"""Operation `normalise`."""

from collections.abc import Iterator
from functools import partial

import msgspec

from service.core.dataset.parse import NOT_READ
from service.core.prepare.normalise import normalised
from service.core.prepare.operations import Normalise
from service.core.prepare.walk import changed
from service.prepare.ledger import Ledger
from service.prepare.rows import Row

_decode = msgspec.json.Decoder().decode


def normalise(rows: Iterator[Row], operation: Normalise, ledger: Ledger) -> Iterator[Row]:
    """Yield the rows with their texts in normal form; what can't be read as JSON is left as it is."""
    change = partial(normalised, operation)
    for row in rows:
        data = row.text.removesuffix(b"\r") if operation.line_ends else row.text
        try:
            value = _decode(data)
            new = changed(value, change)
            line = data if new is value else msgspec.json.encode(new)
        except (*NOT_READ, UnicodeEncodeError):
            line = data
        if line == row.data:
            yield row
        else:
            ledger.note("changed", row, "normalised", "texts were brought into one form")
            yield row._replace(data=line, changed=True)
