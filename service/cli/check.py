"""`tunewright check FILE`: the dataset check without server, key or network."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from rich.table import Table

from service.check.baseline import Baseline, baseline_of, only_new
from service.check.benchmarks import Benchmarks
from service.check.compiled import native
from service.check.engine import check_file
from service.check.lengths import TokenizerUnusable
from service.check.tokens import counter_for
from service.cli.check_policy import PolicyInvalid, read_policy
from service.cli.own_models import catalogue_here, name_of
from service.core import clock
from service.core.advice import advice
from service.core.catalogue import Catalogue, Method
from service.core.comparison import compared, offers
from service.core.dataset.codes import CODES
from service.core.dataset.grader import Reads, reads_of
from service.core.dataset.markdown import bars, by_code, places, sampled, to_markdown, told, verdict
from service.core.dataset.page import to_html
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import Report
from service.core.dataset.sarif import to_sarif
from service.core.jobs import Method as JobMethod
from service.store.catalogue import CatalogueInvalid

DEFAULT_MODEL = "gpt-4.1-mini-2025-04-14"
_COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}
_SLOW_BYTES = 500_000
_BIG_BYTES = 20_000_000
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_METHODS: dict[str, Method] = {"supervised": "supervised", "dpo": "dpo", "reinforcement": "reinforcement"}


class _CannotCheck(click.ClickException):
    """The file, the model table, the policy or the baseline can't be read."""

    exit_code = 2


@click.command("check")
@click.argument("file", type=_FILE)
@click.option("--validation", type=_FILE, help="A validation split, checked together with FILE for leaks.")
@click.option("--model", help=f"The model that is to be tuned.  [default: {DEFAULT_MODEL}]")
@click.option(
    "--tokenizer",
    type=click.Path(exists=True, path_type=Path),
    help="An open model's tokenizer.json, or its folder: what counts instead of the vocabularies of OpenAI's models.",
)
@click.option("--method", type=click.Choice(list(_METHODS)), default="supervised", show_default=True)
@click.option("--format", "shape", type=click.Choice(["text", "json", "markdown", "html", "sarif"]), default="text")
@click.option("--catalogue", type=_FILE, help="A model and price table laid over the packaged one.")
@click.option(
    "--policy", type=_FILE, help="A TOML file with a table [check]; default: tunewright.toml, if there is one."
)
@click.option("--grader", type=_FILE, help="The grader of a reinforcement run, as JSON: what it reads must be there.")
@click.option(
    "--benchmark", "benchmarks", type=_FILE, multiple=True, help="An evaluation set that must not be trained on."
)
@click.option("--baseline", type=_FILE, help="Show and judge only what this file, once written, does not know.")
@click.option(
    "--write-baseline", type=click.Path(dir_okay=False, path_type=Path), help="Write what is found to a file."
)
def command(
    file: Path,
    validation: Path | None,
    model: str | None,
    tokenizer: Path | None,
    method: str,
    shape: str,
    catalogue: Path | None,
    policy: Path | None,
    grader: Path | None,
    benchmarks: tuple[Path, ...],
    baseline: Path | None,
    write_baseline: Path | None,
) -> None:
    """Check a training file: every defect with its line, exact tokens, the price.

    Exit status 0: no errors; 1: errors; 2: FILE can't be read, or wrong usage.
    """
    paths = {"training": file, **({"validation": validation} if validation else {})}
    try:
        rules = read_policy(policy)
        sets = (*map(Path, rules.benchmarks), *benchmarks)
        known = Benchmarks.read(sets) if sets else None
        reads = reads_of(msgspec.json.decode(grader.read_bytes(), type=dict[str, Any])) if grader else Reads((), ())
        name = model or (DEFAULT_MODEL if tokenizer is None else name_of(tokenizer))
        models = catalogue_here(catalogue, [name], tokenizer)
        report = rules.apply(_checked(file, validation, known, reads, name, _METHODS[method], models))
        if write_baseline is not None:
            write_baseline.write_bytes(msgspec.json.format(msgspec.json.encode(baseline_of(report, paths))) + b"\n")
        if baseline is not None:
            report = only_new(report, msgspec.json.decode(baseline.read_bytes(), type=Baseline), paths)
    except (OSError, UnicodeDecodeError, CatalogueInvalid, PolicyInvalid, TokenizerUnusable) as error:
        raise _CannotCheck(str(error)) from error
    except msgspec.MsgspecError as error:
        raise _CannotCheck(f"--baseline or --grader holds something else: {error}") from error
    _print(report, file, validation, shape)
    sys.exit(0 if report.valid else 1)


