"""Checks a dataset in one pass: every finding, exact tokens, both splits, in bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from importlib import metadata
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from service.check.benchmarks import Benchmarks
from service.check.compiled import native
from service.check.counting import Counting, counting_for
from service.check.duplicates import ContextIndex
from service.check.handover import quick_handover
from service.check.lengths import Lengths, TextCounter, UncountableText
from service.check.near import NearIndex
from service.check.openings import Openings
from service.check.plain import Plain, PlainReaders
from service.check.reader import Block, LineReader
from service.check.repeats import note_repeats
from service.check.search import search_for_rules
from service.check.split import SplitCheck
from service.check.tokens import CountsDiffer, TokenCounter, versions
from service.check.work import Work
from service.core.dataset.defects import shown
from service.core.dataset.opening import opening_of
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import FindingLog, Report
from service.core.dataset.tally import TokenTally
from service.core.dataset.texts import Search, Suspicion

if TYPE_CHECKING:
    from service.check._native import Crew

_THREADS = min(4, os.cpu_count() or 1)
_AHEAD, _AHEAD_BYTES, _BEHIND = 6, 4 << 20, 3
"""Blocks that are read before they are judged, and their bytes, and blocks whose texts are counted afterwards."""


class _Pass(NamedTuple):
    """What one pass over the splits shares."""

    profile: CheckProfile
    log: FindingLog
    contexts: ContextIndex
    near: NearIndex
    counter: TextCounter | None
    crew: "Crew | None"
    search: Search
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
    memory is bounded: caches fill up (186 MB at 30 MB of file, 214 at 200, 247 at 2,000, measured). Streams must be
    seekable, else they are counted by tiktoken alone; they are left open. Raises OSError where a file can't be read,
    VocabularyDamaged, UncountableText. Without a vocabulary for the model's encoding, or where its own tokenizer can't
    count, `tokens` is None and `tokens_unknown` says why.
    """
    with _opened(source) as stream, _opened(validation) as other, quick_handover():
        assert stream is not None
        again = all(each is None or each.seekable() for each in (stream, other))
        starts = [each.tell() if each is not None and again else 0 for each in (stream, other)]

        def once(counting: Counting) -> Report:
            return _check(stream, other, profile, filename, dataset_id, progress, benchmarks, counting)

        try:
            return once(counting_for(profile, compiled=again))
        except (CountsDiffer, UncountableText) as error:
            if not again or (profile.tokenizer is None and isinstance(error, UncountableText)):
                raise
            for each, start in zip((stream, other), starts, strict=True):
                each.seek(start) if each is not None else None
            if isinstance(error, UncountableText):
                return once(Counting(None, str(error)))
            return once(counting_for(profile, compiled=False))


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
    counting: Counting,
) -> Report:
    counter = counting.counter
    vocabulary = counter.encoding if isinstance(counter, TokenCounter) else None
    readers = PlainReaders(vocabulary) if native is not None and counting.compiled else None
    with (
        ContextIndex() as index,
        ThreadPoolExecutor(_THREADS, "check") as pool,
        readers.together(_THREADS) if readers is not None else nullcontext() as crew,
    ):
        near, search = NearIndex(pool), search_for_rules()
        each_once = isinstance(counter, TokenCounter) and benchmarks is None  # these look for texts of tools, too
        count = counter.count_together if isinstance(counter, TokenCounter) and each_once else None
        shared = _Pass(profile, FindingLog(), index, near, counter, crew, search, pool, benchmarks)
        split, tally = (
            SplitCheck(file, profile, shared.log, index, near, search, count),
            TokenTally(profile.max_example_tokens),
        )
        if validation is not None:
            near.openings = Openings()
        reader = LineReader(stream, progress)
        _run(reader, split, tally, shared)
        if validation is not None:
            other = SplitCheck("validation", profile, shared.log, index, near, search, count)
            _run(LineReader(validation), other, TokenTally(profile.max_example_tokens), shared, split)
        note_repeats(index, near, shared.log)
        for name in profile.unknown_variables:
            shared.log.add("unknown_grader_variable", f"the grader names {shown(name)}, which there is not", file=file)
        if counter is None:
            shared.log.add("tokens_unknown", f"{counting.why}: the tokens are not counted", file=file)
    return _report(reader, split, tally, shared, dataset_id)


class _Looked(NamedTuple):
    """What was found out about a block's texts while others were read."""

    suspicions: list[Suspicion]
    lengths: Lengths | None


def _look(work: Work, counter: TextCounter | None, search: Search) -> _Looked:
    """Search and count the texts of a block, in any thread."""
    suspicions = search.suspects(work.heard.texts, work.heard.voices)
    return _Looked(suspicions, counter.measure(work.spans, work.ends) if counter is not None else None)


class _Pending(NamedTuple):
    """A block that the crew reads, or that will be looked at line by line."""

    block: Block
    read: bool


