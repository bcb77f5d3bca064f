"""Which models can be tuned: names, limits, prices and closing dates, as of the date that the data carries."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from service.core.dataset.profile import CheckProfile
from service.core.tokenizers import OpenTokenizer

Method = Literal["supervised", "dpo", "reinforcement"]
Format = Literal["chat", "preference", "reinforcement", "completion"]
Target = Literal["openai", "compatible", "local"]
State = Literal["open", "active_customers", "on_request", "closed", "retired"]
MicroUsd = Annotated[int, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]

OPENAI_HOST = "api.openai.com"
MIN_EXAMPLES = 10
USUAL_FORMATS: Mapping[str, tuple[Format, ...]] = {
    "supervised": ("chat",),
    "dpo": ("preference",),
    "reinforcement": ("reinforcement",),
}

_MAX_NAME = 256
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]*\Z")
_MAX_TUNED_PARTS = 6  # ft, base, organisation, suffix, id, checkpoint


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Micro-dollars per 1,000,000 tokens, or per training hour; None is unknown."""

    training: MicroUsd | None = None
    training_hour: MicroUsd | None = None
    input: MicroUsd | None = None
    cached_input: MicroUsd | None = None
    output: MicroUsd | None = None
    batch_input: MicroUsd | None = None
    batch_cached_input: MicroUsd | None = None
    batch_output: MicroUsd | None = None


class SeenDefaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a provider's "auto" became in public job dumps: a hint, never sent."""

    batch_size: Count | None = None
    learning_rate_multiplier: float | None = None
    n_epochs: Count | None = None


class Milestone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dated event of OpenAI's withdrawal."""

    date: date
    event: str


class BaseModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One base model. `methods` maps each training method to the line forms that it takes."""

    name: str
    provider: Literal["openai", "local"]
    owned_by: str
    encoding: str
    methods: dict[Method, tuple[Format, ...]]
    sources: tuple[str, ...]
    engine: str | None = None
    aliases: tuple[str, ...] = ()
    context_tokens: Count | None = None
    max_example_tokens: Count | None = None
    max_example_tokens_confirmed: bool = False
    unconfirmed_methods: tuple[Method, ...] = ()
    vision: bool | None = None
    access: Literal["everyone", "active_customers", "on_request"] = "everyone"
    creation_closes: date | None = None
    shutdown: date | None = None
    notes: tuple[str, ...] = ()
    prices: Prices = Prices()
    seen_defaults: SeenDefaults = SeenDefaults()

    def state(self, now: float) -> State:
        """Say where the model stands at its own vendor; a date takes effect when it begins in UTC."""
        today = datetime.fromtimestamp(now, UTC).date()
        if self.shutdown is not None and today >= self.shutdown:
            return "retired"
        if self.creation_closes is not None and today >= self.creation_closes:
            return "closed"
        return "open" if self.access == "everyone" else self.access


def _usual_methods() -> dict[Method, tuple[Format, ...]]:
    return {"supervised": ("chat", "completion"), "dpo": ("preference",)}


class OwnModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table `[models.NAME]` of `tunewright.toml`: an open model of the operator's own, counted as it counts itself.

    `tokenizer` is a `tokenizer.json` or a folder with one; `max_example_tokens` is where training will cut an example;
    `methods` maps each training method to the line forms that it takes.
    """

    tokenizer: str
    provider: Literal["local"] = "local"
    max_example_tokens: Count | None = None
    methods: dict[Method, tuple[Format, ...]] = msgspec.field(default_factory=_usual_methods)
    prices: Prices = Prices()

    def model(self, name: str, encoding: str) -> BaseModel:
        """Return the model as the catalogue has it; no engine trains it yet."""
        return BaseModel(
            name=name,
            provider=self.provider,
            owned_by="operator",
            encoding=encoding,
            methods=self.methods,
            max_example_tokens=self.max_example_tokens,
            max_example_tokens_confirmed=self.max_example_tokens is not None,
            prices=self.prices,
            notes=("Checked and estimated with its own tokenizer; no engine trains it yet.",),
            sources=("tunewright.toml",),
        )


class CatalogueData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data file, decoded."""

    date: date
    source: str
    encodings: dict[str, str]
    models: tuple[BaseModel, ...]
    timeline: tuple[Milestone, ...] = ()


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What a model name means. `base` is the dated name; `model` is None where only the encoding is known."""

    asked: str
    base: str
    encoding: str
    model: BaseModel | None
    tuned: bool
    note: str | None = None


