"""Checks one split, block by block: reads, judges, and lays out its examples for counting."""

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import msgspec

from service.check.duplicates import ContextIndex
from service.check.ends import ends_of
from service.check.fingerprints import fingerprint, numbers_of, turns_of
from service.check.near import NearIndex
from service.check.plain import Plain
from service.check.rare import RareDefects
from service.check.reader import LINE_BYTES, TEXT_BYTES, Block, too_long
from service.check.whole import WholeSplit
from service.check.work import Heard, Work
from service.core.dataset.decoder import LineDecoder
from service.core.dataset.defects import Defect, Found
from service.core.dataset.forms import DECODERS, Form, form_of, form_of_file, judge
from service.core.dataset.grader import check_item
from service.core.dataset.lines import Line, ReinforcementLine
from service.core.dataset.mend import check_roles, judge_slowly
from service.core.dataset.parse import NOT_READ, parse
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import LISTED_PER_CODE, FindingLog
from service.core.dataset.spans import lay_out
from service.core.dataset.texts import BLANKS, Search, Suspicion, check_blanks, check_text
from service.core.dataset.values import Json

_SNIFFED = 1000
_BROKEN, _BROKEN_BYTES = 500, 1000
"""Broken lines that are kept in mind with their defects, and how long they may be: a file of one line is soon told."""

_TOO_LONG = f"the line is longer than {LINE_BYTES >> 20} MB, or {TEXT_BYTES >> 20} MB where it is not plain ASCII"
_BOM = b"\xef\xbb\xbf"
_PLAIN = msgspec.json.Decoder(dict[str, Any])


