"""Which provider trains a model: the one that is asked for, else the first configured one that may."""

from collections.abc import Sequence

import msgspec

from service.core.catalogue import Catalogue, Method, Resolution, Target
from service.core.errors import InvalidRequest
from service.core.models import TunedModel


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A configured provider: its name and kind of endpoint. One whose settings name `models` gets no others unasked."""

    name: str
    target: Target
    models: tuple[str, ...] = ()


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job goes: `model` as the provider is to be asked for it, `parent` the tuned model that it continues."""

    provider: str
    model: str
    parent: str | None = None


def place(
    asked: str,
    *,
    method: Method,
    provider: str | None,
    places: Sequence[Place],
    catalogue: Catalogue,
    tuned: TunedModel | None,
    now: float,
) -> Placement:
    """Return where a job for model `asked` goes; `tuned` is our record of that name, if it is a model that we made.

    An explicit `provider` wins over the catalogue. Raises InvalidRequest with code `model_not_tunable`, or naming
    `tunewright.provider`.
    """
    chosen = None if provider is None else _named(provider, places)
    if tuned is not None:
        if chosen is not None and chosen.name != tuned.provider:
            raise _not_tunable(f"The model {asked!r} is at provider {tuned.provider!r}, not at {chosen.name!r}.")
        home = _named(tuned.provider, places)
        _check(catalogue.resolve(tuned.base), method, home, catalogue, now)
        return Placement(provider=home.name, model=tuned.remote_name, parent=tuned.name)
    found = catalogue.resolve(asked)
    model = found.base if found is not None and not found.tuned else asked
    parent = asked if found is not None and found.tuned else None
    if chosen is not None:
        _check_tuned_elsewhere(asked, parent, chosen)
        _check(found, method, chosen, catalogue, now)
        return Placement(provider=chosen.name, model=model, parent=parent)
    home = _first(asked, found, method, places, catalogue, now)
    _check_tuned_elsewhere(asked, parent, home)
    return Placement(provider=home.name, model=model, parent=parent)


def _named(name: str, places: Sequence[Place]) -> Place:
    for candidate in places:
        if candidate.name == name:
            return candidate
    names = ", ".join(candidate.name for candidate in places)
    raise InvalidRequest(f"No provider {name[:100]!r} is configured; there are: {names}.", param="tunewright.provider")


def _first(
    asked: str, found: Resolution | None, method: Method, places: Sequence[Place], catalogue: Catalogue, now: float
) -> Place:
    """Return the first place that lists the model by name, else the first for which nothing speaks against it."""
    for candidate in places:
        if asked in candidate.models or (found is not None and found.base in candidate.models):
            _check(found, method, candidate, catalogue, now)
            return candidate
    if found is None or found.model is None:
        raise _not_tunable(
            f"The model {asked[:200]!r} is neither in the catalogue nor listed by a configured provider. "
            "Name the provider in tunewright.provider, or list the model in its settings."
        )
    is_local = found.model.provider == "local"
    candidates = [one for one in places if (one.target == "local") == is_local and not one.models]
    refusals = [catalogue.refusal(found, method, now, one.target) for one in candidates]
    for candidate, refusal in zip(candidates, refusals, strict=True):
        if refusal is None:
            return candidate
    why = next((refusal for refusal in refusals if refusal), None)
    raise _not_tunable(
        why
        or f"No configured provider trains {found.base}: set OPENAI_API_KEY, or configure one in [providers]."
        + _trained_here(places, catalogue, now)
    )


def _trained_here(places: Sequence[Place], catalogue: Catalogue, now: float) -> str:
    """Return the sentence that names what this machine trains by itself, if it does."""
    names = [model.name for model in catalogue.tunable(now, "local")]
    if not names or not any(one.target == "local" for one in places):
        return ""
    return f" Without any provider this machine trains {', '.join(names)}."


def _check(found: Resolution | None, method: Method, home: Place, catalogue: Catalogue, now: float) -> None:
    """Raise where the catalogue knows why the model can't be trained at `home`."""
    if home.target == "local" and (found is None or found.model is None):
        raise _not_tunable("The local provider has no such base model.")
    if found is not None and (why := catalogue.refusal(found, method, now, home.target)):
        raise _not_tunable(why)


def _check_tuned_elsewhere(asked: str, parent: str | None, home: Place) -> None:
    if parent is not None and home.target == "local":
        raise _not_tunable(f"The model {asked[:200]!r} does not exist here.")


def _not_tunable(message: str) -> InvalidRequest:
    return InvalidRequest(message, param="model", code="model_not_tunable")
