"""OpenAI's uploads: a large file that arrives in parts (reference/openai-api.md §4.2), and the rules of its life."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from service.core.errors import InvalidRequest
from service.core.files import FileRecord, Purpose

UploadStatus = Literal["pending", "completed", "cancelled", "expired"]

LIFE_S = 3_600
"""From its creation until an upload that was not completed expires."""

MAX_PART_BYTES = 64 << 20
MAX_PARTS = 10_000

_MD5 = re.compile(r"[0-9a-fA-F]{32}\Z")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+\Z", re.ASCII)
_NO_LINES = ("image/", "audio/", "video/", "font/", "multipart/", "application/pdf", "application/zip")


class UploadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as Tunewright keeps it. Times are Unix seconds.

    `bytes` is what the client announced; `received` is what all its parts hold, used or not. `lifetime_s` is that of
    the file to be. `request` is the digest of the call that completed it, by which an equal call is known.
    """

    id: str
    filename: str
    purpose: Purpose
    mime_type: str
    bytes: int
    created_at: int
    lifetime_s: int | None = None
    status: UploadStatus = "pending"
    parts: int = 0
    received: int = 0
    file: FileRecord | None = None
    request: str | None = None

    @property
    def expires_at(self) -> int:
        """Return the end of its life."""
        return self.created_at + LIFE_S

    def seen_at(self, now: float) -> "UploadRecord":
        """Return the record with the status that it has at `now`: no worker is needed for an upload to expire."""
        if self.status == "pending" and self.expires_at <= now:
            return msgspec.structs.replace(self, status="expired")
        return self

    def with_file(self, file: FileRecord, request: str) -> "UploadRecord":
        """Return the record of the upload completed by `request`."""
        return msgspec.structs.replace(self, status="completed", file=file, request=request)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part whose bytes are wholly stored."""

    id: str
    bytes: int
    created_at: int


def check_announced(size: int, mime_type: str, most_bytes: int) -> None:
    """Judge what is announced of a file of purpose `fine-tune`. Raises InvalidRequest."""
    if not 1 <= size <= most_bytes:
        raise InvalidRequest(f"Invalid 'bytes': it must be from 1 to {most_bytes:,}.", param="bytes")
    kind = mime_type.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.match(kind) or kind.startswith(_NO_LINES):
        raise InvalidRequest(
            f"Invalid 'mime_type': {mime_type[:100]!r} is none for the purpose 'fine-tune'; use 'text/jsonl'.",
            param="mime_type",
        )


def check_open(upload: UploadRecord) -> None:
    """Raise InvalidRequest unless the upload takes parts and can be completed or cancelled."""
    if upload.status == "completed" and upload.file is not None:
        raise InvalidRequest(
            f"The upload {upload.id} is completed; its file is {upload.file.id}.", code="upload_completed"
        )
    if upload.status != "pending":
        raise InvalidRequest(
            f"The upload {upload.id} is {upload.status}; begin a new one.", code=f"upload_{upload.status}"
        )


def with_part(upload: UploadRecord, part: Part) -> UploadRecord:
    """Return the upload with one part more. Raises InvalidRequest where it is full.

    Parts that were sent twice (a lost answer) take room until the end, so that there is room for twice the announced
    bytes and a part; whether the parts make up the file is judged when they are named.
    """
    check_open(upload)
    if upload.parts >= MAX_PARTS:
        raise InvalidRequest(f"An upload has at most {MAX_PARTS:,} parts.", param="data", code="too_many_parts")
    received = upload.received + part.bytes
    if received > 2 * upload.bytes + MAX_PART_BYTES:
        raise InvalidRequest(
            f"The parts hold {received:,} bytes, and {upload.bytes:,} were announced for the whole file.",
            param="data",
            code="upload_too_large",
        )
    return msgspec.structs.replace(upload, parts=upload.parts + 1, received=received)


def chosen_parts(upload: UploadRecord, parts: Mapping[str, Part], part_ids: Sequence[str]) -> list[Part]:
    """Return the parts of the file in their order. Raises InvalidRequest unless they make up what was announced."""
    if not part_ids:
        raise _wrong("it must name at least one part")
    seen: set[str] = set()
    for place, part_id in enumerate(part_ids):
        if part_id not in parts:
            raise _wrong(f"{part_id[:100]!r} (number {place + 1}) is no part of this upload")
        if part_id in seen:
            raise _wrong(f"{part_id!r} (number {place + 1}) is named twice")
        seen.add(part_id)
    chosen = [parts[part_id] for part_id in part_ids]
    total = sum(part.bytes for part in chosen)
    if total != upload.bytes:
        raise InvalidRequest(
            f"The parts hold {total:,} bytes, and {upload.bytes:,} were announced.",
            param="part_ids",
            code="upload_size_mismatch",
        )
    return chosen


def check_md5(md5: str | None) -> str | None:
    """Return a checksum in lower case. Raises InvalidRequest for one that is no MD5 in hexadecimal."""
    if md5 is None:
        return None
    if not _MD5.match(md5):
        raise InvalidRequest("Invalid 'md5': it must be 32 hexadecimal digits.", param="md5")
    return md5.lower()


def _wrong(what: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid 'part_ids': {what}.", param="part_ids", code="invalid_part_ids")
