"""`POST /v1/datasets/{id}/derive` and `GET …/diff`: datasets made of others, and what changed."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import get, post
from litestar.params import FromPath

from service.api.bodies import decode_json, read_bytes
from service.api.context import HttpRequest, runtime_of
from service.api.dataset_wire import DatasetOut
from service.api.derive_wire import DeriveCreate, DiffPending, without_nulls
from service.api.file_wire import lifetime_of
from service.api.files import check_content, find_dataset
from service.api.idempotency import attempt, json_fingerprint
from service.api.metadata import check_metadata
from service.api.replies import Reply, encode, json_reply, page, raw_reply
from service.api.report_requests import check_model
from service.api.reports import RETRY_AFTER
from service.api.waiting import settled
from service.core import clock, ids
from service.core.derivations import Derivation, DerivationPlan
from service.core.errors import InvalidRequest, NotFound
from service.core.files import TRAINING, FileRecord, display_name
from service.core.jobs import Input
from service.core.prepare.diff import Part
from service.core.prepare.operations import Merge, OperationInvalid, Split, Truncate, check_operations

_PARTS: tuple[Part, Part] = ("training", "validation")


@post("/{file_id:str}/derive", status_code=200)
async def derive_dataset(request: HttpRequest, file_id: FromPath[str]) -> Reply:
    """Make a dataset of this one by `operations`, one after another; two where the last is a split."""
    body = await read_bytes(request)
    asked = decode_json(encode(without_nulls(decode_json(body, dict[str, Any]))), DeriveCreate)
    fingerprint = json_fingerprint(body)
    async with attempt(request, fingerprint) as tried:
        if (first := tried.replay(fingerprint)) is not None:
            return first
        source = await find_dataset(request, file_id)
        check_content(source)
        plan = await _planned(request, source, asked)
        records = _records(plan, source, asked)
        answer = encode(page([DatasetOut.of(record) for record in records], has_more=False))
        await runtime_of(request).derivations.create(
            plan,
            records,
            lambda pipe: tried.keep(pipe, fingerprint, answer),
            tried.guard,
            int(clock.now() * 1_000_000),
        )
    return raw_reply(answer)


@get("/{file_id:str}/diff")
async def get_diff(request: HttpRequest, file_id: FromPath[str]) -> Reply:
    """Show what the making of a dataset changed; 202 while it is being made (`Prefer: wait=N`)."""

    async def read() -> FileRecord:
        return await find_dataset(request, file_id)

    record, headers = await settled(request, file_id, read, lambda found: found.has_content or found.status == "error")
    if record.derivation is None:
        raise NotFound(f"The dataset {file_id} was not made of another one.", param="id", code="not_derived")
    if not record.has_content and record.status == "uploaded":
        return json_reply(DiffPending(dataset=record.id), status=202, headers=(*RETRY_AFTER, *headers))
    check_content(record)
    diff = await runtime_of(request).derivations.diff(record)
    if diff is None:
        raise NotFound(f"The diff of {file_id} is gone.", param="id")
    return json_reply(diff, headers=headers)


async def _planned(request: HttpRequest, source: FileRecord, asked: DeriveCreate) -> DerivationPlan:
    """Return the plan, with every dataset that it names looked up. Raises InvalidRequest or NotFound."""
    try:
        check_operations(asked.operations)
    except OperationInvalid as error:
        raise InvalidRequest(
            f"Invalid '{error.path}': {error.message}", param=error.path, code="invalid_value"
        ) from error
    if asked.model is not None:
        check_model(request, asked.model)
    merged: dict[str, Input] = {}
    for at, operation in enumerate(asked.operations):
        if isinstance(operation, Truncate):
            _check_truncate(request, operation, f"operations[{at}]")
        for place, name in enumerate(operation.datasets if isinstance(operation, Merge) else ()):
            merged[name] = await _merged(request, name, f"operations[{at}].datasets[{place}]")
    splits = isinstance(asked.operations[-1], Split)
    return DerivationPlan(
        id=ids.make(ids.DERIVATION),
        source=_input(source),
        merged=tuple(merged.values()),
        operations=asked.operations,
        outputs=tuple(ids.make(ids.FILE) for _ in range(1 + splits)),
        model=asked.model or source.asked_model or runtime_of(request).settings.default_model,
        method=asked.method or source.asked_method or "supervised",
    )


async def _merged(request: HttpRequest, name: str, param: str) -> Input:
    try:
        found = await find_dataset(request, name, param)
        check_content(found, param)
    except NotFound as error:
        raise InvalidRequest(error.message, param=param, code=error.code) from error
    return _input(found)


def _check_truncate(request: HttpRequest, operation: Truncate, param: str) -> None:
    if operation.model is None:
        return
    profile = runtime_of(request).catalogue.profile(operation.model, "supervised")
    if profile is None:
        raise InvalidRequest(
            f"Nothing is known of the model {operation.model!r}; GET /v1/models lists those that are.",
            param=f"{param}.model",
        )
    if profile.max_example_tokens is None and operation.max_tokens is None:
        raise InvalidRequest(
            f"No limit of {operation.model!r} is known: give 'max_tokens'.", param=f"{param}.max_tokens"
        )


def _records(plan: DerivationPlan, source: FileRecord, asked: DeriveCreate) -> Sequence[FileRecord]:
    """Return the records of the outputs, which have no content yet."""
    created_at = int(clock.now())
    seconds = None if asked.expires_after is None else lifetime_of("created_at", str(asked.expires_after.seconds))
    whole = FileRecord(
        id=plan.outputs[0],
        filename=display_name(asked.filename or source.filename),
        purpose=TRAINING,
        bytes=0,
        sha256="",
        created_at=created_at,
        expires_at=None if seconds is None else created_at + seconds,
        metadata=check_metadata(asked.metadata) if asked.metadata else None,
        derived_from=source.id,
        derivation=Derivation(
            id=plan.id, operations=plan.operations, sources=tuple(part.file_id for part in plan.merged)
        ),
        asked_model=asked.model or source.asked_model,
        asked_method=asked.method or source.asked_method,
    )
    if len(plan.outputs) == 1:
        return (whole,)
    return [_side(whole, file_id, part) for file_id, part in zip(plan.outputs, _PARTS, strict=True)]


def _side(whole: FileRecord, file_id: str, part: Part) -> FileRecord:
    assert whole.derivation is not None
    stem, dot, ending = whole.filename.rpartition(".")
    name = f"{stem}.{part}.{ending}" if dot and stem else f"{whole.filename}.{part}"
    derivation = msgspec.structs.replace(whole.derivation, part=part)
    return msgspec.structs.replace(whole, id=file_id, filename=display_name(name), derivation=derivation)


def _input(record: FileRecord) -> Input:
    return Input(file_id=record.id, sha256=record.sha256, bytes=record.bytes, filename=record.filename)
