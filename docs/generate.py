"""`python -m docs.generate [--check]`: writes what the documents repeat of the code, or says what has drifted."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, get_args, get_origin, get_type_hints

import msgspec

from service.core.dataset.codes import CODES
from service.core.jobs import TERMINAL, TRANSITIONS
from service.settings import TABLES, Settings
from tests.check.suite import CLEAN, INNOCENT, PLANTED

ROOT = Path(__file__).resolve().parents[1]
MAIN = (
    "host",
    "port",
    "data_dir",
    "redis_url",
    "blob_url",
    "organization",
    "workers",
    "training_slots",
    "webhook_allow",
)
"""Settings that the README shows."""


def settings_table(names: tuple[str, ...] = Settings.__struct_fields__) -> str:
    """Return the settings as a Markdown table, from their own descriptions."""
    hints = get_type_hints(Settings, include_extras=True)
    rows = ["| name | default | what it is |", "| --- | --- | --- |"]
    for field in msgspec.structs.fields(Settings):
        if field.name in TABLES or field.name not in names:
            continue
        rows.append(f"| `{field.name}` | {_default(field.default)} | {_description(hints[field.name])} |")
    return "\n".join(rows)


def state_diagram() -> str:
    """Return the transition table of jobs as a Mermaid state diagram."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> validating_files"]
    for old, targets in TRANSITIONS.items():
        lines += [f"    {old} --> {new}" for new in TRANSITIONS if new in targets]
    lines += [f"    {status} --> [*]" for status in TRANSITIONS if status in TERMINAL]
    return "\n".join([*lines, "```"])


def codes_table() -> str:
    """Return every finding code: severity, why it matters, how to mend it, how many planted cases it has."""
    planted = Counter(case.code for case in PLANTED)
    rows = [
        "| code | severity | why it matters | how to mend it | planted |",
        "| --- | --- | --- | --- | --- |",
    ]
    for code, kind in CODES.items():
        rows.append(f"| `{code}` | {kind.severity} | {kind.why} | {kind.hint} | {planted[code] or 'elsewhere'} |")
    return "\n".join(
        [f"{len(CODES)} codes; {len(PLANTED)} planted files, all found, none with a false alarm.", "", *rows]
    )


def clean_list() -> str:
    """Return the names of the clean sets."""
    near = f"Beside these, {len(INNOCENT)} single lines that look like a planted defect and are none."
    return f"{len(CLEAN)} sets, no finding in any: {', '.join(CLEAN)}.\n\n{near}"


PARTS = {
    "codes": ("docs/dataset-checks.md", codes_table),
    "clean": ("docs/dataset-checks.md", clean_list),
    "main settings": ("README.md", lambda: settings_table(MAIN)),
    "settings": ("docs/settings.md", settings_table),
    "states": ("docs/architecture.md", state_diagram),
}
"""Mark → file and what stands between `<!-- MARK: … -->` and `<!-- end of MARK -->` there."""


def written(mark: str) -> tuple[Path, str, str]:
    """Return the part's file, its text, and its text as it should be."""
    name, make = PARTS[mark]
    path = ROOT / name
    text = path.read_text("utf-8")
    start = text.index("-->\n", text.index(f"<!-- {mark}:")) + len("-->\n")
    end = text.index(f"<!-- end of {mark} -->")
    return path, text, f"{text[:start]}\n{make()}\n\n{text[end:]}"


def main(arguments: list[str]) -> int:
    """Write the parts; with `--check` write nothing and return 1 if one has drifted."""
    drifted = 0
    for mark in PARTS:
        path, text, right = written(mark)
        if "--check" not in arguments:
            path.write_text(right, "utf-8")
        elif text != right:
            drifted = 1
            sys.stderr.write(f"{path.relative_to(ROOT)}: `{mark}` is not what the code says. Mend it: make docs\n")
    return drifted


def _description(hint: object) -> str:
    for meta in get_args(hint)[1:] if get_origin(hint) is Annotated else ():
        if isinstance(meta, msgspec.Meta) and meta.description:
            return meta.description
    raise ValueError("a setting lacks its description")


def _default(value: object) -> str:
    if value is None or value == ():
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
