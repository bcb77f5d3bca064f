"""Tells which examples repeat others, in the words of findings: each cause once."""

from collections.abc import Iterable, Iterator

from service.check.duplicates import ContextIndex, Repeat
from service.check.near import Conflict, NearIndex
from service.core.dataset.report import FindingLog

_TOLD = {
    "duplicate_example": "the same example as line {first}",
    "train_validation_leak": "the same example as line {first} of the training file",
    "prompt_leak": "the same prompt as line {first} of the training file",
    "near_duplicate": "the same as line {first}, but for the writing of the answer",
}
_UNLIKE = {"conflicting_answers": "near_duplicate", "prompt_leak": "train_validation_leak"}
"""What another answer to the same prompt is after all where it is written otherwise only."""

_RELATED = 20


def note_repeats(contexts: ContextIndex, near: NearIndex, log: FindingLog) -> None:
    """Add a finding for each line that repeats another, and one for each question with several answers."""
    leaked: set[int] = set()
    for found in _exact(contexts.repeats(), near):
        if isinstance(found, Conflict):
            _note_conflict(found, "", log)
            continue
        if found.code in ("train_validation_leak", "prompt_leak"):
            leaked.add(found.line)
        told = _TOLD[found.code].format(first=found.first)
        log.add(found.code, told, file=_file(found.validation), line=found.line, related=(found.first,))
    compared = near.compared()
    for each in compared.repeats:
        code = "train_validation_leak" if each.leak else "near_duplicate"
        leaked |= {each.line} if each.leak else set()
        words = f"but for {each.different} of its words" if each.different else "but for its writing"
        told = f"the same as line {each.first}{' of the training file' if each.leak else ''}, {words}"
        log.add(code, told, file=_file(each.validation), line=each.line, related=(each.first,))
    for conflict in compared.conflicts:
        _note_conflict(conflict, ", but for its writing", log)
    for seen in near.prompts_seen():
        leaked.add(seen.line)
        code = "train_validation_leak" if seen.leak else "prompt_leak"
        told = f"the same prompt as line {seen.first} of the training file, but for its writing or its system prompt"
        log.add(code, told, file="validation", line=seen.line, related=(seen.first,))
    for begun in near.openings.begun() if near.openings is not None else ():
        if begun.line not in leaked:
            code, what = ("train_validation_leak", "exchange") if begun.leak else ("prompt_leak", "question")
            told = f"the first {what} is that of line {begun.first} of the training file"
            log.add(code, told, file="validation", line=begun.line, related=(begun.first,))


def _exact(repeats: Iterable[Repeat], near: NearIndex) -> Iterator[Repeat | Conflict]:
    """Yield repeats, and the conflicts of each context together."""
    conflict: Conflict | None = None
    for repeat in repeats:
        leak = repeat.code == "prompt_leak"
        if repeat.code in _UNLIKE and near.answers_alike(
            repeat.line, repeat.first, validation=repeat.validation, leak=leak
        ):
            repeat = repeat._replace(code=_UNLIKE[repeat.code])
        if repeat.code != "conflicting_answers":
            yield repeat
            continue
        if conflict is None or (repeat.first, repeat.validation) != conflict[:2]:
            if conflict is not None:
                yield conflict
            conflict = Conflict(repeat.first, repeat.validation, [])
        conflict.lines.append(repeat.line)
    if conflict is not None:
        yield conflict


def _note_conflict(conflict: Conflict, but: str, log: FindingLog) -> None:
    first, validation, lines = conflict
    told = f"the same prompt as line {first}{but}, another answer"
    if len(lines) > 1:
        told = f"{len(lines):,} lines have the same prompt as line {first}{but}, and other answers"
    related = (first, *lines[1:_RELATED])
    log.add("conflicting_answers", told, file=_file(validation), line=lines[0], related=related)


def _file(validation: bool) -> str:
    return "validation" if validation else "training"
