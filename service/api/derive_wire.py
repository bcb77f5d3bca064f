"""The body of a derivation, and the answer while its diff is not there."""

from typing import Any, Literal

import msgspec

from service.api.upload_wire import ExpiresAfter
from service.core.derivations import Derivation
from service.core.jobs import MethodType
from service.core.prepare.diff import Part
from service.core.prepare.operations import Operation


class DeriveCreate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be made of a dataset; `model` and `method` are what the result is checked against.

    By default the new dataset has the name, model and method of the old one.
    """

    operations: tuple[Operation, ...]
    filename: str | None = None
    metadata: dict[str, str] | None = None
    expires_after: ExpiresAfter | None = None
    model: str | None = None
    method: MethodType | None = None


class DerivationOut(msgspec.Struct, frozen=True, kw_only=True):
    """How a dataset was made: the operations with all their members, and the datasets that were merged."""

    operations: tuple[Operation, ...]
    sources: tuple[str, ...]
    part: Part | None

    @classmethod
    def of(cls, derivation: Derivation) -> "DerivationOut":
        """Map a record."""
        return cls(operations=derivation.operations, sources=derivation.sources, part=derivation.part)


class DiffPending(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a 202: the dataset is being made."""

    object: Literal["dataset.diff.pending"] = "dataset.diff.pending"
    dataset: str


def without_nulls(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body whose operations lack the members that are null, which are optional."""
    operations: Any = body.get("operations")
    if not isinstance(operations, list):
        return body
    kept: list[Any] = [_without(operation) for operation in operations]  # pyright: ignore[reportUnknownVariableType]
    return {**body, "operations": kept}


def _without(operation: Any) -> Any:
    if not isinstance(operation, dict):
        return operation
    return {name: value for name, value in operation.items() if value is not None}  # pyright: ignore
