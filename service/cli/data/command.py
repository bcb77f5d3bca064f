"""`tunewright data …`: split, dedupe, clean, normalise, redact, truncate, sample, merge, convert, run, diff."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from service.cli.data.show import show_comparison
from service.cli.data.work import DEFAULT_MODEL, FILE, CannotPrepare, common, make, operation, profile_of
from service.cli.own_models import catalogue_here
from service.core.prepare.operations import Charset, Container, Merge, Operation, Shape, Target
from service.prepare.compare import compare
from service.prepare.rows import PrepareFailed
from service.store.catalogue import CatalogueInvalid

_OUT = click.Path(dir_okay=False, path_type=Path)


def _choice(literal: Any, *more: str) -> click.Choice[str]:
    return click.Choice([*more, *literal.__args__])


@click.group("data")
def command() -> None:
    """Prepare datasets: no server, key or network is needed, and files that are read are never changed.

    Exit status 0: done; 1: done, but lines that could not be used were left out (diff: the files differ); 2: could not
    be done, or wrong usage.
    """


@command.command()
@click.argument("file", type=FILE)
@click.option("--validation", required=True, help="Share (0.1) or number (500) of lines for validation.")
@click.option("--validation-output", type=_OUT, help="Default: OUTPUT with .validation before its ending.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--group", type=click.Choice(["near", "prompt", "none"]), help="What stays on one side; default near.")
@click.option("--stratify/--no-stratify", default=True, help="Keep the share of each class label.")
@common
def split(
    file: Path, validation: str, validation_output: Path | None, seed: int, group: str | None, stratify: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Share the lines out between training and validation, equal prompts and near duplicates on one side."""
    try:
        share: int | float = int(validation) if validation.isdecimal() else float(validation)
    except ValueError as error:
        raise click.BadParameter("give a share or a number", param_hint="--validation") from error
    members = {"validation": share, "seed": seed, "group": group, "stratify": stratify}
    make(file, [operation("split", **members)], options, validation=validation_output)


@command.command()
@click.argument("file", type=FILE)
@click.option("--by", type=click.Choice(["exact", "normalised", "near"]), default="exact", show_default=True)
@common
def dedupe(file: Path, by: str, **options: Any) -> None:
    """Keep the first of equal examples."""
    make(file, [operation("dedupe", by=by)], options)


@command.command()
@click.argument("file", type=FILE)
@click.option("--method", type=click.Choice(["supervised", "dpo", "reinforcement"]), help="What the lines are for.")
@click.option("--remove-unknown", is_flag=True, help="Take out members that the form does not know.")
@common
def clean(file: Path, method: str | None, remove_unknown: bool, **options: Any) -> None:
    """Mend lines where that is certain, and drop those that a provider would refuse."""
    make(file, [operation("clean", method=method, remove_unknown=remove_unknown)], options)


@command.command()
@click.argument("file", type=FILE)
@click.option("--unicode", type=click.Choice(["NFC", "NFKC", "none"]), default="NFC", show_default=True)
@click.option("--line-ends/--no-line-ends", default=True, help="Line feeds for all other line ends.")
@click.option("--invisible/--no-invisible", default=True, help="Remove invisible characters.")
@click.option("--whitespace/--no-whitespace", default=True, help="Remove blanks at the ends of lines and texts.")
@common
def normalise(file: Path, unicode: str, line_ends: bool, invisible: bool, whitespace: bool, **options: Any) -> None:
    """Bring the texts into one form."""
    members = {"unicode": unicode, "line_ends": line_ends, "invisible": invisible, "whitespace": whitespace}
    make(file, [operation("normalise", **members)], options)


@command.command()
@click.argument("file", type=FILE)
@click.option("--kind", "kinds", type=click.Choice(["secret", "personal_data"]), multiple=True, help="Default: both.")
@common
def redact(file: Path, kinds: tuple[str, ...], **options: Any) -> None:
    """Put placeholders in the place of secrets and personal data, the same one for the same value."""
    make(file, [operation("redact", kinds=kinds or None)], options)


