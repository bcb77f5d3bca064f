"""The body of a create, and where our mark goes in it."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from service.core.jobs import Method
from service.core.remote import CreateRequest
from workers.providers.openai_wire import METADATA_MARK, marked_suffix
from workers.providers.protocol import ProviderError

_MAX_PAIRS = 16
_OURS = frozenset({"model", "training_file", "validation_file", "metadata", "suffix", "seed"})


def create_body(
    request: CreateRequest,
    *,
    in_metadata: bool,
    in_suffix: bool,
    top_level_hyperparameters: bool,
    extra_body: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the JSON body of POST /fine_tuning/jobs, without null members (look-alikes refuse them).

    The mark goes into the metadata where `in_metadata` and there is room, else into the suffix; `in_suffix` puts it
    there too. Options of the operator and of the job are merged in; they may not touch what Tunewright itself sets.
    """
    check_options(request.provider_options)
    body: dict[str, Any] = {"model": request.model, "training_file": request.training_file, "seed": request.seed}
    if request.validation_file is not None:
        body["validation_file"] = request.validation_file
    full = len(request.metadata) >= _MAX_PAIRS and METADATA_MARK not in request.metadata
    if in_metadata:
        pairs = dict(request.metadata)
        if not full:
            pairs[METADATA_MARK] = request.mark
        body["metadata"] = pairs
    if in_suffix or full or not in_metadata:
        body["suffix"] = marked_suffix(request.suffix, request.mark)
    elif request.suffix:
        body["suffix"] = request.suffix
    if request.integrations:
        body["integrations"] = list(request.integrations)
    body.update(_method(request.method, top_level=top_level_hyperparameters))
    return _merged(_merged(body, extra_body), request.provider_options)


def check_options(options: Mapping[str, Any]) -> None:
    """Raise ProviderError if `options` name a member that Tunewright sets itself."""
    if wrong := sorted(_OURS & options.keys()):
        raise ProviderError(
            "refused",
            f"provider_options may not set {wrong[0]!r}; it is a member of the job itself.",
            retryable=False,
            param=f"tunewright.provider_options.{wrong[0]}",
        )


def _method(method: Method, *, top_level: bool) -> dict[str, Any]:
    """Return `method`, and nothing at all for a supervised job left to the target's defaults."""
    given = cast("dict[str, Any]", msgspec.to_builtins(method.hyperparameters))
    numbers = {name: value for name, value in given.items() if value is not None and value != "auto"}
    inner: dict[str, Any] = {"hyperparameters": numbers} if numbers else {}
    if method.grader is not None:
        inner["grader"] = method.grader
    if method.response_format is not None:
        inner["response_format"] = method.response_format
    if method.type == "supervised" and not inner:
        return {}
    members: dict[str, Any] = {"method": {"type": method.type, method.type: inner}}
    if top_level and method.type == "supervised":
        members["hyperparameters"] = numbers
    return members


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for name, value in over.items():
        old = result.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            result[name] = _merged(cast("dict[str, Any]", old), cast("dict[str, Any]", value))
        else:
            result[name] = value
    return result
