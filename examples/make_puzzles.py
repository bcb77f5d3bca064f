"""Writes examples/reasoning_puzzles: `python examples/make_puzzles.py [FOLDER]`."""

import sys
from pathlib import Path

from puzzles.dataset import make_splits

HERE = Path(__file__).parent / "reasoning_puzzles"


def main(folder: Path) -> None:
    """Write one JSONL file for each split."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, puzzles in make_splits().items():
        (folder / f"{name}.jsonl").write_text("".join(puzzle.line() for puzzle in puzzles), encoding="utf-8")
        print(f"{name}: {len(puzzles)} puzzles")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