def _print(report: Report, file: Path, validation: Path | None, shape: str) -> None:
    if shape == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    elif shape == "markdown":
        click.echo(to_markdown(report, file.name), nl=False)
    elif shape == "html":
        click.echo(to_html(report, file.name), nl=False)
    elif shape == "sarif":
        click.echo(to_sarif(report, file.as_posix(), validation.as_posix() if validation else None))
    else:
        show(report, file.name, Console())


def _checked(
    file: Path,
    validation: Path | None,
    benchmarks: Benchmarks | None,
    reads: Reads,
    model: str,
    method: Method,
    known: Catalogue,
) -> Report:
    profile = known.profile(model, method)
    if profile is None:
        raise click.BadParameter(f"{model} is not in the catalogue and its encoding is not known", param_hint="--model")
    counter_for(profile.encoding, profile.tokenizer)  # asked for by name: no report rather than one without tokens
    profile = msgspec.structs.replace(profile, item_fields=reads.fields, unknown_variables=reads.unknown)
    report = _with_progress(file, validation, benchmarks, profile)
    return _compared(known, report, JobMethod(type=method))


def _compared(catalogue: Catalogue, report: Report, method: JobMethod) -> Report:
    """Add what the file would take on every model that its vendor still tunes; no provider is known here."""
    now = clock.now()
    offered = offers(catalogue, report, method, places=(), now=now)
    priced = msgspec.structs.replace(report, estimates=compared(catalogue, report, method, offered, now=now))
    return msgspec.structs.replace(priced, advice=advice(priced))


def _with_progress(file: Path, validation: Path | None, benchmarks: Benchmarks | None, profile: CheckProfile) -> Report:
    size, console = file.stat().st_size, Console(stderr=True)
    if native is None and size >= _SLOW_BYTES:
        console.print(
            "The check was installed without a C compiler: it takes some hundred times longer. See tunewright doctor."
        )
    check = partial(check_file, file, profile=profile, validation=validation, benchmarks=benchmarks)
    if size < _BIG_BYTES or not console.is_terminal:
        return check()
    columns = ("checking", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=size)
        return check(progress=lambda done: bar.update(task, completed=done))


def show(report: Report, name: str, console: Console) -> None:
    """Print the report for a terminal: summary, findings by code, token histogram."""
    colour = "green" if report.valid and not report.warning_count else "yellow" if report.valid else "red"
    console.print(f"[bold]{escape(name)}[/]: [bold {colour}]{verdict(report)}[/]")
    console.print(
        f"{report.examples:,} examples in {report.lines:,} lines, form {report.format or 'unknown'}, "
        f"method {report.method}, model {report.model}"
    )
    if report.counts:
        console.print(_table(report))
    _show_tokens(report, console)


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("", "code", "found", "lines", "first of them; how to mend it"):
        table.add_column(title, justify="right" if title == "found" else "left", overflow="fold")
    for code, findings in by_code(report).items():
        kind, first = CODES[code], findings[0]
        mark = f"[{_COLOURS[first.severity]}]{first.severity}[/]"
        path = f" at {first.path}" if first.path else ""
        told = f"{escape(first.message + path)}\n[dim]{escape(kind.hint)}[/]"
        table.add_row(mark, code, f"{report.counts[code]:,}", places(findings), told)
    return table


def _show_tokens(report: Report, console: Console) -> None:
    tokens = report.tokens
    if tokens is None:
        return
    trained = "" if tokens.trained is None else f", {tokens.trained:,} trained"
    cut = f", {report.over_limit:,} examples over the limit" if report.over_limit else ""
    console.print(f"{tokens.total:,} tokens in {tokens.encoding}{trained}, {tokens.billable:,} billable an epoch{cut}")
    for line in report.estimates:
        console.print(escape(f"- {told(line)}"), highlight=False)
    for each in report.advice:
        console.print(escape(each), highlight=False)
    for code, part in sampled(report):
        console.print(f"{code} was looked for among {part} alone", highlight=False)
    for span, bar, count in bars(tokens):
        console.print(f"[dim]{span:>18}[/] [cyan]{bar}[/] {count:,}", highlight=False)