@command.command()
@click.argument("file", type=FILE)
@click.option("--max-tokens", type=int, help="Default: what the model takes.")
@click.option("--cut", type=click.Choice(["start", "middle", "end"]), default="middle", show_default=True)
@common
def truncate(file: Path, max_tokens: int | None, cut: str, **options: Any) -> None:
    """Shorten prompts until each example fits, its answer kept whole."""
    make(file, [operation("truncate", max_tokens=max_tokens, cut=cut)], options)


@command.command()
@click.argument("file", type=FILE)
@click.option("--count", type=int)
@click.option("--fraction", type=float)
@click.option("--seed", type=int, default=0, show_default=True)
@common
def sample(file: Path, count: int | None, fraction: float | None, seed: int, **options: Any) -> None:
    """Draw lines, in their order."""
    make(file, [operation("sample", count=count, fraction=fraction, seed=seed)], options)


@command.command()
@click.argument("file", type=FILE)
@click.argument("others", type=FILE, nargs=-1, required=True)
@common
def merge(file: Path, others: tuple[Path, ...], **options: Any) -> None:
    """Append the lines of OTHERS to those of FILE."""
    names = {str(path): path for path in others}
    make(file, [operation("merge", datasets=[str(path) for path in others])], options, merged=names)


@command.command()
@click.argument("file", type=FILE)
@click.option("--from", "source", type=_choice(Shape, "auto"), default="auto", show_default=True)
@click.option("--to", type=_choice(Target), help="Default: chat, or preference where there are two answers.")
@click.option("--container", type=_choice(Container), default="auto", show_default=True, help="How FILE is written.")
@click.option("--encoding", type=_choice(Charset), default="utf-8", show_default=True)
@click.option("--delimiter", help="Between the fields of a CSV file; found out by default.")
@click.option("--system", help="A system message for conversations that have none; with --user a template.")
@click.option("--user", help="Template of the question: columns in braces, as in '{question}'.")
@click.option("--assistant", help="Template of the answer.")
@click.option("--chosen", help="Template of the better answer of a preference.")
@click.option("--rejected", help="Template of the worse one.")
@common
def convert(file: Path, **options: Any) -> None:
    """Make lines of what other tools write: CSV, Parquet, JSON, Alpaca, ShareGPT, TRL, messages, your own columns."""
    template = {name: options.pop(name) for name in ("user", "assistant", "chosen", "rejected")}
    members = {name: options.pop(name) for name in ("to", "container", "encoding", "delimiter", "system")}
    members["from"] = options.pop("source")
    if any(template.values()):
        members["template"] = {name: text for name, text in template.items() if text is not None}
        if members["system"] is not None:
            members["template"]["system"] = members.pop("system")
    make(file, [operation("convert", **members)], options)


@command.command()
@click.argument("file", type=FILE)
@click.option("--operations", "plan", type=FILE, required=True, help="JSON: a list of operations as the API takes it.")
@click.option("--validation-output", type=_OUT, help="Where the last operation is a split.")
@common
def run(file: Path, plan: Path, validation_output: Path | None, **options: Any) -> None:
    """Run several operations in one go; datasets that a merge names are files."""
    try:
        operations = msgspec.json.decode(plan.read_bytes(), type=list[Operation])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CannotPrepare(f"{plan}: {error}") from error
    named = [name for each in operations if isinstance(each, Merge) for name in each.datasets]
    if missing := [name for name in named if not Path(name).is_file()]:
        raise CannotPrepare(f"{plan}: there is no file {missing[0]}")
    make(file, operations, options, validation=validation_output, merged={name: Path(name) for name in named})


@command.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="The model whose tokens are counted.")
@click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True)
def diff(old: Path, new: Path, model: str, shape: str) -> None:
    """Say how two files differ, whatever the order of their lines."""
    try:
        profile = profile_of(catalogue_here(None, [model]), model)
        found = compare(old, new, profile)
    except (PrepareFailed, CatalogueInvalid, OSError) as error:
        raise CannotPrepare(str(error)) from error
    if shape == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        show_comparison(found, Console())
    lines = found.lines
    sys.exit(bool(lines.added or lines.removed or lines.changed))
