"""Operation `clean`: what the checker finds in error is mended where that is certain, else dropped."""

from collections.abc import Iterator
from concurrent.futures import Executor

from service.core.catalogue import Method
from service.core.prepare.mend import mended_line
from service.core.prepare.operations import Clean
from service.prepare.digest import Digest, batches
from service.prepare.ledger import Ledger
from service.prepare.rows import ROW_BYTES, Row


def clean(rows: Iterator[Row], operation: Clean, method: Method, ledger: Ledger, pool: Executor) -> Iterator[Row]:
    """Yield the rows in which the checker finds no error, in order."""
    with Digest(pool, method=method, judging=True) as digest:
        for batch in batches(_carried(rows, ledger)):
            lines = [row.text.removesuffix(b"\r") for row in batch]
            digest.take(lines)
            for at, (row, line) in enumerate(zip(batch, lines, strict=True)):
                fault = digest.faults.get(digest.first + at)
                if fault is None:
                    yield row if line == row.data else row._replace(data=line)
                    continue
                new = mended_line(line, digest.form, remove_unknown=operation.remove_unknown)
                left = fault if new is None else digest.take_again(new)
                if left is None:
                    ledger.note("changed", row, fault.code, f"mended: {fault.message}")
                    yield row._replace(data=new, changed=True)
                else:
                    ledger.note("removed", row, left.code, left.message)


def _carried(rows: Iterator[Row], ledger: Ledger) -> Iterator[Row]:
    for row in rows:
        if row.data is None:
            ledger.note("removed", row, "line_too_long", f"longer than {ROW_BYTES >> 20} MB")
        else:
            yield row
