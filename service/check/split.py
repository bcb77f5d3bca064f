"""Checks one split, block by block: reads, judges, and lays out its examples for counting."""

from typing import Any, NamedTuple

import msgspec

from service.check.duplicates import ContextIndex
from service.check.fingerprints import fingerprint
from service.check.reader import LINE_BYTES, TEXT_BYTES, Block
from service.core.dataset.classes import ClassRules
from service.core.dataset.conversation import is_plain
from service.core.dataset.defects import Found
from service.core.dataset.forms import DECODERS, Form, form_of, form_of_file, judge
from service.core.dataset.lines import Assistant, ChatLine, CompletionLine, Line, System
from service.core.dataset.mend import judge_slowly
from service.core.dataset.parse import parse
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import LISTED_PER_CODE, FindingLog
from service.core.dataset.spans import Spans, lay_out
from service.core.dataset.texts import BLANKS, Watched, check_blanks, check_texts, watch
from service.core.dataset.values import Json

_SNIFFED = 1000
_TOO_LONG = f"the line is longer than {LINE_BYTES >> 20} MB, or {TEXT_BYTES >> 20} MB where it is not plain ASCII"
_MAGIC = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PAR1", b"BZh", b"\xfd7zXZ\x00")
_BOM = b"\xef\xbb\xbf"
_PLAIN = msgspec.json.Decoder(dict[str, Any])
_NOT_READ = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Counting(NamedTuple):
    """A block's examples, waiting for their counts: example i has the texts from `ends[i-1]` up to `ends[i]`."""

    spans: Spans
    lines: list[int]
    ends: list[int]


