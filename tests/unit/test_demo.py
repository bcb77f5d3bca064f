"""The parts of the demo that need no service: its sets and its plot."""

import json

import pytest

from service.cli.demo import example_sets, plot


def text(rows):
    return ["".join(cell.text for cell in row) for row in rows]


def test_a_falling_line_is_drawn_from_the_upper_left_to_the_lower_right():
    line = plot.Line(points=[(0, 4.0), (10, 0.0)], style="cyan")
    rows = text(plot.draw([line], width=4, height=4, top=4.0))
    assert rows[0][0] != " "
    assert rows[3][3] != " "
    assert rows[0][3] == rows[3][0] == " "


def test_the_last_line_gives_a_shared_cell_its_style():
    both = [plot.Line(points=[(0, 1.0), (1, 1.0)], style=style) for style in ("cyan", "magenta")]
    assert {cell.style for cell in plot.draw(both, 3, 1, 1.0)[0]} == {"magenta"}


@pytest.mark.parametrize("points", [[], [(5, 2.0)], [(1, 0.0), (2, 0.0)], [(1, 9e9), (2, -3.0)]])
def test_nothing_to_draw_and_odd_values_break_nothing(points):
    rows = plot.draw([plot.Line(points=points, style="")], width=5, height=2, top=1.0)
    assert [len(row) for row in rows] == [5, 5]


def test_smoothing_keeps_the_end_and_bounds_the_number():
    points = [(n, float(n % 2)) for n in range(1000)]
    smoothed = plot.smooth(points, 60)
    assert len(smoothed) <= 61
    assert smoothed[-1] == points[-1]
    assert smoothed[5][1] == pytest.approx(0.5, abs=0.05)
    assert plot.smooth(points[:50], 60) == points[:50]


def test_the_shipped_sets_are_found_with_their_chance():
    bank, puzzles = example_sets.shipped()
    assert (bank.examples, bank.chance, len(bank.questions)) == (240, 1 / 8, 96)
    assert (puzzles.examples, puzzles.chance, len(puzzles.questions)) == (400, 1 / 5, 60)
    assert bank.questions[0].messages[-1]["role"] == "user"


def test_a_set_of_ones_own_with_free_answers_has_no_chance(tmp_path):
    for split in ("train", "validation", "test"):
        lines = [
            {"messages": [{"role": "user", "content": f"{n}"}, {"role": "assistant", "content": f"{n}!"}]}
            for n in range(60)
        ]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = example_sets.read(tmp_path)
    assert (found.chance, found.examples, found.title) == (None, 60, tmp_path.name)


def test_a_folder_without_splits_is_told_what_it_lacks(tmp_path):
    (tmp_path / "train.jsonl").write_text("{}")
    with pytest.raises(example_sets.SetMissing, match=r"lacks validation\.jsonl, test\.jsonl"):
        example_sets.read(tmp_path)
    for split in ("validation", "test"):
        (tmp_path / f"{split}.jsonl").write_text('{"prompt":"x","completion":"y"}')
    with pytest.raises(example_sets.SetMissing, match="not in chat form"):
        example_sets.read(tmp_path)
