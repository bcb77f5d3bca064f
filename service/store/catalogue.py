"""Reads the packaged model table and the operator's own file over it."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import msgspec

from service.core.catalogue import Catalogue, CatalogueData, OwnModel, base_of
from service.core.tokenizers import OpenTokenizer
from service.store.tokenizers import TokenizerInvalid, find_tokenizer

_Table = dict[str, Any]


class CatalogueInvalid(Exception):
    """A model table that cannot be read; the message names the file and the member."""


def load_catalogue(override: Path | None = None, own: Mapping[str, OwnModel] | None = None) -> Catalogue:
    """Return the packaged catalogue, with the models and members of `override` laid over it, and the operator's `own`.

    Raises CatalogueInvalid with the name of the file or table at fault.
    """
    table = tomllib.loads(files("service").joinpath("data/models.toml").read_text(encoding="utf-8"))
    where = "service/data/models.toml"
    if override is not None:
        table, where = _overlay(table, _read(override), override), str(override)
    data = _decode(table, where)
    return _with_own(data, own) if own else _made(data, where)


def _with_own(data: CatalogueData, own: Mapping[str, OwnModel]) -> Catalogue:
    """Add models with tokenizers of their own."""
    models = list(data.models)
    tokenizers: dict[str, OpenTokenizer] = {}
    for name, model in own.items():
        if base_of(name) != name:
            raise CatalogueInvalid(
                f"[models.{name!r}]: a name has letters, digits and ._/@+- alone, and no .ft- in it."
            )
        try:
            tokenizer = find_tokenizer(Path(model.tokenizer))
        except TokenizerInvalid as error:
            raise CatalogueInvalid(f"[models.{name}] tokenizer: {error}") from error
        tokenizers[tokenizer.name] = tokenizer
        models.append(model.model(name, tokenizer.name))
    return _made(msgspec.structs.replace(data, models=tuple(models)), "[models]", tokenizers)


def _read(path: Path) -> _Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogueInvalid(f"{path}: {error}") from error


def _overlay(packaged: _Table, own: _Table, path: Path) -> _Table:
    models = {model["name"]: model for model in packaged["models"]}
    for model in _models_of(own, path):
        name = model["name"]
        models[name] = _merge(models.get(name, {}), model)
    rest = {member: value for member, value in own.items() if member != "models"}
    return {**_merge(packaged, rest), "models": list(models.values())}


def _models_of(own: _Table, path: Path) -> list[_Table]:
    models: object = own.get("models", [])
    tables = cast("list[object]", models) if isinstance(models, list) else [models]
    if not all(isinstance(table, dict) and isinstance(cast("_Table", table).get("name"), str) for table in tables):
        raise CatalogueInvalid(f"{path}: [[models]] needs a name in each table")
    return cast("list[_Table]", tables)


def _merge(below: _Table, above: _Table) -> _Table:
    merged = dict(below)
    for member, value in above.items():
        old = merged.get(member)
        both_tables = isinstance(old, dict) and isinstance(value, dict)
        merged[member] = _merge(cast("_Table", old), cast("_Table", value)) if both_tables else value
    return merged


def _decode(table: _Table, where: str) -> CatalogueData:
    try:
        return msgspec.convert(table, CatalogueData)
    except msgspec.ValidationError as error:
        raise CatalogueInvalid(f"{where}: {error}") from error


def _made(data: CatalogueData, where: str, tokenizers: Mapping[str, OpenTokenizer] | None = None) -> Catalogue:
    try:
        return Catalogue(data, tokenizers)
    except ValueError as error:
        raise CatalogueInvalid(f"{where}: {error}") from error
