"""From options to operations, from operations to files: what every command of `tunewright data` does."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console

from service.cli.data.outputs import OutputRefused, outputs
from service.cli.data.show import show
from service.cli.own_models import catalogue_here
from service.core.catalogue import Catalogue
from service.core.dataset.profile import CheckProfile
from service.core.prepare.diff import Diff
from service.core.prepare.operations import Operation, OperationInvalid, Split, Truncate, check_operations
from service.prepare.pipeline import prepare
from service.prepare.rows import PrepareFailed
from service.prepare.run import Preparation
from service.store.catalogue import CatalogueInvalid

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DEFAULT_MODEL = "gpt-4.1-mini-2025-04-14"
_BIG_BYTES = 20_000_000
_NO_LIMIT = 1 << 62
_LOSSES = ("clean", "convert", "truncate")
_F = TypeVar("_F", bound=Callable[..., Any])


class CannotPrepare(click.ClickException):
    """The files can't be made."""

    exit_code = 2


def common(function: _F) -> _F:
    """Add the options that all commands with an output have."""
    for option in (
        click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True),
        click.option("--catalogue", type=FILE, help="A model and price table laid over the packaged one."),
        click.option("--model", default=DEFAULT_MODEL, show_default=True, help="The model whose tokens are counted."),
        click.option("--force", is_flag=True, help="Let the output take the place of a file that is there."),
        click.option(
            "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file to write."
        ),
    ):
        function = option(function)
    return function


def operation(kind: str, **members: Any) -> Operation:
    """Return an operation of options; those that were not given are left to its defaults."""
    given = {name: value for name, value in members.items() if value is not None}
    try:
        return msgspec.convert({"type": kind, **given}, Operation)  # pyright: ignore[reportArgumentType]
    except msgspec.ValidationError as error:
        raise click.UsageError(f"{kind}: {error}") from error


def make(
    file: Path,
    operations: Sequence[Operation],
    common: Mapping[str, Any],
    *,
    validation: Path | None = None,
    merged: Mapping[str, Path] | None = None,
) -> None:
    """Make the file or, with a split, both, say what changed, and end the process with its exit status."""
    paths: list[Path] = [common["output"]]
    if isinstance(operations[-1], Split):
        paths.append(validation or paths[0].with_name(f"{paths[0].stem}.validation{paths[0].suffix}"))
    inputs = [file, *(merged or {}).values()]
    try:
        check_operations(tuple(operations))
        named = [each.model for each in operations if isinstance(each, Truncate) and each.model]
        known = catalogue_here(common["catalogue"], [common["model"], *named])
        what = Preparation(
            source=file,
            operations=operations,
            merged=merged or {},
            profile_of=_profiles(known),
            model=common["model"],
            method="supervised",
            limit_bytes=_NO_LIMIT,
        )
        profile_of(known, common["model"])
        with outputs(paths, inputs, force=common["force"]) as files:
            diffs = _prepared(what, files)
    except OperationInvalid as error:
        raise click.UsageError(str(error)) from error
    except PrepareFailed as error:
        raise CannotPrepare(f"{error!s} ({error.code})") from error
    except (OutputRefused, OSError, CatalogueInvalid) as error:
        raise CannotPrepare(str(error)) from error
    if common["shape"] == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(list(diffs))))
    else:
        show(diffs, paths, Console())
    sys.exit(any(step.removed for step in diffs[0].steps if step.type in _LOSSES))


def _profiles(catalogue: Catalogue) -> Callable[[str], CheckProfile | None]:
    def profile_of(model: str) -> CheckProfile | None:
        return catalogue.profile(model, "supervised")

    return profile_of


def profile_of(catalogue: Catalogue, model: str) -> CheckProfile:
    """Return how a model's tokens are counted. Raises BadParameter for one whose encoding is not known."""
    found = catalogue.profile(model, "supervised")
    if found is None:
        raise click.BadParameter(f"{model} is not in the catalogue and its encoding is not known", param_hint="--model")
    return found


def _prepared(what: Preparation, files: Sequence[Any]) -> tuple[Diff, ...]:
    console = Console(stderr=True)
    if what.source.stat().st_size < _BIG_BYTES or not console.is_terminal:
        return prepare(what, files)
    with console.status("reading") as status:
        return prepare(what, files, lambda lines: status.update(f"{lines:,} lines written"))
