"""`/v1/models`: base models that the configured providers train, and the models tuned here."""

from typing import Any

from litestar import Router, delete, get
from litestar.params import FromPath

from service.api.context import HttpRequest, context_of, runtime_of
from service.api.model_wire import ModelDeleted, ModelOut
from service.api.replies import Reply, json_reply, page
from service.core import clock
from service.core.catalogue import BaseModel
from service.core.errors import Forbidden, NotFound
from service.core.models import TunedModel


@get("/")
async def list_models(request: HttpRequest) -> Reply:
    """List all models; the `tunewright` member of the list says what this service promises to other Tunewrights."""
    tuned = [_tuned(request, model) for model in await runtime_of(request).models.list()]
    listed: dict[str, Any] = page([*_bases(request), *tuned], has_more=False)
    return json_reply({**listed, "tunewright": {"idempotency_key": True, "version": context_of(request).version}})


@get("/{model:path}")
async def get_model(request: HttpRequest, model: FromPath[str]) -> Reply:
    """Show a model."""
    name = _name(model)
    own = await runtime_of(request).models.get(name)
    if own is not None:
        return json_reply(_tuned(request, own))
    for base in _bases(request):
        if name == base.id or name in base.tunewright.aliases:
            return json_reply(base)
    raise _unknown(name)


@delete("/{model:path}", status_code=200)
async def delete_model(request: HttpRequest, model: FromPath[str]) -> Reply:
    """Delete a model that was tuned here; base models can't be."""
    name = _name(model)
    if await runtime_of(request).models.delete(name):
        return json_reply(ModelDeleted(id=name))
    if any(name == base.id for base in _bases(request)):
        raise Forbidden(f"The model {name!r} is a base model and can't be deleted.", param="model")
    raise _unknown(name)


models = Router(path="/v1/models", route_handlers=[list_models, get_model, delete_model])


def _bases(request: HttpRequest) -> list[ModelOut]:
    """Return every base model that some configured provider would train today, and those that the operator declares."""
    context, now = context_of(request), clock.now()
    catalogue = context.runtime.catalogue
    homes: dict[str, list[str]] = {}
    for place in context.places:
        for model in catalogue.tunable(now, place.target):
            if _is_trained_at(model, place.target):
                homes.setdefault(model.name, []).append(place.name)
    return [
        ModelOut.of_base(model, tuple(homes.get(model.name, ())), catalogue)
        for model in catalogue.models
        if model.name in homes or catalogue.is_own(model)
    ]


def _is_trained_at(model: BaseModel, target: str) -> bool:
    """A compatible endpoint judges every name itself; only OpenAI's are shown for it."""
    return target != "compatible" or model.provider == "openai"


def _tuned(request: HttpRequest, model: TunedModel) -> ModelOut:
    runtime = runtime_of(request)
    found = runtime.catalogue.resolve(model.base)
    return ModelOut.of_tuned(model, found.model if found else None, runtime.settings.organization)


def _name(path: str) -> str:
    return path.removeprefix("/")


def _unknown(name: str) -> NotFound:
    return NotFound(f"The model {name[:200]!r} does not exist.", param="model", code="model_not_found")