class SplitCheck:
    """The state of one split's pass. Findings go to the shared log, contexts to the shared index."""

    def __init__(
        self,
        file: str,
        profile: CheckProfile,
        log: FindingLog,
        index: ContextIndex,
        near: NearIndex,
        search: Search | None,
        count: Callable[[Sequence[str]], int] | None = None,
    ) -> None:
        """Without a `search` texts are not looked at; with a `count` tools are counted once, see Spans."""
        self._count = count
        self.file = file
        self.form: Form | None = None
        self.filled = 0
        self.examples = 0
        self.readable = False
        self._profile = profile
        self._log = log
        self._index = index
        self._near = near
        self._search = search
        self._whole = WholeSplit()
        self._broken: dict[bytes, tuple[Defect, ...]] = {}
        self._rare = RareDefects()
        self._blank: list[int] = []
        self._last_filled = 0
        self._mismatch: str | None = None
        self._decoder: LineDecoder | None = None

    @property
    def takes_plain(self) -> bool:
        """Whether plain chat lines have no defect but those of their texts; known once the split has begun."""
        return self.form == "chat" and self._mismatch is None

    def begin(self, block: Block) -> Block:
        """Settle the form that lines have, by the first block; return it without a byte order mark."""
        if block.raw.startswith(_BOM):
            self._add(1, [], "byte_order_mark", "the file begins with a byte order mark")
            block = block._replace(raw=block.raw.removeprefix(_BOM))
        self._settle_form(block)
        return block

    def examine(self, block: Block, plain: Plain | None = None) -> Work:
        """Judge every line of a block, whose plain lines were read before or not at all; return what is left to be
        done, for lines that are not plain."""
        work = Work.begin(self._profile.encoding, self._count)
        if plain is not None:
            self._take_plain(plain)
        for number, raw in _lines_of(block) if plain is None else plain.left():
            found: Found = []
            if block.skipped or too_long(raw):
                self._fill(number)
                found.append(Defect("line_too_long", None, _TOO_LONG))
            else:
                try:
                    self._examine(raw, number, found, work)
                except RecursionError:
                    found = [Defect("nesting_too_deep", None, "the line is nested deeper than can be read")]
                    work.give_up()
            self._add(number, found)
        self._note_blanks()
        self._index.add(work.keys, validation=self.file == "validation")
        said = list(zip(work.lines, work.said, strict=True))
        self._whole.add(said, plain)
        if plain is not None and len(plain) and self._near.hungry:
            said = sorted((*said, *plain.said(openings=self._near.openings is not None)), key=lambda each: each[0])
        if said or (plain is not None and len(plain)):
            self._near.add(said, validation=self.file == "validation")
        return work

    def judge_texts(self, heard: Heard, suspicions: list[Suspicion]) -> None:
        """Judge texts of a block's lines that may break rules, as its search has told."""
        if self._search is None:
            return
        for at, rules in suspicions:
            found: Found = []
            check_text(heard.paths[at], heard.texts[at], rules, self._search, found)
            self._add(heard.numbers[at], found)

    def search_now(self, heard: Heard) -> None:
        """Search and judge what is heard here and now, and forget it; without a search there is nothing."""
        if self._search is not None:
            self.judge_texts(heard, self._search.suspects(heard.texts, heard.voices))
            heard.clear()

    def _take_plain(self, plain: Plain) -> None:
        """Take in a block's plain lines."""
        if not len(plain):
            return
        lines: list[int] = plain.lines.tolist()
        self.readable = True
        self.examples += len(plain)
        self.filled += len(plain)
        self._last_filled = max(self._last_filled, lines[-1])
        if self._search is not None:
            for suspect in plain.suspects(self._rare.meant):
                found: Found = []
                check_text(suspect.path, suspect.text, suspect.rules, self._search, found)
                self._add(lines[suspect.example], found)
            self._rare.note_meant(self.examples)
        table = plain.table
        self._index.add_columns(table["context"], table["target"], plain.lines, validation=self.file == "validation")

    def _settle_form(self, block: Block) -> None:
        sniffed: list[Json] = []
        for raw in block.raw.split(b"\n", _SNIFFED)[:_SNIFFED]:
            try:
                sniffed.append(_PLAIN.decode(raw))
            except NOT_READ:
                continue
        self.form = form_of_file(sniffed, self._profile.method)
        self._decoder = LineDecoder(self.form)
        if self.form not in self._profile.formats:
            takes = " or ".join(self._profile.formats) or "no form of line"
            self._mismatch = (
                f"the line has the form {self.form}; {self._profile.model} with {self._profile.method} takes {takes}"
            )

    def _examine(self, raw: bytes, number: int, found: Found, work: Work) -> None:
        """Read one line, judge it, and take it in if it is an example. All defects go to `found`."""
        form = self.form
        assert form is not None
        if not raw:
            self._note_blank(number)
            return
        assert self._decoder is not None
        try:
            line, is_sure = self._decoder.decode(raw)
        except NOT_READ:
            mended = self._read_slowly(raw, form, number, found)
            if mended is not None:
                self._take_in(mended, raw, number, found, work)
        else:
            self._fill(number)
            if not is_sure:
                value = parse(raw, found)
                if value is None:  # what is amiss is in a member for graders, which reading the line has left out
                    return
                check_roles(value, found)
            judge(line, found)
            self._take_in(line, raw, number, found, work)

    def _take_in(self, line: Line, raw: bytes, number: int, found: Found, work: Work) -> None:
        """Take in a line that has the right shape."""
        self.readable = True
        if isinstance(line, ReinforcementLine):
            self._take_item(json.loads(raw, parse_int=float), number, found)  # an int of 5,000 digits is refused
        if self._mismatch is not None:
            self._add(number, [], "format_mismatch", self._mismatch)
        if len(raw) < BLANKS or not check_blanks(line, found):
            self._whole.add_line(number, line, found)
            lay_out(line, work.spans)
            messages = turns_of(line)
            numbers = numbers_of(messages)
            work.keys.add(*fingerprint(line, raw, numbers), number)
            work.end(number, ends_of(line, messages, numbers))
        self.examples += 1
        if self._search is not None:
            work.heard.add(number, line, self.search_now)

    def _take_item(self, item: Json, number: int, found: Found) -> None:
        """Judge what a line holds for a grader, alone and beside the other lines."""
        check_item(item, self._profile.item_fields, found)
        self._whole.add_item(number, item, {defect.path for defect in found})

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
                self._rare.add(number, defect)
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

    @property
    def languages(self) -> dict[str, int]:
        """How many answers are in which language, where that shows."""
        return self._whole.languages

    def sampled(self) -> dict[str, str]:
        """Return what was looked at in a part of the split alone, and which part that was."""
        return self._whole.sampled() | self._rare.sampled()

    def close(self, trained: "SplitCheck | None" = None) -> None:
        """Add what shows only over the whole split, or beside the training split."""
        beside = self._whole.beside(trained._whole) if trained is not None else ()
        for found in chain(self._whole.findings(), beside):
            self._log.add(
                found.code, found.message, file=self.file, line=found.line, path=found.path, related=found.related
            )
        for number, defect in self._rare.findings(self.examples):
            self._add(number, [defect])
        if not self.filled:
            self._log.add("empty_file", "the file holds no line", file=self.file)
        elif self.file == "training":
            self._note_too_few()

    def _note_too_few(self) -> None:
        least = self._profile.min_examples
        if self.filled < least:
            told = f"the file has {self.filled} examples, {self._profile.model} takes {least} or more"
            self._log.add("too_few_examples", told, file=self.file)
        elif least and 0 < self.examples < 50:
            told = f"the file has {self.examples} examples that can be read; start at 50"
            self._log.add("few_examples", told, file=self.file)


def _lines_of(block: Block) -> Iterable[tuple[int, bytes]]:
    return enumerate(block.raw.split(b"\n"), block.first)
