"""The dataset object (DESIGN §3.2)."""

from typing import Literal

import msgspec

from service.api.derive_wire import DerivationOut
from service.core.files import DatasetStatus, FileRecord


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The report in short."""

    valid: bool
    error_count: int
    warning_count: int


class DatasetOut(msgspec.Struct, frozen=True, kw_only=True):
    """A file of purpose `fine-tune`, seen whole. `report` is null until the check is done.

    `bytes` and `sha256` are null while it is fetched from `source`, or made of others, which `derivation` tells of.
    """

    id: str
    object: Literal["dataset"] = "dataset"
    filename: str
    bytes: int | None
    sha256: str | None
    created_at: int
    expires_at: int | None
    status: DatasetStatus
    status_details: str | None
    format: str | None
    examples: int | None
    metadata: dict[str, str] | None
    derived_from: str | None
    derivation: DerivationOut | None
    source: str | None
    report: Verdict | None

    @classmethod
    def of(cls, record: FileRecord) -> "DatasetOut":
        """Map a record."""
        return cls(
            id=record.id,
            filename=record.filename,
            bytes=record.bytes if record.has_content else None,
            sha256=record.sha256 or None,
            created_at=record.created_at,
            expires_at=record.expires_at,
            status=record.dataset_status,
            status_details=record.status_details,
            format=record.format,
            examples=record.examples,
            metadata=record.metadata,
            derived_from=record.derived_from,
            derivation=None if record.derivation is None else DerivationOut.of(record.derivation),
            source=record.source,
            report=_verdict(record),
        )


class ReportPending(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a 202: the report is being made."""

    object: Literal["dataset.report.pending"] = "dataset.report.pending"
    dataset: str
    model: str
    method: str
    validation: str | None


def _verdict(record: FileRecord) -> Verdict | None:
    if record.valid is None:
        return None
    return Verdict(valid=record.valid, error_count=record.error_count or 0, warning_count=record.warning_count or 0)
