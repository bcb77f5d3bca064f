"""OpenAI's upload, its parts, and the bodies that its calls send."""

from typing import Literal

import msgspec

from service.api.file_wire import ExpiresAfter, FileOut
from service.core.files import Purpose
from service.core.uploads import Part, UploadRecord, UploadStatus


class UploadCreate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the whole file will be."""

    bytes: int
    filename: str
    mime_type: str
    purpose: str
    expires_after: ExpiresAfter | None = None


class UploadComplete(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parts of the file in their order, and the MD5 of the whole in hexadecimal."""

    part_ids: list[str]
    md5: str | None = None


class UploadOut(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as OpenAI shows it; `file` is there once it is completed."""

    id: str
    object: Literal["upload"] = "upload"
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: Purpose
    status: UploadStatus
    file: FileOut | None

    @classmethod
    def of(cls, record: UploadRecord) -> "UploadOut":
        """Map a record."""
        return cls(
            id=record.id,
            bytes=record.bytes,
            created_at=record.created_at,
            expires_at=record.expires_at,
            filename=record.filename,
            purpose=record.purpose,
            status=record.status,
            file=None if record.file is None else FileOut.of(record.file),
        )


class UploadPartOut(msgspec.Struct, frozen=True, kw_only=True):
    """A part as OpenAI shows it."""

    id: str
    object: Literal["upload.part"] = "upload.part"
    created_at: int
    upload_id: str

    @classmethod
    def of(cls, part: Part, upload_id: str) -> "UploadPartOut":
        """Map a part."""
        return cls(id=part.id, created_at=part.created_at, upload_id=upload_id)
