"""Findings and the report of a checked dataset: the JSON that the API answers."""

import heapq

import msgspec

from service.core.dataset.codes import CODES, PROFILE_CODES, UNANSWERED_CODES, Severity
from service.core.estimate_lines import EstimateLine

LISTED_PER_CODE = 1000


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One defect. `line` counts from 1 and is None for the whole file; `file` is `training` or `validation`."""

    code: str
    severity: Severity
    line: int | None
    path: str | None
    message: str
    hint: str
    related: tuple[int, ...] = ()
    file: str = "training"


class PerExample(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of an example over the whole file, before any cut."""

    min: int
    p5: int
    p50: int
    mean: float
    p95: int
    max: int


class HistogramBin(msgspec.Struct, frozen=True, kw_only=True, rename={"low": "from", "high": "to"}):
    """Examples with `low` up to and including `high` tokens."""

    low: int
    high: int
    count: int


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Token totals of the training split, by the message formula of OpenAI's cookbook.

    `billable` is the sum of each example's tokens, cut at the model's limit. `trained` counts the tokens that bear
    loss after that cut, and is None where the method has no target text (reinforcement).
    """

    encoding: str
    total: int
    billable: int
    trained: int | None
    per_example: PerExample
    histogram: tuple[HistogramBin, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything found in one file, or in both splits, under one model and method.

    `errors` and `warnings` list the first 1,000 of each code; the counts are of all. `examples` are the lines that
    could be read as one; `tokens` is None where there is none, `over_limit` where the model has no known limit.
    `languages` counts answers by language, where it can be told for sure, of the first 20,000 examples or a few more.
    `estimates` begins with the report's own model; the others that take the file follow, cheapest first.
    """

    object: str = "dataset.report"
    dataset: str | None
    valid: bool
    format: str | None
    method: str
    model: str
    lines: int
    examples: int
    bytes: int
    sha256: str
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    error_count: int
    warning_count: int
    counts: dict[str, int]
    truncated: bool
    tokens: Tokens | None
    over_limit: int | None
    languages: dict[str, int] = {}
    estimates: tuple[EstimateLine, ...] = ()
    advice: tuple[str, ...] = ()
    checked_with: dict[str, str | None]

    @property
    def rejected(self) -> bool:
        """Whether the file is no dataset under any model: it has an error that another profile would not mend.

        A file of nothing but prompts lacks answers for supervised training, and is fit for reinforcement.
        """
        errors = {code for code in self.counts if CODES[code].severity == "error"} - PROFILE_CODES
        return bool(
            errors - UNANSWERED_CODES or sum(self.counts[code] for code in errors) != self.examples * bool(errors)
        )


def _is(code: str, severity: Severity) -> bool:
    own = CODES[code].severity
    return own == severity or (own == "info" and severity == "warning")


class FindingLog:
    """Collects findings: counts all, and keeps the first 1,000 of each code by file and line, however they arrive."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._kept: dict[str, list[tuple[tuple[int, int], int, Finding]]] = {}

    def add(
        self,
        code: str,
        message: str,
        *,
        file: str,
        line: int | None = None,
        path: str | None = None,
        related: tuple[int, ...] = (),
    ) -> None:
        seen = self.counts.get(code, 0) + 1
        self.counts[code] = seen
        kept = self._kept.setdefault(code, [])
        place = (-1 if file == "validation" else 0, -(line or 0))
        if len(kept) >= LISTED_PER_CODE and place <= kept[0][0]:
            return
        kind = CODES[code]
        finding = Finding(
            code=code,
            severity=kind.severity,
            line=line,
            path=path,
            message=message,
            hint=kind.hint,
            related=related,
            file=file,
        )
        put = heapq.heappush if len(kept) < LISTED_PER_CODE else heapq.heapreplace
        put(kept, (place, -seen, finding))

    def listed(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the kept findings of one severity by file, line and code, those of the whole file first.

        Notes are among the warnings.
        """
        chosen = [entry for code, kept in self._kept.items() if _is(code, severity) for entry in kept]
        chosen.sort(key=lambda entry: (-entry[0][0], -entry[0][1], entry[2].code, -entry[1]))
        return tuple(finding for _, _, finding in chosen)

    def count(self, severity: Severity) -> int:
        return sum(number for code, number in self.counts.items() if _is(code, severity))

    @property
    def truncated(self) -> bool:
        return any(number > LISTED_PER_CODE for number in self.counts.values())