class SplitCheck:
    """The state of one split's pass. Findings go to the shared log, contexts to the shared index."""

    def __init__(self, file: str, profile: CheckProfile, log: FindingLog, index: ContextIndex) -> None:
        self.file = file
        self.form: Form | None = None
        self.filled = 0
        self.examples = 0
        self.readable = False
        self._profile = profile
        self._log = log
        self._index = index
        self._classes = ClassRules()
        self._blank: list[int] = []
        self._mismatch: str | None = None

    def opens(self, head: bytes) -> str | None:
        """Look at the first bytes of the file; return the code of what makes all of it unreadable, or None."""
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "not_utf8"
        if head.startswith(_MAGIC) or head[:4096].count(b"\0") * 50 > len(head[:4096]):
            return "binary_file"
        first = head.removeprefix(_BOM).lstrip()
        if first[:1] != b"[" or first[1:].lstrip()[:1] != b"{":
            return None
        line = first.partition(b"\n")[0]
        try:
            items: Any = msgspec.json.decode(line)
        except _NOT_READ:
            return "json_array_file"
        return "json_array_file" if items and all(isinstance(item, dict) for item in items) else None

    def examine(self, block: Block, encoding: str) -> Counting:
        """Judge every line of a block and return what has to be counted."""
        if block.first == 1 and block.raw.startswith(_BOM) and block.lines[0] is not None:
            self._add(1, [], "byte_order_mark", "the file begins with a byte order mark")
            block = block._replace(lines=[block.lines[0].removeprefix(_BOM), *block.lines[1:]])
        if self.form is None:
            self._settle_form(block)
        work = Counting(Spans(encoding), [], [])
        watched = watch(block.raw)
        for number, raw in enumerate(block.lines, block.first):
            if raw is None:
                self._fill()
                self._add(number, [], "line_too_long", _TOO_LONG)
                continue
            found: Found = []
            try:
                line = self._read(raw, number, found)
                if line is not None:
                    self._take_in(line, raw, number, found, work, watched)
            except RecursionError:
                self._add(number, [], "nesting_too_deep", "the line is nested deeper than can be read")
                continue
            if found:
                self._add(number, found)
        return work

    def _settle_form(self, block: Block) -> None:
        sniffed: list[Json] = []
        for raw in block.lines[:_SNIFFED]:
            try:
                sniffed.append(_PLAIN.decode(raw or b""))
            except _NOT_READ:
                continue
        self.form = form_of_file(sniffed, self._profile.method)
        if self.form not in self._profile.formats:
            takes = " or ".join(self._profile.formats) or "no form of line"
            self._mismatch = (
                f"the line has the form {self.form}; {self._profile.model} with {self._profile.method} takes {takes}"
            )

    def _read(self, raw: bytes, number: int, found: Found) -> Line | None:
        """Return the line as its form's struct, judged; None where it has another shape. All defects go to `found`.

        Every member of a line ends in `":`; where a line has more of these than the struct that was read from it, some
        member was given twice.
        """
        form = self.form
        assert form is not None
        try:
            line: Line = DECODERS[form].decode(raw)
        except _NOT_READ:
            return self._read_slowly(raw, form, number, found)
        self._fill()
        pairs = raw.count(b'":')
        if isinstance(line, ChatLine) and pairs == 1 + 2 * len(line.messages):
            if not is_plain(line.messages):
                judge(line, found)
        else:
            again = msgspec.json.encode(line)
            if pairs - raw.count(b'\\":') != again.count(b'":') - again.count(b'\\":'):
                parse(raw, found)
            judge(line, found)
        return line

    def _read_slowly(self, raw: bytes, form: Form, number: int, found: Found) -> Line | None:
        if not raw or raw.isspace():
            if len(self._blank) < LISTED_PER_CODE:
                self._blank.append(number)
            return None
        self._fill()
        value = parse(raw, found)
        if value is None:
            return None
        own = form_of(value)
        if own is not None and own != ("chat" if form == "reinforcement" else form):
            self._add(number, found, "mixed_formats", f"the line has the form {own}, the file the form {form}")
            found.clear()
            return None
        self.readable = True
        try:
            line = msgspec.convert(value, DECODERS[form].type)
        except msgspec.ValidationError:
            judge_slowly(value, form, found)
            return None
        judge(line, found)
        return line

    def _take_in(self, line: Line, raw: bytes, number: int, found: Found, work: Counting, watched: Watched) -> None:
        self.readable = True
        self.examples += 1
        check_texts(line, raw, watched, found)
        if self._mismatch is not None:
            self._add(number, [], "format_mismatch", self._mismatch)
        if len(raw) >= BLANKS and check_blanks(line, found):
            return
        lay_out(line, work.spans)
        work.lines.append(number)
        work.ends.append(len(work.spans.texts))
        context, target = fingerprint(line, raw)
        self._index.add(context, target, number, validation=self.file == "validation")
        self._note_classes(line, number)

    def _note_classes(self, line: Line, number: int) -> None:
        if isinstance(line, ChatLine):
            messages = line.messages
            if not messages or messages[-1].__class__ is not Assistant:
                return
            first, last = messages[0], messages[-1]
            system = first.content if first.__class__ is System and isinstance(first.content, str) else ""
            answer = last.content
            self._classes.add(number, system, answer if isinstance(answer, str) else "?" * 100)
        elif isinstance(line, CompletionLine):
            self._classes.add(number, "", line.completion)

    def _add(self, number: int, found: Found, code: str | None = None, message: str = "") -> None:
        if code is not None:
            self._log.add(code, message, file=self.file, line=number)
        for defect in found:
            self._log.add(defect.code, defect.message, file=self.file, line=number, path=defect.path)

    def _fill(self) -> None:
        """Count a line that is not blank; only now are the blank ones before it known not to end the file."""
        self.filled += 1
        if self._blank:
            for number in self._blank:
                self._log.add("blank_line", "the line is empty", file=self.file, line=number)
            self._blank.clear()

    def close(self) -> None:
        """Add what shows only over the whole split."""
        for found in self._classes.findings():
            self._log.add(
                found.code, found.message, file=self.file, line=found.line, path=found.path, related=found.related
            )
        if not self.filled:
            self._log.add("empty_file", "the file holds no line", file=self.file)
        elif self.file == "training":
            self._note_too_few()

    def _note_too_few(self) -> None:
        least = self._profile.min_examples
        if self.filled < least:
            told = f"the file has {self.filled} examples, {self._profile.model} takes {least} or more"
            self._log.add("too_few_examples", told, file=self.file)
        elif least and self.filled < 50:
            self._log.add("few_examples", f"the file has {self.filled} examples; start at 50", file=self.file)
