"""Operation `sample`."""

from collections.abc import Iterator

import numpy as np

from service.core.prepare.operations import Sample
from service.prepare.ledger import Ledger
from service.prepare.order import priorities
from service.prepare.rows import Row, Spool


def sample(rows: Iterator[Row], operation: Sample, ledger: Ledger) -> Iterator[Row]:
    """Yield as many rows as are asked for, in their order; all where there are no more."""
    with Spool(rows) as spool:
        wanted = operation.count or max(1, int(len(spool) * (operation.fraction or 0) + 0.5))
        kept = np.zeros(len(spool), np.bool_)
        kept[np.argsort(priorities(len(spool), operation.seed), kind="stable")[:wanted]] = True
        for number, row in enumerate(spool):
            if kept[number]:
                yield row
            else:
                ledger.note("removed", row, "not_sampled", "not drawn")
