"""What a client says of a new dataset: in the query beside the bytes, or as JSON with the address of them."""

from typing import Any

import msgspec

from service.api import queries
from service.api.bodies import decode_json, read_bytes
from service.api.context import HttpRequest, runtime_of
from service.api.dataset_wire import DatasetOut
from service.api.file_wire import ExpiresAfter, lifetime_of
from service.api.idempotency import attempt, fingerprint_of
from service.api.ingest import new_file_id
from service.api.metadata import check_metadata
from service.api.replies import Reply, encode, raw_reply
from service.api.report_requests import METHODS, check_model, model_of
from service.core import clock
from service.core.addresses import AddressPolicy
from service.core.errors import InvalidRequest
from service.core.files import TRAINING, FileRecord, display_name
from service.core.jobs import MethodType
from service.core.sources import BadSource, SourceWish, check_sha256, name_of, parse_source, shown
from service.store.redis import Pipeline
from service.store.sources import queue_wish


class DatasetFromUrl(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset to be fetched: https, `hf://datasets/OWNER/NAME/PATH`, `s3://`, `gs://` or `az://`.

    `sha256`, if given, is what its content must have. The other members are those of the query, and win over it.
    """

    url: str
    sha256: str | None = None
    filename: str | None = None
    model: str | None = None
    method: MethodType | None = None
    metadata: dict[str, str] | None = None
    expires_after: ExpiresAfter | None = None


def asked_of(request: HttpRequest) -> FileRecord:
    """Return a record with what the query says, and no content yet. Raises InvalidRequest."""
    seconds = queries.text_of(request, "expires_after")
    lifetime = lifetime_of(None if seconds is None else "created_at", seconds)
    created_at = int(clock.now())
    return FileRecord(
        id=new_file_id(),
        filename=display_name(queries.text_of(request, "filename") or "dataset.jsonl"),
        purpose=TRAINING,
        bytes=0,
        sha256="",
        created_at=created_at,
        expires_at=None if lifetime is None else created_at + lifetime,
        metadata=check_metadata(queries.metadata_of(request)) or None,
        asked_model=model_of(request),
        asked_method=queries.choice_of(request, "method", METHODS),
    )


async def from_url(request: HttpRequest) -> Reply:
    """Store the wish to fetch a dataset; a worker does it. The answer is the dataset, `checking`."""
    body = await read_bytes(request)
    asked = decode_json(body, DatasetFromUrl)
    now = clock.now()
    wish = _wish(request, asked, now)
    record = _record(request, asked)
    fingerprint = fingerprint_of(msgspec.json.decode(body), sorted(request.query_params.multi_items()))
    async with attempt(request, fingerprint) as tried:
        if (first := tried.replay(fingerprint)) is not None:
            return first
        answer = encode(DatasetOut.of(record))

        def also(pipe: Pipeline) -> None:
            queue_wish(pipe, record.id, wish)
            tried.keep(pipe, fingerprint, answer)

        await runtime_of(request).files.create(record, also, tried.guard, created_micros=int(now * 1_000_000))
    return raw_reply(answer)


def _wish(request: HttpRequest, asked: DatasetFromUrl, now: float) -> SourceWish:
    """Judge the address now, without looking it up; the worker judges it again, and what it resolves to."""
    settings = runtime_of(request).settings
    try:
        policy = AddressPolicy(allow=settings.source_allow)
        parse_source(asked.url, policy, settings.source_buckets, settings.hf_endpoint)
    except BadSource as error:
        raise InvalidRequest(f"Invalid 'url': {error}", param="url", code="invalid_source") from error
    try:
        return SourceWish(url=asked.url, begun_at=now, sha256=check_sha256(asked.sha256))
    except BadSource as error:
        raise InvalidRequest(f"Invalid 'sha256': {error}", param="sha256") from error


def _record(request: HttpRequest, asked: DatasetFromUrl) -> FileRecord:
    base = asked_of(request)
    given: dict[str, Any] = {"source": shown(asked.url)}
    name = asked.filename or queries.text_of(request, "filename") or name_of(asked.url) or base.filename
    given["filename"] = display_name(name)
    if asked.model is not None:
        given["asked_model"] = check_model(request, asked.model)
    if asked.method is not None:
        given["asked_method"] = asked.method
    if asked.metadata is not None:
        given["metadata"] = check_metadata(asked.metadata) or None
    if (expiry := asked.expires_after) is not None:
        lifetime = lifetime_of(expiry.anchor, str(expiry.seconds))
        given["expires_at"] = None if lifetime is None else base.created_at + lifetime
    return msgspec.structs.replace(base, **given)
