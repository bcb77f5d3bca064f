"""Checks a dataset in one pass: every finding, exact tokens, both splits, in bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib import metadata
from itertools import accumulate, compress
from operator import add
from pathlib import Path
from typing import BinaryIO, NamedTuple

from service.check.benchmarks import Benchmarks
from service.check.duplicates import ContextIndex
from service.check.near import NearIndex
from service.check.reader import Block, LineReader
from service.check.scan import Scan, scan
from service.check.split import SplitCheck
from service.check.tokens import AcceleratorDiffers, TokenCounter, counter_for, versions
from service.check.work import Work
from service.core.dataset.defects import shown
from service.core.dataset.opening import opening_of
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import FindingLog, Report
from service.core.dataset.tally import TokenTally

_THREADS = min(4, os.cpu_count() or 1)
_WAITING = 3
_TOLD = {
    "duplicate_example": "the same example as line {first}",
    "conflicting_answers": "the same prompt as line {first}, another answer",
    "train_validation_leak": "the same example as line {first} of the training file",
    "prompt_leak": "the same prompt as line {first} of the training file",
    "near_duplicate": "the same as line {first}, but for the writing of the answer",
}


_UNLIKE = {"conflicting_answers": "near_duplicate", "prompt_leak": "train_validation_leak"}
"""What another answer to the same prompt is after all where it is written otherwise only."""


class _Pass(NamedTuple):
    """What one pass over the splits shares."""

    profile: CheckProfile
    log: FindingLog
    contexts: ContextIndex
    near: NearIndex
    counter: TokenCounter | None
    pool: ThreadPoolExecutor
    benchmarks: Benchmarks | None


def check_file(
    source: BinaryIO | Path,
    *,
    profile: CheckProfile,
    validation: BinaryIO | Path | None = None,
    filename: str = "training",
    dataset_id: str | None = None,
    progress: Callable[[int], None] | None = None,
    benchmarks: Benchmarks | None = None,
) -> Report:
    """Check the training split at `source`, and `validation` with it if given; return the report without estimates.

    `filename` is what findings of `source` call it: `training`, or `validation` for a validation split checked alone.
    `progress` is told how many bytes of `source` have been read; `benchmarks` are what must not be trained on. Peak
    memory is bounded: caches fill up over the first gigabytes (242 MB at 60 MB of file, 282 at 500, measured). Streams
    must be seekable, else they are counted by tiktoken alone; they are left open. Raises OSError where a file can't be
    read, VocabularyDamaged, UncountableText. Without a vocabulary for the model's encoding `tokens` is None.
    """
    with _opened(source) as stream, _opened(validation) as other:
        assert stream is not None
        again = all(each is None or each.seekable() for each in (stream, other))
        starts = [each.tell() for each in (stream, other) if each is not None] if again else []
        try:
            return _check(stream, other, profile, filename, dataset_id, progress, benchmarks, accelerated=again)
        except AcceleratorDiffers:
            for each, start in zip((stream, other), starts, strict=False):
                each.seek(start) if each is not None else None
            return _check(stream, other, profile, filename, dataset_id, progress, benchmarks, accelerated=False)


@contextmanager
def _opened(source: BinaryIO | Path | None) -> Generator[BinaryIO | None]:
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield stream
    else:
        yield source


def _check(
    stream: BinaryIO,
    validation: BinaryIO | None,
    profile: CheckProfile,
    file: str,
    dataset_id: str | None,
    progress: Callable[[int], None] | None,
    benchmarks: Benchmarks | None,
    *,
    accelerated: bool,
) -> Report:
    counter = counter_for(profile.encoding, accelerated=accelerated)
    with ContextIndex() as index, ThreadPoolExecutor(_THREADS, "check") as pool:
        shared = _Pass(profile, FindingLog(), index, NearIndex(pool), counter, pool, benchmarks)
        split, tally = SplitCheck(file, profile, shared.log, index, shared.near), TokenTally(profile.max_example_tokens)
        reader = LineReader(stream, pool, progress)
        _run(reader, split, tally, shared)
        if validation is not None:
            other = SplitCheck("validation", profile, shared.log, index, shared.near)
            _run(LineReader(validation, pool), other, TokenTally(profile.max_example_tokens), shared)
        _note_repeats(shared)
        for name in profile.unknown_variables:
            shared.log.add("unknown_grader_variable", f"the grader names {shown(name)}, which there is not", file=file)
        if counter is None:
            told = f"no vocabulary of {profile.encoding} is shipped: the tokens are not counted"
            shared.log.add("tokens_unknown", told, file=file)
    return _report(reader, split, tally, shared, dataset_id)


def _run(reader: LineReader, split: SplitCheck, tally: TokenTally, shared: _Pass) -> None:
    """Check one split: while a block is judged here, those before are counted in the pool."""
    waiting: deque[tuple[Work, Future[list[int]]]] = deque()
    for block, scanning in _scanned(reader, shared.pool):
        if block.first == 1 and (opening := opening_of(block.raw)) is not None:
            shared.log.add(opening.code, opening.message, file=split.file)
            reader.drain()
            return
        work = split.examine(block, scanning.result())
        if shared.benchmarks is not None and split.file == "training":
            _compare(work, shared.benchmarks, shared.log)
        if shared.counter is None:
            continue
        waiting.append((work, shared.pool.submit(shared.counter.count_unverified, work.spans.texts)))
        if len(waiting) > _WAITING:
            _tally(*waiting.popleft(), split, tally, shared)
    for each in waiting:
        _tally(*each, split, tally, shared)
    for line, length, usual in tally.outliers():
        told = f"{length:,} tokens, where nearly all examples have {usual:,} or fewer"
        shared.log.add("token_outlier", told, file=split.file, line=line)
    split.close()


def _scanned(reader: LineReader, pool: ThreadPoolExecutor) -> Iterator[tuple[Block, Future[Scan]]]:
    """Yield each block with its scan, which was begun while the block before was judged."""
    before: tuple[Block, Future[Scan]] | None = None
    for block in reader:
        scanning = pool.submit(scan, block.raw, block.feeds)
        if before is not None:
            yield before
        before = block, scanning
    if before is not None:
        yield before


def _compare(work: Work, benchmarks: Benchmarks, log: FindingLog) -> None:
    """Look for texts of evaluation sets among the texts of a block's examples."""
    for line, start, end in zip(work.lines, [0, *work.ends], work.ends, strict=False):
        found = next((each for text in work.spans.texts[start:end] if (each := benchmarks.find(text))), None)
        if found is not None:
            told = f"the example holds words of line {found.line} of {found.name}"
            log.add("benchmark_overlap", told, file="training", line=line)


