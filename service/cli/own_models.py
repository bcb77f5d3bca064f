"""The catalogue as commands without a service see it: with the models of tunewright.toml, or one named on the spot."""

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from service.core.catalogue import Catalogue, OwnModel, base_of
from service.settings import ConfigurationError, load_models
from service.store.catalogue import CatalogueInvalid, load_catalogue
from service.store.tokenizers import FILE


def catalogue_here(catalogue: Path | None, wanted: Iterable[str], tokenizer: Path | None = None) -> Catalogue:
    """Return the catalogue with those of the models `wanted` that are declared here; others need not even be there.

    A `tokenizer` is that of all that are wanted, declared or not. Raises CatalogueInvalid.
    """
    try:
        declared = load_models()
    except ConfigurationError as error:
        raise CatalogueInvalid(str(error)) from error
    own: dict[str, OwnModel] = {}
    for name in wanted:
        base = base_of(name) or name
        if tokenizer is not None:
            known = declared.get(base, OwnModel(tokenizer=""))
            own[base] = msgspec.structs.replace(known, tokenizer=str(tokenizer))
        elif base in declared:
            own[base] = declared[base]
    return load_catalogue(catalogue, own)


def name_of(tokenizer: Path) -> str:
    """Return what a model is called whose tokenizer lies there: its folder's name, or the file's."""
    place = tokenizer.absolute()
    name = place.parent.name if place.name == FILE else place.name if place.is_dir() else place.stem
    return re.sub(r"[^A-Za-z0-9._@+-]+", "-", name).strip("._@+-").replace(".ft-", "-ft-") or "own-model"
