"""Rules over the whole file: class labels and system prompts, kept in bounded memory."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from service.core.dataset.defects import shown
from service.core.dataset.labels import is_slip, normal_of, spellings, variants_of

_DISTINCT = 2000
_LINES_KEPT = 20
_LABEL_CHARACTERS = 60
NO_TEXT = "?" * 100
"""Stands for an answer that is no plain text: a list of parts, a call."""

_LEAST_LABELLED, _LEAST_PROMPTED = 10, 10
_MOST, _MOST_OF_FEW, _FEW = 0.8, 0.9, 20
_TIMES = 20
_LABEL = re.compile(r"\s?\S+(?:\s\S+){0,3}(?<![.!?。])\s?")
_ODD, _FEW_PROMPTS = 0.1, 3
_Key = TypeVar("_Key")


class FileFinding(NamedTuple):
    """A finding of the whole file; `line` is the first line that shows it."""

    code: str
    line: int | None
    path: str | None
    message: str
    related: tuple[int, ...]


class Lines:
    """How often something was seen, and where first, in whatever order it comes."""

    __slots__ = ("count", "first")

    def __init__(self) -> None:
        self.count = 0
        self.first: list[int] = []

    def add(self, lines: Sequence[int]) -> None:
        """Take in lines in ascending order."""
        self.count += len(lines)
        if len(self.first) == _LINES_KEPT and lines[0] > self.first[-1]:
            return
        self.first = sorted((*self.first, *lines[:_LINES_KEPT]))[:_LINES_KEPT]


Group = tuple[int, Sequence[int]]
"""The number of a text, and the lines that have it, in ascending order."""


class ClassRules:
    """Looks at answers and system prompts. Gives up on labels once there are too many different ones to be classes."""

    def __init__(self) -> None:
        self._labels: dict[str, Lines] | None = {}
        self._systems: dict[int, Lines] | None = {}
        self._examples = 0

    def add(self, line: int, system: int, answer: str | None) -> None:
        """Take in an example: line, the number of its system prompt, its answer (None leaves the line out)."""
        if answer is not None:
            self.add_many(1, ((system, (line,)),), ((answer, (line,)),))

    def add_many(self, examples: int, systems: Iterable[Group], answers: Iterable[tuple[str, Sequence[int]]]) -> None:
        """Take in examples by their system prompts, and again by their answers."""
        self._examples += examples
        if self._labels is not None:
            self._add_labels(self._labels, answers)
        if self._systems is not None:
            self._add_systems(self._systems, systems)

    def _add_labels(self, labels: dict[str, Lines], answers: Iterable[tuple[str, Sequence[int]]]) -> None:
        for answer, lines in answers:
            if (seen := labels.get(answer)) is None:
                if len(answer) > _LABEL_CHARACTERS or len(labels) >= _DISTINCT:
                    self._labels = None
                    return
                seen = labels[answer] = Lines()
            seen.add(lines)

    def _add_systems(self, known: dict[int, Lines], systems: Iterable[Group]) -> None:
        for system, lines in systems:
            if (seen := known.get(system)) is None:
                if len(known) >= _DISTINCT:
                    self._systems = None
                    return
                seen = known[system] = Lines()
            seen.add(lines)

    def classes(self) -> Mapping[str, Lines]:
        """Return the labels that answers have, none where there are too many to be labels."""
        labels = _in_order(self._labels or {})
        few = self._examples >= _LEAST_LABELLED and spellings(labels) <= max(3, self._examples // 4)
        return labels if few else {}

    def findings(self) -> Iterator[FileFinding]:
        """Yield what the whole file shows; nothing for sets too small or too varied to tell."""
        labels = self.classes()
        if labels:
            variants = dict(variants_of({label: seen.count for label, seen in labels.items()}))
            for label, usual in variants.items():
                lines = labels[label].first
                told = f"{shown(label)} is spelt {shown(usual)} elsewhere"
                yield FileFinding("label_variants", lines[0], None, told, (*lines[1:], labels[usual].first[0]))
            yield from _imbalance({label: seen.count for label, seen in labels.items() if label not in variants})
        if self._systems and self._examples >= _LEAST_PROMPTED:
            yield from _outliers(_in_order(self._systems), self._examples)

    def beside(self, trained: "ClassRules") -> Iterator[FileFinding]:
        """Yield what a validation split has that training has not: labels and system prompts."""
        known = trained.classes()
        normals = {normal_of(label): label for label in known}
        own = dict(variants_of({label: seen.count for label, seen in self.classes().items()}))
        for label, seen in _in_order(self._labels or {}).items() if known else ():
            if label in known or label in own or not any(map(str.isalpha, label)):
                continue
            normal = normal_of(label)
            usual = normals.get(normal) or next((normals[each] for each in normals if is_slip(normal, each)), None)
            told = "is no answer" if usual is None else f"is spelt {shown(usual)}"
            code = "unseen_label" if usual is None else "label_variants"
            message = f"{shown(label)} {told} in the training file"
            yield FileFinding(code, seen.first[0], None, message, tuple(seen.first[1:]))
        systems, others = trained._systems or {}, self._systems or {}
        strange = [seen for system, seen in others.items() if system not in systems]
        number = sum(seen.count for seen in strange)
        if 0 < len(systems) <= _FEW_PROMPTS and self._examples >= _LEAST_PROMPTED and number > self._examples * _ODD:
            told = f"{number} of {self._examples} examples have a system prompt that the training file has not"
            yield FileFinding("system_prompt_outlier", min(seen.first[0] for seen in strange), "messages", told, ())


def _in_order(seen: Mapping[_Key, Lines]) -> dict[_Key, Lines]:
    """Return what was seen in the order of the first lines."""
    return dict(sorted(seen.items(), key=lambda each: each[1].first[0]))


def _imbalance(counts: dict[str, int]) -> Iterator[FileFinding]:
    total = sum(counts.values())
    if total < _LEAST_LABELLED:
        return
    if len(counts) == 1:
        if _LABEL.fullmatch(label := next(iter(counts))):
            yield FileFinding("class_imbalance", None, None, f"all {total:,} answers are {shown(label)}", ())
        return
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    share = counts[largest] / total
    if share >= (_MOST if total >= _FEW else _MOST_OF_FEW):
        yield FileFinding("class_imbalance", None, None, f"{shown(largest)} is {share:.0%} of the answers", ())
    elif total >= _FEW and counts[smallest] > 1 and counts[smallest] * _TIMES <= counts[largest]:
        told = f"{shown(smallest)} is the answer {counts[smallest]} times, {shown(largest)} {counts[largest]} times"
        yield FileFinding("class_imbalance", None, None, told, ())


def _outliers(systems: dict[int, Lines], examples: int) -> Iterator[FileFinding]:
    usual = max(systems, key=lambda key: systems[key].count)
    others = [seen for key, seen in systems.items() if key != usual]
    odd = sum(seen.count for seen in others)
    if 0 < odd <= max(1, examples * _ODD):
        for seen in others:
            told = f"{examples - odd} of {examples} examples have another system prompt"
            yield FileFinding("system_prompt_outlier", seen.first[0], "messages", told, tuple(seen.first[1:]))