def _tally(work: Work, future: Future[list[int]], split: SplitCheck, tally: TokenTally, shared: _Pass) -> None:
    assert shared.counter is not None
    counts, spans = future.result(), work.spans
    shared.counter.verify(spans.texts, counts)
    sums = list(accumulate(map(add, counts, spans.leads), initial=0))
    starts = [0, *work.ends[:-1]] if work.ends else []
    lengths = [sums[end] - sums[start] for start, end in zip(starts, work.ends, strict=True)]
    tally.note_longest(lengths, work.lines)
    if not lengths or tally.fits(max(lengths)):
        tally.add_all(lengths, sum(compress(counts, spans.trained)))
        return
    limit = shared.profile.max_example_tokens
    for line, start, end in zip(work.lines, starts, work.ends, strict=True):
        length, nothing = tally.add(counts[start:end], spans.leads[start:end], spans.trained[start:end])
        if not tally.fits(length):
            told = f"{length:,} tokens, cut at {limit:,}"
            shared.log.add("example_truncated", told, file=split.file, line=line)
            if nothing:
                told = f"the answer begins after token {limit:,}"
                shared.log.add("nothing_trained_after_truncation", told, file=split.file, line=line)


def _note_repeats(shared: _Pass) -> None:
    for repeat in shared.contexts.repeats():
        leak = repeat.code == "prompt_leak"
        code = repeat.code
        if code in _UNLIKE and shared.near.answers_alike(
            repeat.line, repeat.first, validation=repeat.validation, leak=leak
        ):
            code = _UNLIKE[code]
        told = _TOLD[code].format(first=repeat.first)
        file = "validation" if repeat.validation else "training"
        shared.log.add(code, told, file=file, line=repeat.line, related=(repeat.first,))
    for near in shared.near.repeats():
        code = "train_validation_leak" if near.leak else "near_duplicate"
        words = f"but for {near.different} of its words" if near.different else "but for its writing"
        told = f"the same as line {near.first}{' of the training file' if near.leak else ''}, {words}"
        file = "validation" if near.validation else "training"
        shared.log.add(code, told, file=file, line=near.line, related=(near.first,))
    for seen in shared.near.prompts_seen():
        code = "train_validation_leak" if seen.leak else "prompt_leak"
        told = f"the same prompt as line {seen.first} of the training file, but for its writing or its system prompt"
        shared.log.add(code, told, file="validation", line=seen.line, related=(seen.first,))


def _report(reader: LineReader, split: SplitCheck, tally: TokenTally, shared: _Pass, dataset_id: str | None) -> Report:
    profile, log = shared.profile, shared.log
    errors = log.count("error")
    sampled = {} if shared.near.complete else {"near_duplicate": f"the first {shared.near.examples:,} examples"}
    return Report(
        dataset=dataset_id,
        valid=errors == 0,
        format=split.form if split.readable else None,
        method=profile.method,
        model=profile.model,
        lines=reader.lines,
        examples=split.examples,
        bytes=reader.size,
        sha256=reader.sha256,
        errors=log.listed("error"),
        warnings=log.listed("warning"),
        error_count=errors,
        warning_count=log.count("warning"),
        counts=dict(sorted(log.counts.items())),
        truncated=log.truncated,
        tokens=tally.tokens(profile.encoding, learns=split.form != "reinforcement"),
        over_limit=tally.over if tally.examples and profile.max_example_tokens is not None else None,
        checked_with={
            "tunewright": metadata.version("tunewright"),
            **versions(shared.counter),
            **sampled,
            **split.sampled(),
        },
    )
