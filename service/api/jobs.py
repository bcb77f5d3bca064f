"""`/v1/fine_tuning/jobs`, as OpenAI has it, with `retry` of ours."""

from collections.abc import Callable

from litestar import Router, get, post
from litestar.params import FromPath

from service.api import queries
from service.api.bodies import decode_json, read_bytes
from service.api.context import HttpRequest, runtime_of
from service.api.idempotency import attempt, json_fingerprint
from service.api.job_events import list_events
from service.api.job_input import JobCreate
from service.api.job_metrics import get_metrics
from service.api.job_reading import find_job
from service.api.job_wire import CheckpointOut, JobOut
from service.api.outlook import tried_out
from service.api.replies import Reply, encode, json_reply, page, raw_reply
from service.api.reports import RETRY_AFTER
from service.api.submission import inputs_of, prepared
from service.api.waiting import settled
from service.api.webhook_deliveries import list_job_deliveries
from service.core import clock, ids, moves
from service.core.errors import InvalidRequest, NotFound
from service.core.jobs import Change, Job
from service.store.jobs import MetadataFilter

_PAGE, _CHECKPOINTS_PAGE, _MOST = 20, 10, 1_000


@post("/", status_code=200)
async def create_job(request: HttpRequest) -> Reply:
    """Create a job; `tunewright.dry_run` only shows what would come of it."""
    body = await read_bytes(request)
    asked = decode_json(body, JobCreate)
    if asked.extra.dry_run:
        return await _dry_run(request, asked)
    fingerprint = json_fingerprint(body)
    async with attempt(request, fingerprint) as tried:
        if (first := tried.replay(fingerprint)) is not None:
            return first
        change = moves.submit(await prepared(request, asked))
        answer = _encoded(request, change.job)
        await runtime_of(request).jobs.create(change, lambda pipe: tried.keep(pipe, fingerprint, answer), tried.guard)
    return raw_reply(answer)


@get("/")
async def list_jobs(request: HttpRequest) -> Reply:
    """List jobs, newest first; `metadata[k]=v` and `metadata=null` choose."""
    found, has_more = await runtime_of(request).jobs.list(
        after=queries.after_of(request),
        limit=queries.limit_of(request, _PAGE, _MOST),
        metadata=_filter(request),
    )
    organization = runtime_of(request).settings.organization
    return json_reply(page([JobOut.of(job, organization) for job in found], has_more))


@get("/{job_id:str}")
async def get_job(request: HttpRequest, job_id: FromPath[str]) -> Reply:
    """Show a job; `Prefer: wait=N` holds the answer until the job has ended."""

    async def read() -> Job:
        return await find_job(request, job_id)

    job, headers = await settled(request, job_id, read, lambda found: found.is_terminal)
    return raw_reply(_encoded(request, job), headers=headers)


@post("/{job_id:str}/cancel", status_code=200)
async def cancel_job(request: HttpRequest, job_id: FromPath[str]) -> Reply:
    """Cancel a job: at once before anything was sent, else as soon as its provider took it."""
    return await _moved(request, job_id, lambda job: moves.cancel(job, clock.now()))


@post("/{job_id:str}/pause", status_code=200)
async def pause_job(request: HttpRequest, job_id: FromPath[str]) -> Reply:
    """Pause a job."""
    return await _moved(request, job_id, moves.pause)


@post("/{job_id:str}/resume", status_code=200)
async def resume_job(request: HttpRequest, job_id: FromPath[str]) -> Reply:
    """Let a paused job go on."""
    return await _moved(request, job_id, moves.resume)


@get("/{job_id:str}/checkpoints")
async def list_checkpoints(request: HttpRequest, job_id: FromPath[str]) -> Reply:
    """List the job's checkpoints, newest first."""
    job = await find_job(request, job_id)
    newest = sorted(job.checkpoints, key=lambda checkpoint: checkpoint.step_number, reverse=True)
    after = queries.after_of(request)
    start = 0
    if after is not None:
        known = [checkpoint.id for checkpoint in newest]
        if after not in known:
            raise InvalidRequest(f"{after[:100]!r} is no checkpoint of this job.", param="after")
        start = known.index(after) + 1
    limit = queries.limit_of(request, _CHECKPOINTS_PAGE, _MOST)
    shown = [CheckpointOut.of(job.id, checkpoint) for checkpoint in newest[start : start + limit]]
    return json_reply(page(shown, start + limit < len(newest)))


@post("/{job_id:str}/retry", status_code=200)
async def retry_job(request: HttpRequest, job_id: FromPath[str]) -> Reply:
    """Create a job like one that failed or was cancelled: same files, model, numbers and seed."""
    fingerprint = json_fingerprint(b"")
    async with attempt(request, fingerprint) as tried:
        if (first := tried.replay(fingerprint)) is not None:
            return first
        change = moves.submit(await _again(request, await find_job(request, job_id)))
        answer = _encoded(request, change.job)
        await runtime_of(request).jobs.create(change, lambda pipe: tried.keep(pipe, fingerprint, answer), tried.guard)
    return raw_reply(answer)


jobs = Router(
    path="/v1/fine_tuning/jobs",
    route_handlers=[
        create_job,
        list_jobs,
        get_job,
        cancel_job,
        pause_job,
        resume_job,
        list_events,
        list_checkpoints,
        get_metrics,
        retry_job,
        list_job_deliveries,
    ],
)


def _encoded(request: HttpRequest, job: Job, *, dry_run: bool = False) -> bytes:
    return encode(JobOut.of(job, runtime_of(request).settings.organization, dry_run=dry_run))


async def _moved(request: HttpRequest, job_id: str, move: Callable[[Job], Change]) -> Reply:
    if not ids.is_safe(job_id):
        raise NotFound(f"No fine-tuning job with id {job_id[:100]}.", param="fine_tuning_job_id")
    return raw_reply(_encoded(request, await runtime_of(request).jobs.modify(job_id, move)))


async def _dry_run(request: HttpRequest, asked: JobCreate) -> Reply:
    job = await prepared(request, asked)
    seen, is_known, headers = await tried_out(request, job, await inputs_of(request, asked))
    answer = _encoded(request, seen, dry_run=True)
    if is_known:
        return raw_reply(answer, headers=headers)
    return raw_reply(answer, status=202, headers=(*RETRY_AFTER, *headers))


async def _again(request: HttpRequest, old: Job) -> Job:
    """Return a new job like `old`. Raises InvalidRequest if that one has not failed, or its files are gone."""
    if old.status not in {"failed", "cancelled"}:
        raise InvalidRequest(
            f"Only a job that failed or was cancelled can be retried; this one is {old.status}.", code="invalid_state"
        )
    for part in filter(None, (old.training, old.validation)):
        if await runtime_of(request).files.get(part.file_id) is None:
            raise InvalidRequest(f"The file {part.file_id} was deleted; upload it again.", code="file_not_found")
    if old.provider not in runtime_of(request).settings.providers:
        raise InvalidRequest(f"The provider {old.provider!r} is not configured any more.", param="tunewright.provider")
    return Job(
        id=ids.make(ids.JOB),
        created_at=int(clock.now()),
        parent=old.id,
        hyperparameters=old.method.hyperparameters,
        **{name: getattr(old, name) for name in _REPEATED},
    )


_REPEATED = (
    "model",
    "requested_model",
    "provider",
    "method",
    "training",
    "validation",
    "suffix",
    "seed",
    "metadata",
    "integrations",
    "options",
    "versions",
)


def _filter(request: HttpRequest) -> MetadataFilter:
    if queries.text_of(request, "metadata") == "null":
        return "none"
    return queries.metadata_of(request) or None
