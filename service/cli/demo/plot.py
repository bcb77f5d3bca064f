"""A small line plot for the terminal, in braille dots."""

from collections.abc import Sequence

import msgspec

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800
_ROWS_PER_CELL, _COLUMNS_PER_CELL = 4, 2


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Points (x, y) in the order of x, and the style that their cells get."""

    points: Sequence[tuple[float, float]]
    style: str


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One character and its style; the last line drawn through a cell gives the style."""

    text: str = " "
    style: str = ""


def draw(lines: Sequence[Line], width: int, height: int, top: float) -> list[list[Cell]]:
    """Return `height` rows of `width` cells. x runs from the least to the greatest of all points, y from 0 to `top`."""
    xs = [x for line in lines for x, _ in line.points]
    if not xs or top <= 0:
        return [[Cell()] * width for _ in range(height)]
    left, span = min(xs), max(max(xs) - min(xs), 1e-9)
    dots: list[list[int]] = [[0] * width for _ in range(height)]
    styles: list[list[str]] = [[""] * width for _ in range(height)]
    columns, rows = width * _COLUMNS_PER_CELL - 1, height * _ROWS_PER_CELL - 1
    for line in lines:
        before: tuple[int, int] | None = None
        for x, y in line.points:
            here = round((x - left) / span * columns), round((1 - min(max(y / top, 0.0), 1.0)) * rows)
            for column, row in _between(before or here, here):
                cell = row // _ROWS_PER_CELL, column // _COLUMNS_PER_CELL
                dots[cell[0]][cell[1]] |= _DOTS[row % _ROWS_PER_CELL][column % _COLUMNS_PER_CELL]
                styles[cell[0]][cell[1]] = line.style
            before = here
    return [
        [Cell(text=chr(_BLANK + d), style=s) if d else Cell() for d, s in zip(row, its, strict=True)]
        for row, its in zip(dots, styles, strict=True)
    ]


def smooth(points: Sequence[tuple[float, float]], buckets: int) -> list[tuple[float, float]]:
    """Return at most about `buckets` points, each the mean of neighbours; the last point stays as it is."""
    size = max(1, -(-len(points) // buckets))
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    means = [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]
    return [*means, points[-1]] if size > 1 else means


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (round(start[0] + (end[0] - start[0]) * n / steps), round(start[1] + (end[1] - start[1]) * n / steps))
        for n in range(steps + 1)
    ]