class Catalogue:
    """Answers questions about model names; holds no clock and does no I/O."""

    def __init__(self, data: CatalogueData, tokenizers: Mapping[str, OpenTokenizer] | None = None) -> None:
        """Index the data; raise ValueError where two models claim one name. `tokenizers` are open ones, by encoding."""
        self.date = data.date
        self.source = data.source
        self.models = data.models
        self.timeline = data.timeline
        self._encodings = data.encodings
        self._tokenizers = tokenizers or {}
        self._by_name = _index([(model.name, model) for model in data.models])
        self._by_alias = _index([(alias, model) for model in data.models for alias in model.aliases])
        if both := self._by_name.keys() & self._by_alias.keys():
            raise ValueError(f"both a model and an alias: {', '.join(sorted(both))}")

    def get(self, name: str) -> BaseModel | None:
        """Return the base model of exactly this dated name."""
        return self._by_name.get(name)

    def resolve(self, name: str) -> Resolution | None:
        """Explain a base, alias or tuned name; None for a name whose encoding we don't know."""
        base = base_of(name)
        if base is None:
            return None
        model = self._by_name.get(base) or self._by_alias.get(base)
        encoding = model.encoding if model else _longest_prefix(self._encodings, base)
        if encoding is None:
            return None
        dated = model.name if model else base
        note = None if dated == base else f"{base} is an alias; the dated snapshot {dated} is used."
        return Resolution(asked=name, base=dated, encoding=encoding, model=model, tuned=base != name, note=note)

    def profile(self, name: str, method: Method) -> CheckProfile | None:
        """Return what to check a dataset against, or None for an unknown name.

        A method that the model lacks gets the method's usual forms; `refusal` is what says no to it.
        """
        found = self.resolve(name)
        if found is None:
            return None
        model = found.model
        usual = USUAL_FORMATS[method]
        return CheckProfile(
            model=found.base,
            method=method,
            encoding=found.encoding,
            tokenizer=self._tokenizers.get(found.encoding),
            max_example_tokens=model.max_example_tokens if model else None,
            min_examples=MIN_EXAMPLES,
            formats=model.methods.get(method, usual) if model else usual,
        )

    def edition(self, name: str) -> str:
        """Return what changes with what the operator says of a model of their own; nothing for the packaged ones."""
        found = self.resolve(name)
        if found is None or found.model is None or found.encoding not in self._tokenizers:
            return ""
        library = self._tokenizers[found.encoding].library
        said = (found.encoding, library, found.model.max_example_tokens, found.model.methods)
        return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:12]

    def is_own(self, model: BaseModel) -> bool:
        """Whether the operator declared the model, with a tokenizer of its own."""
        return model.encoding in self._tokenizers

    def tunable(self, now: float, target: Target) -> tuple[BaseModel, ...]:
        """List the base models that a job at `target` may name. Closing dates bind api.openai.com only."""
        return tuple(model for model in self.models if _refusal(model, now, target) is None)

    def refusal(self, found: Resolution, method: Method, now: float, target: Target) -> str | None:
        """Say why a job of this model and method cannot run at `target`, or None if nothing known speaks against it.

        A model that the catalogue lacks is for the target to judge, and so are the methods of a compatible endpoint.
        """
        model = found.model
        if model is None:
            return None
        if why := _refusal(model, now, target):
            return why
        if method in model.methods or target == "compatible":
            return None
        return f"{model.name} is not tuned by method {method}; it takes {', '.join(model.methods)}."


def base_of(name: str) -> str | None:
    """Strip `ft:base:org:suffix:id[:ckpt-step-N]`, `base:ft-…` or Azure's `base.ft-…`; None if no name is left."""
    if len(name) > _MAX_NAME:
        return None
    parts = name.split(":")
    if parts[0] == "ft":
        valid = 1 < len(parts) <= _MAX_TUNED_PARTS and parts[-1] != ""
        base = parts[1] if valid else ""
    elif len(parts) > 1:
        base = parts[0] if parts[1].startswith("ft-") else ""
    else:
        base = name.partition(".ft-")[0]
    return base if _NAME.match(base) else None


def target_of(base_url: str) -> Target:
    """Tell OpenAI's own service, its regional hosts included, from any other endpoint of the same shape."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    return "openai" if host == OPENAI_HOST or host.endswith("." + OPENAI_HOST) else "compatible"


def _index(pairs: list[tuple[str, BaseModel]]) -> dict[str, BaseModel]:
    index = dict(pairs)
    if len(index) != len(pairs):
        twice = sorted(name for name, number in Counter(name for name, _ in pairs).items() if number > 1)
        raise ValueError(f"two models of one name or alias: {', '.join(twice)}")
    return index


def _longest_prefix(encodings: Mapping[str, str], base: str) -> str | None:
    fits = [prefix for prefix in encodings if _begins(base, prefix)]
    return encodings[max(fits, key=len)] if fits else None


def _begins(base: str, prefix: str) -> bool:
    """A prefix ends where a part of the name ends, so that `o1` is not taken for the start of `o100-mini`."""
    return base.startswith(prefix) and (prefix[-1] == "." or base[len(prefix) :][:1] in ("", "-"))


def _refusal(model: BaseModel, now: float, target: Target) -> str | None:
    if target == "local":
        if model.provider != "local":
            return f"{model.name} cannot be trained on local hardware."
        return None if model.engine else f"No engine here trains {model.name} yet: it can be checked and estimated."
    if target == "compatible":
        return None
    if model.provider == "local":
        return f"{model.name} is trained on local hardware, not by OpenAI."
    state = model.state(now)
    if state == "retired":
        return f"OpenAI retired {model.name} on {model.shutdown}."
    if state == "closed":
        return f"OpenAI takes no new fine-tuning jobs for {model.name} since {model.creation_closes}."
    return None
