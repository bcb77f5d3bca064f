"""From a request's body to the record of a job: the files that it names, and the provider that takes it."""

import secrets
from typing import Any

import msgspec

from service.api.context import ApiContext, HttpRequest, context_of, runtime_of
from service.api.job_input import JobCreate, method_of, options_of
from service.api.metadata import check_metadata
from service.core import clock, ids
from service.core.addresses import BadAddress, parse_target
from service.core.errors import InvalidRequest
from service.core.files import TRAINING, FileRecord
from service.core.jobs import Input, Job, Method
from service.core.models import TunedModel
from service.core.placement import Place, Placement, place
from service.webhook_policy import webhook_policy

_MAX_SEED = 2_147_483_647


async def prepared(request: HttpRequest, asked: JobCreate) -> Job:
    """Return the job that a body asks for, nothing stored yet. Raises InvalidRequest."""
    context = context_of(request)
    method = method_of(asked)
    training, validation = await inputs_of(request, asked)
    placement = await placement_of(context, asked, method, context.places)
    await _check_webhook(request, asked.extra.webhook_url)
    return Job(
        id=ids.make(ids.JOB),
        created_at=int(clock.now()),
        model=placement.model,
        requested_model=asked.model,
        provider=placement.provider,
        method=method,
        training=_input(training),
        validation=_input(validation) if validation else None,
        suffix=asked.suffix,
        seed=secrets.randbelow(_MAX_SEED) if asked.seed is None else asked.seed,
        metadata=check_metadata(asked.metadata) if asked.metadata else None,
        integrations=_integrations(asked),
        options=options_of(asked.extra),
        hyperparameters=method.hyperparameters,
        parent=placement.parent,
        versions={"tunewright": context.version},
    )


async def inputs_of(request: HttpRequest, asked: JobCreate) -> tuple[FileRecord, FileRecord | None]:
    """Return the files that a body names, perhaps still without content.

    Raises InvalidRequest for one that is not there or no dataset.
    """
    training = await _input_file(request, asked.training_file, "training_file")
    if asked.validation_file is None:
        return training, None
    return training, await _input_file(request, asked.validation_file, "validation_file")


async def placement_of(context: ApiContext, asked: JobCreate, method: Method, places: tuple[Place, ...]) -> Placement:
    """Return where the job goes. Raises InvalidRequest."""
    return place(
        asked.model,
        method=method.type,
        provider=asked.extra.provider,
        places=places,
        catalogue=context.runtime.catalogue,
        tuned=await tuned_model(context, asked.model),
        now=clock.now(),
    )


async def tuned_model(context: ApiContext, name: str) -> TunedModel | None:
    """Return our record of a tuned model; names of the catalogue cost no look-up."""
    found = context.runtime.catalogue.resolve(name)
    if found is not None and not found.tuned and found.model is not None:
        return None
    return await context.runtime.models.get(name)


def _input(record: FileRecord) -> Input:
    return Input(file_id=record.id, sha256=record.sha256, bytes=record.bytes, filename=record.filename)


async def _input_file(request: HttpRequest, file_id: str, param: str) -> FileRecord:
    record = await runtime_of(request).files.get(file_id) if ids.is_safe(file_id) else None
    if record is None or record.is_expired(clock.now()):
        raise InvalidRequest(f"Invalid {param}: no file {file_id[:100]!r} exists.", param=param, code="file_not_found")
    if record.purpose != TRAINING:
        raise InvalidRequest(
            f"Invalid {param}: the purpose of {file_id} is {record.purpose!r}, not 'fine-tune'.", param=param
        )
    if record.status == "error" and not record.has_content:
        raise InvalidRequest(
            f"Invalid {param}: the dataset {file_id} has no content: {record.status_details}",
            param=param,
            code="dataset_not_made",
        )
    return record


async def _check_webhook(request: HttpRequest, url: str | None) -> None:
    if url is None:
        return
    runtime = runtime_of(request)
    try:
        parse_target(url, await webhook_policy(runtime.settings, runtime.keys))
    except BadAddress as error:
        raise InvalidRequest(str(error), param="tunewright.webhook_url", code="invalid_webhook_url") from error


def _integrations(asked: JobCreate) -> tuple[dict[str, Any], ...]:
    """Return the integrations without their nulls."""
    found: list[dict[str, Any]] = []
    for integration in asked.integrations or ():
        wandb = {name: value for name, value in msgspec.structs.asdict(integration.wandb).items() if value is not None}
        found.append({"type": integration.type, "wandb": wandb})
    return tuple(found)
