"""Checks one split, block by block: reads, judges, and lays out its examples for counting."""

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import msgspec

from service.check.duplicates import ContextIndex
from service.check.ends import ends_of
from service.check.fingerprints import fingerprint
from service.check.near import NearIndex
from service.check.plain import NOT_READ, take_plain
from service.check.reader import LINE_BYTES, TEXT_BYTES, Block
from service.check.scan import Scan, places
from service.check.work import Work
from service.core.dataset.classes import ClassRules
from service.core.dataset.defects import Defect, Found
from service.core.dataset.forms import DECODERS, Form, form_of, form_of_file, judge
from service.core.dataset.grader import lacks
from service.core.dataset.lines import (
    Line,
    ReinforcementLine,
)
from service.core.dataset.mend import check_roles, judge_slowly
from service.core.dataset.outliers import LANGUAGES_LOOKED_AT, RARE, AnswerRules
from service.core.dataset.parse import parse
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import LISTED_PER_CODE, FindingLog
from service.core.dataset.rules import SPACED_KEY, TextRule
from service.core.dataset.spans import lay_out
from service.core.dataset.texts import BLANKS, check_blanks, check_texts
from service.core.dataset.values import Json

Rules = Sequence[TextRule]
_SNIFFED = 1000
_RARE_HELD = 20_000
"""Findings of a code that count only where they are rare: with more of them they are not, however long the file."""

_BROKEN, _BROKEN_BYTES = 500, 1000
"""Broken lines that are kept in mind with their defects, and how long they may be: a file of one line is soon told."""

_TOO_LONG = f"the line is longer than {LINE_BYTES >> 20} MB, or {TEXT_BYTES >> 20} MB where it is not plain ASCII"
_BOM = b"\xef\xbb\xbf"
_PLAIN = msgspec.json.Decoder(dict[str, Any])


