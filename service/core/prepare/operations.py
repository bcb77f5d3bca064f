"""The operations that make one dataset of another, as clients write them."""

from typing import Annotated, Literal

import msgspec

from service.core.catalogue import Method
from service.core.prepare.template import Template, TemplateInvalid

MOST_OPERATIONS = 20
MOST_MERGED = 20
Fraction = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
Container = Literal["auto", "jsonl", "json", "csv", "parquet"]
Shape = Literal["messages", "alpaca", "sharegpt", "completion", "preference", "chosen_rejected"]
Target = Literal["chat", "preference", "completion", "chosen_rejected"]
Charset = Literal[
    "utf-8",
    "utf-16",
    "latin-1",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp932",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "gb18030",
    "big5",
]


class Clean(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="clean"):
    """Mend what can be mended for certain in lines that the checker finds in error, and drop the others.

    `remove_unknown` also takes out members that the form does not know. `method` is what the lines are for, by
    default what the dataset was posted for.
    """

    method: Method | None = None
    remove_unknown: bool = False


class Dedupe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="dedupe"):
    """Keep the first of equal examples: equal as they are, but for writing (case, blanks, Unicode), or nearly."""

    by: Literal["exact", "normalised", "near"] = "exact"


class Normalise(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="normalise"
):
    """Bring the texts into one form; each part can be turned off."""

    unicode: Literal["NFC", "NFKC", "none"] = "NFC"
    line_ends: bool = True
    invisible: bool = True
    whitespace: bool = True


class Redact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="redact"):
    """Put placeholders in the place of secrets and personal data, the same one for the same value."""

    kinds: Annotated[tuple[Literal["secret", "personal_data"], ...], msgspec.Meta(min_length=1)] = (
        "secret",
        "personal_data",
    )


class Truncate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="truncate"):
    """Shorten prompts until an example fits, its answer kept whole.

    `max_tokens` is by default what the model takes; `cut` says where a text that is too long loses its tokens.
    """

    max_tokens: Annotated[int, msgspec.Meta(ge=16)] | None = None
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None
    cut: Literal["start", "middle", "end"] = "middle"


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="sample"):
    """Keep some lines, in their order: `count` of them or a `fraction`."""

    count: Count | None = None
    fraction: Fraction | None = None
    seed: Seed = 0


class Merge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="merge"):
    """Append the lines of other datasets, in the order given."""

    datasets: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MOST_MERGED)]


class Convert(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="convert"):
    """Make lines of one form out of records of another.

    `from` is found out where it is `auto`; a `template` makes texts of any columns. `system` is put before
    conversations that have no system message of their own. `container`, `encoding` and `delimiter` say how the file is
    written, and only the first operation of all can read another container than JSON lines.
    """

    source: Shape | Literal["auto"] = msgspec.field(default="auto", name="from")
    to: Target | None = None
    template: Template | None = None
    system: str | None = None
    container: Container = "auto"
    encoding: Charset = "utf-8"
    delimiter: Annotated[str, msgspec.Meta(pattern=r'^[^"\r\n\x00]$', max_length=1)] | None = None


class Split(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="split"):
    """Make two datasets: `validation` is a share or a number of lines, the rest is for training.

    Examples that `group` calls equal stay on one side: those with the same prompt, or with nearly the same text as
    well. With `stratify` each class label keeps its share.
    """

    validation: Fraction | Count
    seed: Seed = 0
    group: Literal["near", "prompt", "none"] = "near"
    stratify: bool = True


Operation = Clean | Dedupe | Normalise | Redact | Truncate | Sample | Merge | Convert | Split


class OperationInvalid(Exception):
    """Operations that make no sense; `path` names the member at fault."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


def name_of(operation: Operation) -> str:
    """Return an operation's `type`."""
    return str(operation.__struct_config__.tag)


def check_operations(operations: tuple[Operation, ...], path: str = "operations") -> None:
    """Raise OperationInvalid for what the types cannot say."""
    if not 1 <= len(operations) <= MOST_OPERATIONS:
        raise OperationInvalid(path, f"give 1 to {MOST_OPERATIONS} operations, not {len(operations)}.")
    for at, operation in enumerate(operations):
        where = f"{path}[{at}]"
        if isinstance(operation, Split) and at != len(operations) - 1:
            raise OperationInvalid(where, "a split makes two datasets and must be the last operation.")
        if isinstance(operation, Sample) and (operation.count is None) == (operation.fraction is None):
            raise OperationInvalid(where, "give either `count` or `fraction`.")
        if isinstance(operation, Convert):
            _check_convert(operation, where, first=at == 0)


def _check_convert(operation: Convert, where: str, *, first: bool) -> None:
    if not first and operation.container not in ("auto", "jsonl"):
        raise OperationInvalid(f"{where}.container", "only the first operation reads a file that is not JSON lines.")
    if operation.template is None:
        return
    if operation.source != "auto":
        raise OperationInvalid(f"{where}.from", "a template takes the columns itself: leave `from` out.")
    try:
        target = operation.template.target()
    except TemplateInvalid as error:
        raise OperationInvalid(f"{where}.template{error.member}", str(error)) from error
    if operation.to is not None and (target == "preference") != (operation.to in ("preference", "chosen_rejected")):
        raise OperationInvalid(f"{where}.to", f"the template makes {target} lines, not {operation.to}.")
