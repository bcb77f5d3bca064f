"""The record of a file; a file of purpose `fine-tune` is also a dataset (DESIGN §3.2)."""

from typing import Literal

import msgspec

from service.core.derivations import Derivation
from service.core.jobs import MethodType

Purpose = Literal["fine-tune", "fine-tune-results"]
FileStatus = Literal["uploaded", "processed", "error"]
DatasetStatus = Literal["checking", "ready", "rejected"]

TRAINING: Purpose = "fine-tune"
RESULTS: Purpose = "fine-tune-results"

MIN_EXPIRY_S = 3_600
MAX_EXPIRY_S = 2_592_000
MAX_FILENAME = 255

_DATASET_STATUS: dict[FileStatus, DatasetStatus] = {"uploaded": "checking", "processed": "ready", "error": "rejected"}


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A file as Tunewright keeps it; its bytes are the blob of `sha256`. Times are Unix seconds.

    A dataset that is made of others (its `derivation`), or fetched from `source` (an address without what may be secret
    in it), has no content until that is done: `sha256` is "" and `bytes` 0, and so they stay where it failed.
    `asked_model` and `asked_method` are what the client wanted it checked against. What the check found (`format`,
    `examples`, `valid`, the counts, and `report_key`, the report's blob) is None until it is known; `rejected_for` is
    the error code of one that was rejected without a report.
    """

    id: str
    filename: str
    purpose: Purpose
    bytes: int
    sha256: str
    created_at: int
    expires_at: int | None = None
    status: FileStatus = "uploaded"
    status_details: str | None = None
    metadata: dict[str, str] | None = None
    derived_from: str | None = None
    derivation: Derivation | None = None
    source: str | None = None
    asked_model: str | None = None
    asked_method: MethodType | None = None
    format: str | None = None
    examples: int | None = None
    valid: bool | None = None
    error_count: int | None = None
    warning_count: int | None = None
    report_key: str | None = None
    rejected_for: str | None = None

    @property
    def has_content(self) -> bool:
        """Tell whether there are bytes: a dataset that is made of others, or fetched, has none before that is done."""
        return self.sha256 != ""

    @property
    def dataset_status(self) -> DatasetStatus:
        """Return the status that the file has as a dataset."""
        return _DATASET_STATUS[self.status]

    def is_expired(self, now: float) -> bool:
        """Tell whether the file's life, if it was given one, is over."""
        return self.expires_at is not None and self.expires_at <= now


def display_name(name: str) -> str:
    """Return `name` as a label: its last path part, without control and direction characters, at most 255 long.

    The label never becomes a path. What is left of nothing is `upload`.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    label = "".join(character for character in last if character.isprintable()).strip()
    return label[:MAX_FILENAME] if label.strip(".") else "upload"
