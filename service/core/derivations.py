"""How a dataset was made of others: kept in its record for ever, and as a plan until it is made."""

import msgspec

from service.core.jobs import Input, MethodType
from service.core.prepare.diff import Part
from service.core.prepare.operations import Operation


class Derivation(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset was made by; `sources` are the datasets that a merge added. `part` is its side of a split."""

    id: str
    operations: tuple[Operation, ...]
    sources: tuple[str, ...] = ()
    part: Part | None = None


class DerivationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made: `outputs` are the ids of the new datasets, one for each part.

    `model` is the one whose tokens are counted, `method` what lines are judged for.
    """

    id: str
    source: Input
    merged: tuple[Input, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[str, ...]
    model: str
    method: MethodType

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Return all datasets that are read."""
        return (self.source, *self.merged)
