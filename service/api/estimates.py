"""`POST /v1/fine_tuning/estimates`: what a job would cost. Nothing is created, and no provider's key is needed."""

from typing import Literal

import msgspec
from litestar import Router, post

from service.api.bodies import read_json
from service.api.comparison import with_comparison
from service.api.context import HttpRequest, context_of
from service.api.job_input import JobCreate, method_of, options_of
from service.api.outlook import Subject, estimate_for, refusal_of, report_for
from service.api.replies import Reply, json_reply
from service.api.reports import RETRY_AFTER
from service.api.submission import inputs_of, placement_of
from service.core.catalogue import Target
from service.core.comparison import Offer
from service.core.errors import InvalidRequest
from service.core.estimate_lines import EstimateLine, JobEstimate
from service.core.files import FileRecord
from service.core.jobs import JobError, Lint, Method


class EstimateOut(msgspec.Struct, frozen=True, kw_only=True):
    """The answer; `estimate` and `lint` are null with a 202, while the dataset is being checked.

    `refusal` is the error that such a job would end with. `provider` is null where no configured one takes the model.
    `comparison` has the same run on this model first, then on every other that takes the file, cheapest first;
    `advice` says in words what these figures and the file's shape speak for.
    """

    object: Literal["fine_tuning.estimate"] = "fine_tuning.estimate"
    model: str
    provider: str | None
    training_file: str
    validation_file: str | None
    estimate: JobEstimate | None = None
    lint: Lint | None = None
    refusal: JobError | None = None
    comparison: tuple[EstimateLine, ...] = ()
    advice: tuple[str, ...] = ()


@post("/", status_code=200)
async def create_estimate(request: HttpRequest) -> Reply:
    """Estimate a job's cost and time, here and elsewhere; 202 while its dataset is being checked (`Prefer: wait=N`)."""
    asked = await read_json(request, JobCreate)
    subject, refusal = await _subject(request, asked)
    report, headers = await report_for(request, subject)
    shown = EstimateOut(
        model=subject.model,
        provider=subject.provider,
        training_file=asked.training_file,
        validation_file=asked.validation_file,
        refusal=refusal,
    )
    if report is None:
        return json_reply(shown, status=202, headers=(*RETRY_AFTER, *headers))
    found, budget = await estimate_for(request, subject, report), options_of(asked.extra).budget_microusd
    own = Offer(model=subject.model, provider=subject.provider, target=subject.target)
    told = await with_comparison(request, report, subject.method, own, budget)
    known = msgspec.structs.replace(
        shown,
        estimate=JobEstimate.of(found),
        lint=Lint(errors=report.error_count, warnings=report.warning_count),
        refusal=refusal or refusal_of(subject, report, found, budget),
        comparison=told.estimates,
        advice=told.advice,
    )
    return json_reply(known, headers=headers)


estimates = Router(path="/v1/fine_tuning/estimates", route_handlers=[create_estimate])


async def _subject(request: HttpRequest, asked: JobCreate) -> tuple[Subject, JobError | None]:
    """Return what to estimate, and why no provider would take it, if that is so."""
    context, method = context_of(request), method_of(asked)
    training, validation = await inputs_of(request, asked)
    try:
        placement = await placement_of(context, asked, method, context.places)
    except InvalidRequest as error:
        found = context.runtime.catalogue.resolve(asked.model)
        if error.code != "model_not_tunable" or found is None or found.model is None:
            raise
        refusal = JobError(code="model_not_tunable", message=error.message, param="model")
        target: Target = "local" if found.model.provider == "local" else "openai"
        return _about(found.base, method, None, target, (training, validation)), refusal
    target = next(place.target for place in context.places if place.name == placement.provider)
    return _about(placement.model, method, placement.provider, target, (training, validation)), None


def _about(
    model: str, method: Method, provider: str | None, target: Target, files: tuple[FileRecord, FileRecord | None]
) -> Subject:
    return Subject(model=model, method=method, provider=provider, target=target, training=files[0], validation=files[1])