def _run(
    reader: LineReader, split: SplitCheck, tally: TokenTally, shared: _Pass, trained: SplitCheck | None = None
) -> None:
    """Check one split, validation beside the `trained` one: while a block is judged here, the crew reads those behind
    it, and the pool counts those before."""
    ahead: deque[_Pending] = deque()
    held = 0
    waiting: deque[tuple[Work, Future[_Looked]]] = deque()
    for block in reader:
        if block.first == 1:
            if (opening := opening_of(block.raw)) is not None:
                shared.log.add(opening.code, opening.message, file=split.file)
                reader.drain()
                return
            block = split.begin(block)
        read = shared.crew is not None and split.takes_plain and not block.skipped
        if shared.crew is not None and read:
            shared.crew.give(block.raw)
        ahead.append(_Pending(block, read))
        held += len(block.raw)
        while len(ahead) > _AHEAD or (held > _AHEAD_BYTES and len(ahead) > 1):
            held -= len(ahead[0].block.raw)
            _take(ahead.popleft(), waiting, split, tally, shared)
    for each in ahead:
        _take(each, waiting, split, tally, shared)
    for each in waiting:
        _tally(*each, split, tally, shared)
    for line, length, usual in tally.outliers():
        told = f"{length:,} tokens, where nearly all examples have {usual:,} or fewer"
        shared.log.add("token_outlier", told, file=split.file, line=line)
    split.close(trained)


def _take(
    pending: _Pending,
    waiting: deque[tuple[Work, Future[_Looked]]],
    split: SplitCheck,
    tally: TokenTally,
    shared: _Pass,
) -> None:
    plain = Plain(shared.crew.take(), pending.block) if shared.crew is not None and pending.read else None
    work = split.examine(pending.block, plain)
    if shared.benchmarks is not None and split.file == "training":
        _compare(work, plain, shared.benchmarks, shared.log)
    if shared.counter is not None and plain is not None and len(plain):
        if isinstance(shared.counter, TokenCounter):
            _tally_plain(plain, split, tally, shared.counter, shared.log)
        else:
            plain.texts_into(work)
    if work.lines or work.heard.texts:
        waiting.append((work, shared.pool.submit(_look, work, shared.counter, shared.search)))
    if len(waiting) > _BEHIND:
        _tally(*waiting.popleft(), split, tally, shared)


def _compare(work: Work, plain: Plain | None, benchmarks: Benchmarks, log: FindingLog) -> None:
    """Look for texts of evaluation sets among the texts of a block's examples."""
    examples = [
        (line, work.spans.texts[start:end])
        for line, start, end in zip(work.lines, [0, *work.ends], work.ends, strict=False)
    ]
    if plain is not None:
        examples += [
            (line, [plain.text(at) for at in plain.texts_of(example)])
            for example, line in enumerate(plain.lines.tolist())
        ]
    for line, texts in examples:
        found = next((each for text in texts if (each := benchmarks.find(text))), None)
        if found is not None:
            told = f"the example holds words of line {found.line} of {found.name}"
            log.add("benchmark_overlap", told, file="training", line=line)


def _tally_plain(plain: Plain, split: SplitCheck, tally: TokenTally, counter: TokenCounter, log: FindingLog) -> None:
    """Take in the lengths of a block's plain lines, which were counted as they were read."""
    counts: list[int] = plain.texts["tokens"].tolist()
    counter.verify(counts, plain.text)
    lengths: list[int] = plain.table["tokens"].tolist()
    lines: list[int] = plain.lines.tolist()
    tally.note_longest(lengths, lines)
    if tally.fits(max(lengths)):
        tally.add_all(lengths, int(plain.table["trained"].sum()))
        return
    for example, line in enumerate(lines):
        some = [counts[at] for at in plain.texts_of(example)]
        _add_length(line, some, *plain.layout(example), split, tally, log)


def _tally(work: Work, future: Future[_Looked], split: SplitCheck, tally: TokenTally, shared: _Pass) -> None:
    """Take in what was found out about a block's texts."""
    suspicions, found = future.result()
    split.judge_texts(work.heard, suspicions)
    if found is None or shared.counter is None:
        return
    shared.counter.confirm(found, work.spans)
    for each in found.controls:
        told = f"{shown(each.token)} is a control token of the model's tokenizer"
        shared.log.add("template_tokens", told, file=split.file, line=work.lines[each.example], path=each.path)
    lengths = found.totals
    tally.note_longest(lengths, work.lines)
    if not lengths or tally.fits(max(lengths)):
        tally.add_all(lengths, sum(compress(found.counts, found.trained)))
        return
    for line, start, end in zip(work.lines, found.starts, found.ends, strict=True):
        part = slice(start, end)
        _add_length(line, found.counts[part], found.leads[part], found.trained[part], split, tally, shared.log)


def _add_length(
    line: int,
    counts: Sequence[int],
    leads: Sequence[int],
    trained: Sequence[bool],
    split: SplitCheck,
    tally: TokenTally,
    log: FindingLog,
) -> None:
    """Take in one example, which may be cut."""
    length, nothing = tally.add(counts, leads, trained)
    if not tally.fits(length):
        told = f"{length:,} tokens, cut at {tally.limit:,}"
        log.add("example_truncated", told, file=split.file, line=line)
        if nothing:
            told = f"the answer begins after token {tally.limit:,}"
            log.add("nothing_trained_after_truncation", told, file=split.file, line=line)


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
        languages=split.languages,
        checked_with={
            "tunewright": metadata.version("tunewright"),
            **versions(shared.counter),
            **sampled,
            **split.sampled(),
        },
    )
