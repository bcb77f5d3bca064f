"""Operation `convert`."""

from collections.abc import Iterator

from service.core.prepare.convert import UnknownShape, converted, shape_for, target_for
from service.core.prepare.operations import Convert, Shape, Target
from service.core.prepare.records import NotConvertible
from service.prepare.containers import Record
from service.prepare.ledger import Ledger
from service.prepare.rows import PrepareFailed, Row


def convert(records: Iterator[Record], operation: Convert, ledger: Ledger) -> Iterator[Row]:
    """Yield a row for each record that can be converted. Raises PrepareFailed where the first tells no shape."""
    found: tuple[Shape | None, Target] | None = None
    for record in records:
        if record.value is None:
            ledger.note("removed", record.row, record.code, record.message)
            continue
        if found is None:
            found = _shape(operation, list(record.value))
            ledger.notes.append(f"from {found[0] or 'a template'} to {found[1]}")
        try:
            line = converted(record.value, operation, *found)
        except NotConvertible as error:
            ledger.note("removed", record.row, error.code, str(error))
            continue
        if line == record.row.data:
            yield record.row
        else:
            ledger.note("changed", record.row, "converted", f"now a {found[1]} line")
            yield record.row._replace(data=line, changed=True)


def _shape(operation: Convert, names: list[str]) -> tuple[Shape | None, Target]:
    try:
        shape = shape_for(operation, names)
    except UnknownShape as error:
        raise PrepareFailed("unknown_shape", str(error)) from error
    return shape, target_for(operation, shape)