class SplitCheck:
    """The state of one split's pass. Findings go to the shared log, contexts to the shared index."""

    def __init__(self, file: str, profile: CheckProfile, log: FindingLog, index: ContextIndex, near: NearIndex) -> None:
        self.file = file
        self.form: Form | None = None
        self.filled = 0
        self.examples = 0
        self.readable = False
        self._profile = profile
        self._log = log
        self._index = index
        self._near = near
        self._classes = ClassRules()
        self._answers = AnswerRules()
        self._broken: dict[bytes, tuple[Defect, ...]] = {}
        self._rare: dict[str, list[tuple[int, Defect]]] = {}
        self._blank: list[int] = []
        self._last_filled = 0
        self._mismatch: str | None = None

    def examine(self, block: Block, scan: Scan) -> Work:
        """Judge every line of a block, whose scan this is, and return what is left to be done."""
        if block.first == 1 and block.raw.startswith(_BOM) and block.lines[0] is not None:
            self._add(1, [], "byte_order_mark", "the file begins with a byte order mark")
            block = block._replace(lines=[block.lines[0].removeprefix(_BOM), *block.lines[1:]])
        lines = block.lines
        if self.form is None:
            self._settle_form(lines)
        work = Work.begin(self._profile.encoding)
        left: Iterable[int] = range(len(lines))
        if self.form == "chat" and self._mismatch is None:
            told: dict[int, Found] = {}
            left = take_plain(block, scan, told, work)
            self._note_plain(work)
            for at, found in told.items():
                self._add(block.first + at, found)
        for at in left:
            number, raw = block.first + at, lines[at]
            found: Found = []
            if raw is None:
                self._fill(number)
                found.append(Defect("line_too_long", None, _TOO_LONG))
            else:
                try:
                    self._examine(raw, number, scan.suspects.get(at, ()), found, work)
                except RecursionError:
                    found = [Defect("nesting_too_deep", None, "the line is nested deeper than can be read")]
            self._add(number, found)
        self._note_blanks()
        self._index.add(work.keys, validation=self.file == "validation")
        self._classes.add(work.lines, work.systems, work.answers)
        self._answers.add(work.lines, work.questions, work.answers)
        self._near.add(
            work.lines,
            work.befores,
            work.systems,
            work.questions,
            work.answers,
            validation=self.file == "validation",
        )
        return work

    def _note_plain(self, work: Work) -> None:
        number = len(work.lines)
        if number:
            self.readable = True
            self.examples += number
            self.filled += number
            self._last_filled = max(self._last_filled, work.lines[-1])

    def _settle_form(self, lines: Sequence[bytes | None]) -> None:
        sniffed: list[Json] = []
        for raw in lines[:_SNIFFED]:
            try:
                sniffed.append(_PLAIN.decode(raw or b""))
            except NOT_READ:
                continue
        self.form = form_of_file(sniffed, self._profile.method)
        if self.form not in self._profile.formats:
            takes = " or ".join(self._profile.formats) or "no form of line"
            self._mismatch = (
                f"the line has the form {self.form}; {self._profile.model} with {self._profile.method} takes {takes}"
            )

    def _examine(self, raw: bytes, number: int, rules: Rules, found: Found, work: Work) -> None:
        """Read one line, judge it, and take it in if it is an example. All defects go to `found`.

        Every member of a line ends in `":`; where a line has more of these than the struct that was read from it, some
        member was given twice. Lines with blanks before a colon are always looked at closely.
        """
        form = self.form
        assert form is not None
        if not raw:
            self._note_blank(number)
            return
        try:
            line: Line = DECODERS[form].decode(raw)
        except NOT_READ:
            mended = self._read_slowly(raw, form, number, found)
            if mended is not None:
                self._take_in(mended, raw, number, rules, found, work)
        else:
            self._fill(number)
            pairs, again = raw.count(b'":') - raw.count(b'\\":'), msgspec.json.encode(line)
            if SPACED_KEY in rules or pairs != again.count(b'":') - again.count(b'\\":'):
                check_roles(parse(raw, found) or {}, found)
            judge(line, found)
            self._take_in(line, raw, number, rules, found, work)

    def _take_in(self, line: Line, raw: bytes, number: int, rules: Rules, found: Found, work: Work) -> None:
        self.readable = True
        self.examples += 1
        check_texts(line, rules, found, places)
        if self._profile.item_fields and isinstance(line, ReinforcementLine):
            self._note_missing(raw, found)
        if self._mismatch is not None:
            self._add(number, [], "format_mismatch", self._mismatch)
        if len(raw) >= BLANKS and check_blanks(line, found):
            return
        begin = len(work.spans.texts)
        lay_out(line, work.spans)
        system, question, answer = ends_of(line)
        before = hash(tuple(text for text in work.spans.texts[begin:] if text not in (question, answer)))
        work.keys.add(*fingerprint(line, raw), number)
        work.end(number, before, system, question, answer)

    def _note_missing(self, raw: bytes, found: Found) -> None:
        """Find what the grader reads and the line lacks."""
        item: Json = json.loads(raw)
        for field in self._profile.item_fields:
            if lacks(item, field):
                found.append(
                    Defect("missing_item_field", field, f"the grader reads item.{field}, which the line lacks")
                )

    def _read_slowly(self, raw: bytes, form: Form, number: int, found: Found) -> Line | None:
        if raw.isspace():
            self._note_blank(number)
            return None
        self._fill(number)
        if (known := self._broken.get(raw)) is not None:
            found += known
            return None
        line = self._mended(raw, form, found)
        if line is None and len(raw) <= _BROKEN_BYTES and len(self._broken) < _BROKEN:
            self._broken[raw] = tuple(found)
        return line

    def _mended(self, raw: bytes, form: Form, found: Found) -> Line | None:
        value = parse(raw, found)
        if value is None:
            return None
        own = form_of(value)
        if own is not None and own != ("chat" if form == "reinforcement" else form):
            found.append(Defect("mixed_formats", None, f"the line has the form {own}, the file the form {form}"))
            return None
        self.readable = True
        try:
            line = msgspec.convert(value, DECODERS[form].type)
        except msgspec.ValidationError:
            judge_slowly(value, form, found)
            return None
        check_roles(value, found)
        judge(line, found)
        return line

    def _add(self, number: int, found: Found, code: str | None = None, message: str = "") -> None:
        if code is not None:
            self._log.add(code, message, file=self.file, line=number)
        for defect in found:
            if defect.rare:
                lines = self._rare.setdefault(defect.code, [])
                if len(lines) <= _RARE_HELD:
                    lines.append((number, defect))
            else:
                self._log.add(defect.code, defect.message, file=self.file, line=number, path=defect.path)

    def _fill(self, number: int) -> None:
        """Count a line that is not blank."""
        self.filled += 1
        self._last_filled = max(self._last_filled, number)

    def _note_blank(self, number: int) -> None:
        if len(self._blank) < LISTED_PER_CODE:
            self._blank.append(number)

    def _note_blanks(self) -> None:
        """Report the blank lines that turn out not to end the file."""
        for number in self._blank:
            if number < self._last_filled:
                self._log.add("blank_line", "the line is empty", file=self.file, line=number)
        self._blank = [number for number in self._blank if number > self._last_filled]

    def sampled(self) -> dict[str, str]:
        """Return what was looked at in a part of the split alone, and which part that was."""
        if self._answers.all_languages:
            return {}
        return {"mixed_language": f"the first {LANGUAGES_LOOKED_AT:,} examples"}

    def close(self) -> None:
        """Add what shows only over the whole split."""
        for found in chain(self._classes.findings(), self._answers.findings()):
            self._log.add(
                found.code, found.message, file=self.file, line=found.line, path=found.path, related=found.related
            )
        self._note_rare()
        if not self.filled:
            self._log.add("empty_file", "the file holds no line", file=self.file)
        elif self.file == "training":
            self._note_too_few()

    def _note_rare(self) -> None:
        """Report what only few lines have; what many have is meant."""
        for lines in self._rare.values():
            few = len({number for number, _ in lines}) <= max(1, self.examples * RARE)
            if few and len(lines) <= _RARE_HELD:
                for number, defect in lines:
                    self._add(number, [defect._replace(rare=False)])

    def _note_too_few(self) -> None:
        least = self._profile.min_examples
        if self.filled < least:
            told = f"the file has {self.filled} examples, {self._profile.model} takes {least} or more"
            self._log.add("too_few_examples", told, file=self.file)
        elif least and 0 < self.examples < 50:
            told = f"the file has {self.examples} examples that can be read; start at 50"
            self._log.add("few_examples", told, file=self.file)
