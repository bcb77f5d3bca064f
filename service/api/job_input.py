"""The body of a job, an estimate or a retry: what a client may say, and what becomes of it."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from service.core.dataset.codes import CODES
from service.core.dataset.grader import reads_of
from service.core.errors import InvalidRequest
from service.core.jobs import Hyperparameters, Method, MethodType, Options
from service.core.money import from_usd

_MAX_SEED = 2_147_483_647
_Auto = Literal["auto"]
_Name = Annotated[str, Meta(min_length=1, max_length=256)]
_Id = Annotated[str, Meta(min_length=1, max_length=200)]
_Epochs = Annotated[int, Meta(ge=1, le=50)] | _Auto | None
_Batch = Annotated[int, Meta(ge=1, le=256)] | _Auto | None
_Rate = Annotated[float, Meta(gt=0, le=1_000)] | _Auto | None
_Beta = Annotated[float, Meta(gt=0, le=2)] | _Auto | None
_Compute = Annotated[float, Meta(gt=0.00001, le=10)] | _Auto | None
_Count = Annotated[int, Meta(ge=1, le=1_000_000)] | _Auto | None


class SupervisedNumbers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hyperparameters of method supervised."""

    n_epochs: _Epochs = None
    batch_size: _Batch = None
    learning_rate_multiplier: _Rate = None


class DpoNumbers(SupervisedNumbers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hyperparameters of method dpo."""

    beta: _Beta = None


class ReinforcementNumbers(SupervisedNumbers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hyperparameters of method reinforcement."""

    compute_multiplier: _Compute = None
    eval_interval: _Count = None
    eval_samples: _Count = None
    reasoning_effort: Literal["default", "low", "medium", "high"] | None = None


class SupervisedInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Method supervised."""

    hyperparameters: SupervisedNumbers | None = None


class DpoInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Method dpo."""

    hyperparameters: DpoNumbers | None = None


class ReinforcementInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Method reinforcement."""

    grader: dict[str, Any]
    hyperparameters: ReinforcementNumbers | None = None
    response_format: dict[str, Any] | None = None


class MethodInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to train; only the member named by `type` may be given."""

    type: MethodType
    supervised: SupervisedInput | None = None
    dpo: DpoInput | None = None
    reinforcement: ReinforcementInput | None = None


class WandbInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Weights & Biases keeps the run."""

    project: str
    name: str | None = None
    entity: str | None = None
    tags: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=50)] | None = None


class IntegrationInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service that the provider tells of the run."""

    type: Literal["wandb"]
    wandb: WandbInput


class TunewrightInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Tunewright adds to a job (DESIGN §3.1)."""

    provider: _Name | None = None
    budget_usd: Annotated[float, Meta(ge=0, le=1_000_000_000)] | None = None
    webhook_url: Annotated[str, Meta(min_length=1, max_length=2_000)] | None = None
    priority: Annotated[int, Meta(ge=-100, le=100)] | None = None
    dry_run: bool | None = None
    provider_options: dict[str, Any] | None = None


class JobCreate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/fine_tuning/jobs."""

    model: _Name
    training_file: _Id
    validation_file: _Id | None = None
    suffix: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\w .-]+(?!\n)$")] | None = None
    seed: Annotated[int, Meta(ge=0, le=_MAX_SEED)] | None = None
    method: MethodInput | None = None
    hyperparameters: SupervisedNumbers | None = None
    integrations: Annotated[list[IntegrationInput], Meta(max_length=5)] | None = None
    metadata: dict[str, str] | None = None
    tunewright: TunewrightInput | None = None

    @property
    def extra(self) -> TunewrightInput:
        """Return what was asked under `tunewright`."""
        return self.tunewright or TunewrightInput()


def method_of(asked: JobCreate) -> Method:
    """Return the method with its numbers. Raises InvalidRequest for members that contradict each other."""
    given = asked.method or MethodInput(type="supervised")
    parts = {"supervised": given.supervised, "dpo": given.dpo, "reinforcement": given.reinforcement}
    for name, part in parts.items():
        if name != given.type and part is not None:
            raise InvalidRequest(
                f"'method.{name}' does not go with method type {given.type!r}.", param=f"method.{name}"
            )
    if asked.hyperparameters is not None and given.type != "supervised":
        raise InvalidRequest(
            f"The top-level 'hyperparameters' are for method supervised alone; use 'method.{given.type}'.",
            param="hyperparameters",
        )
    if given.type == "reinforcement" and given.reinforcement is None:
        raise InvalidRequest("Method reinforcement needs a grader.", param="method.reinforcement.grader")
    if given.reinforcement is not None:
        _check_grader(given.reinforcement.grader)
    own = parts[given.type]
    numbers = own.hyperparameters if own is not None else None
    return Method(
        type=given.type,
        hyperparameters=_numbers(numbers or asked.hyperparameters),
        grader=given.reinforcement.grader if given.reinforcement else None,
        response_format=given.reinforcement.response_format if given.reinforcement else None,
    )


def _check_grader(grader: dict[str, Any]) -> None:
    """Raise InvalidRequest for a template that reads what there is not: such a run is paid for, with reward 0."""
    if unknown := reads_of(grader).unknown:
        raise InvalidRequest(
            f"The grader names {unknown[0][:100]!r}, which there is not. {CODES['unknown_grader_variable'].hint}",
            param="method.reinforcement.grader",
            code="unknown_grader_variable",
        )


def options_of(asked: TunewrightInput) -> Options:
    """Return what the workers need to know of `tunewright`."""
    return Options(
        budget_microusd=None if asked.budget_usd is None else from_usd(asked.budget_usd),
        webhook_url=asked.webhook_url,
        priority=asked.priority or 0,
        provider_options=asked.provider_options or {},
    )


def _numbers(given: SupervisedNumbers | None) -> Hyperparameters:
    """Return the numbers that were given; null is as good as absent."""
    if given is None:
        return Hyperparameters()
    members = {name: value for name, value in msgspec.structs.asdict(given).items() if value is not None}
    return Hyperparameters(**members)
