"""OpenAI's model object, with lineage, prices, limits and dates under `tunewright`."""

from datetime import UTC, datetime, time
from typing import Literal

import msgspec

from service.core.catalogue import BaseModel, Catalogue, Format, Method, Prices
from service.core.models import TunedModel
from service.core.money import to_usd


class PricesOut(msgspec.Struct, frozen=True, kw_only=True):
    """Dollars: training and use per 1,000,000 tokens, or per hour of training; null is unknown."""

    training: float | None
    training_hour: float | None
    input: float | None
    cached_input: float | None
    output: float | None

    @classmethod
    def of(cls, prices: Prices) -> "PricesOut":
        """Map the catalogue's prices."""
        return cls(
            training=_usd(prices.training),
            training_hour=_usd(prices.training_hour),
            input=_usd(prices.input),
            cached_input=_usd(prices.cached_input),
            output=_usd(prices.output),
        )


class ModelExtras(msgspec.Struct, frozen=True, kw_only=True):
    """What OpenAI's object lacks.

    `idempotency_key` True promises that jobs posted under one Idempotency-Key are one job; a Tunewright that trains
    here through its provider `openai` relies on it. `encoding` is what counts the model's tokens.
    `providers` is empty for a model of the operator's own that none of them trains.
    """

    kind: Literal["base", "tuned"]
    idempotency_key: Literal[True] = True
    providers: tuple[str, ...]
    base: str | None = None
    parent: str | None = None
    job_id: str | None = None
    step_number: int | None = None
    aliases: tuple[str, ...] = ()
    methods: dict[Method, tuple[Format, ...]] = {}
    context_tokens: int | None = None
    max_example_tokens: int | None = None
    encoding: str | None = None
    creation_closes: str | None = None
    engine: str | None = None
    prices: PricesOut | None = None
    priced_at: str | None = None
    notes: tuple[str, ...] = ()


class ModelOut(msgspec.Struct, frozen=True, kw_only=True):
    """A model as OpenAI shows it."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    shutdown_date: str | None
    tunewright: ModelExtras

    @classmethod
    def of_base(cls, model: BaseModel, providers: tuple[str, ...], catalogue: Catalogue) -> "ModelOut":
        """Map a base model that `providers` train; `created` is the catalogue's date, for nobody tells the model's."""
        return cls(
            id=model.name,
            created=int(datetime.combine(catalogue.date, time(), UTC).timestamp()),
            owned_by=model.owned_by,
            shutdown_date=model.shutdown.isoformat() if model.shutdown else None,
            tunewright=ModelExtras(
                kind="base",
                providers=providers,
                aliases=model.aliases,
                methods=model.methods,
                context_tokens=model.context_tokens,
                max_example_tokens=model.max_example_tokens,
                encoding=model.encoding,
                creation_closes=model.creation_closes.isoformat() if model.creation_closes else None,
                engine=model.engine,
                prices=PricesOut.of(model.prices),
                priced_at=catalogue.date.isoformat(),
                notes=model.notes,
            ),
        )

    @classmethod
    def of_tuned(cls, model: TunedModel, base: BaseModel | None, organization: str) -> "ModelOut":
        """Map a tuned model; it lives no longer than its base."""
        shutdown = model.shutdown_date or (base.shutdown.isoformat() if base and base.shutdown else None)
        return cls(
            id=model.name,
            created=model.created_at,
            owned_by=organization,
            shutdown_date=shutdown,
            tunewright=ModelExtras(
                kind="tuned",
                providers=(model.provider,),
                base=model.base,
                parent=model.parent,
                job_id=model.job_id,
                step_number=model.step_number,
                context_tokens=base.context_tokens if base else None,
                max_example_tokens=base.max_example_tokens if base else None,
                encoding=base.encoding if base else None,
                engine=base.engine if base else None,
                prices=PricesOut.of(base.prices) if base else None,
            ),
        )


class ModelDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a deletion."""

    id: str
    object: Literal["model"] = "model"
    deleted: bool = True


def _usd(micro: int | None) -> float | None:
    return None if micro is None else to_usd(micro)
