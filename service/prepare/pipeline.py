"""Runs operations over a file, and says what they changed."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from importlib import metadata
from typing import IO

from service.check.lengths import TextCounter, TokenizerUnusable, UncountableText
from service.check.tokens import CountsDiffer, counter_for, versions
from service.core.prepare.diff import Diff, LineCounts, Part, drift
from service.prepare.digest import batches
from service.prepare.measure import Measure
from service.prepare.rows import PrepareFailed
from service.prepare.run import Output, Preparation, Run

_THREADS = min(4, os.cpu_count() or 1)


def prepare(
    what: Preparation, outputs: Sequence[IO[bytes]], progress: Callable[[int], None] | None = None
) -> tuple[Diff, ...]:
    """Write the datasets into `outputs` (seekable, one for each of `what.parts`), and return a diff for each.

    The same input gives the same bytes on every machine. `progress` is told how many lines were written. Memory does
    not grow with the files but for some 20 bytes a line; what has to look at all lines twice keeps a copy on disk.
    Raises PrepareFailed, and OSError.
    """
    try:
        return _prepare(what, outputs, progress, compiled=True)
    except CountsDiffer:
        for output in outputs:
            output.seek(0)
            output.truncate()
        return _prepare(what, outputs, progress, compiled=False)
    except (TokenizerUnusable, UncountableText) as error:
        raise PrepareFailed("tokens_unknown", f"the tokens of {what.model} can't be counted: {error}") from error


def _prepare(
    what: Preparation, outputs: Sequence[IO[bytes]], progress: Callable[[int], None] | None, *, compiled: bool
) -> tuple[Diff, ...]:
    profile = what.profile_of(what.model)
    counter = counter_for(profile.encoding, profile.tokenizer, compiled=compiled) if profile else None
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(_THREADS, "prepare"))
        before = stack.enter_context(Measure(pool, counter))
        run = Run(what, pool, before, compiled=compiled)
        made = [Output(stream, stack.enter_context(Measure(pool, counter)), what.limit_bytes) for stream in outputs]
        written = 0
        rows = stack.enter_context(closing(run.rows()))
        for batch in batches(rows):
            for part, output in enumerate(made):
                output.write([row for row in batch if row.part == part])
            written += len(batch)
            if progress is not None:
                progress(written)
        _check(run, made)
        return tuple(_diff(what, run, output, part, counter) for output, part in zip(made, what.parts, strict=True))


def _check(run: Run, made: Sequence[Output]) -> None:
    """Raise PrepareFailed where nothing came out."""
    for output in made:
        if not output.lines:
            at = max(range(len(run.ledgers)), key=lambda at: run.ledgers[at].removed)
            why = run.ledgers[at].usual()
            raise PrepareFailed("empty_result", f"no line is left{f' ({why})' if why else ''}", at)


def _diff(what: Preparation, run: Run, output: Output, part: Part | None, counter: TextCounter | None) -> Diff:
    before = run.before.figures() if run.is_measured else None
    after = output.measure.figures(labelled=before is not None and before.labels is not None)
    return Diff(
        dataset=None,
        derived_from=None,
        part=part,
        sources=tuple(name for name in run.sources if name is not None),
        operations=tuple(what.operations),
        lines=LineCounts(
            before=run.lines,
            after=output.lines,
            added=output.added,
            removed=run.lines - (output.lines - output.added),
            changed=output.changed,
        ),
        steps=tuple(ledger.counts() for ledger in run.ledgers),
        before=before,
        after=after,
        drift=drift(before, after),
        made_with={"tunewright": metadata.version("tunewright"), **versions(counter)},
    )
