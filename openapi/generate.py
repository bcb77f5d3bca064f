"""`python -m openapi.generate` writes openapi/openapi.json; with `--check` it says whether that is up to date."""

import json
import sys
from pathlib import Path

import msgspec

from service.api.openapi import document
from service.app import create_app
from service.settings import load

FILE = Path(__file__).with_name("openapi.json")


def main(arguments: list[str]) -> int:
    """Return the exit status: 1 where `--check` finds a difference."""
    made = document(create_app(load(environ={})))
    text = json.dumps(json.loads(msgspec.json.encode(made)), indent=1, ensure_ascii=False) + "\n"
    if "--check" not in arguments:
        FILE.write_text(text, "utf-8")
        return 0
    if FILE.is_file() and FILE.read_text("utf-8") == text:
        return 0
    sys.stderr.write("openapi/openapi.json is not what the code says. Mend it: python -m openapi.generate\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
