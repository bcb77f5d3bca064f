"""OpenAI's file object, and the readings of its fields."""

from typing import Literal

import msgspec

from service.core.errors import InvalidRequest
from service.core.files import MAX_EXPIRY_S, MIN_EXPIRY_S, TRAINING, FileRecord, FileStatus, Purpose

_OTHER_PURPOSES = frozenset({"assistants", "batch", "vision", "user_data", "evals", "fine-tune-results"})


class FileOut(msgspec.Struct, frozen=True, kw_only=True):
    """A file as OpenAI shows it."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: Purpose
    status: FileStatus
    status_details: str | None

    @classmethod
    def of(cls, record: FileRecord) -> "FileOut":
        """Map a record."""
        return cls(
            id=record.id,
            bytes=record.bytes,
            created_at=record.created_at,
            expires_at=record.expires_at,
            filename=record.filename,
            purpose=record.purpose,
            status=record.status,
            status_details=record.status_details,
        )


class ExpiresAfter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The life of a file to be."""

    anchor: Literal["created_at"]
    seconds: int


class FileDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a deletion."""

    id: str
    object: Literal["file"] = "file"
    deleted: bool = True


def check_purpose(purpose: str | None) -> Purpose:
    """Return the purpose of an upload. Raises InvalidRequest."""
    if purpose is None:
        raise InvalidRequest(
            "Missing required parameter: 'purpose'.", param="purpose", code="missing_required_parameter"
        )
    if purpose == TRAINING:
        return TRAINING
    what = "is not taken by this service" if purpose in _OTHER_PURPOSES else "is unknown"
    raise InvalidRequest(f"The purpose {purpose[:100]!r} {what}; upload with 'fine-tune'.", param="purpose")


def lifetime_of(anchor: str | None, seconds: str | None) -> int | None:
    """Return the seconds of `expires_after`, None where it was not given. Raises InvalidRequest."""
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise InvalidRequest("expires_after[anchor] must be 'created_at'.", param="expires_after.anchor")
    text = seconds or ""
    if not (text.isascii() and text.isdecimal()) or not MIN_EXPIRY_S <= int(text[:12]) <= MAX_EXPIRY_S:
        raise InvalidRequest(
            f"expires_after[seconds] must be a whole number from {MIN_EXPIRY_S} to {MAX_EXPIRY_S}.",
            param="expires_after.seconds",
        )
    return int(text)
