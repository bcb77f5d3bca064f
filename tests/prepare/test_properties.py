"""What holds for any lines."""

import json
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.core.prepare.keys import prompt_of, written_alike
from service.prepare.order import priorities
from service.prepare.rows import PrepareFailed
from tests.prepare.conftest import chat, encoded, pair

few = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=12)
WORDS = st.sampled_from(["one", "Two ", "ONE", "three\u200b", "ﬁve", "one  ", "é", "e\u0301"])
CHAT = st.builds(chat, TEXT | WORDS, TEXT | st.sampled_from(["yes", "no", "Yes "]), st.none() | WORDS)
PAIR = st.builds(pair, TEXT | WORDS, TEXT, TEXT)
ROUGH = st.sampled_from(['{"a":', "[]", "plain", '{"messages":[]}', '"x"', '{"prompt":"p","completion":"c"}'])
LINES = st.lists(CHAT | ROUGH, min_size=2, max_size=30)


@given(LINES, st.integers(0, 5), st.sampled_from(["near", "prompt", "none"]), st.booleans())
@few
def test_a_split_shares_out_every_line_once_and_keeps_groups_whole(run, lines, seed, group, stratify):
    operation = {"type": "split", "validation": 1, "seed": seed, "group": group, "stratify": stratify}
    try:
        made = run(lines, operation)
    except PrepareFailed as error:
        if error.code != "cannot_split":
            raise
        return
    training, validation = made.outputs
    assert Counter([*training, *validation]) == Counter(map(encoded, lines))
    assert len(validation) == 1
    assert made.outputs == run(lines, operation).outputs
    if group != "none":
        sides = [{prompt(line) for line in side} for side in made.outputs]
        assert not sides[0] & sides[1]


def prompt(line: bytes) -> bytes:
    try:
        value = json.loads(line)
    except ValueError:
        return line
    return written_alike(prompt_of(value)) if isinstance(value, dict) else line


@given(LINES, st.sampled_from(["exact", "normalised", "near"]))
@few
def test_what_was_deduplicated_has_no_duplicate(run, check, lines, by):
    made = run(lines, {"type": "dedupe", "by": by})
    again = run(made.lines, {"type": "dedupe", "by": by})
    assert again.lines == made.lines
    assert made.lines[0] == encoded(lines[0])
    found = check(made.lines).counts
    assert not found.get("duplicate_example")
    if by == "near":
        assert not found.get("near_duplicate")


@given(st.lists(CHAT | PAIR | ROUGH, min_size=1, max_size=20))
@few
def test_what_was_cleaned_has_no_errors(run, check, lines):
    try:
        made = run(lines, {"type": "clean"})
    except PrepareFailed as error:
        if error.code != "empty_result":
            raise
        return
    assert check(made.lines).error_count == 0
    assert made.diffs[0].lines.after == len(made.lines)


@given(st.lists(CHAT, min_size=1, max_size=10), st.integers(16, 60), st.sampled_from(["start", "middle", "end"]))
@few
def test_what_was_truncated_fits_and_keeps_its_answers(run, lines, limit, cut):
    long = [chat(line["messages"][-2]["content"] * 30, line["messages"][-1]["content"]) for line in lines]
    try:
        made = run(long, {"type": "truncate", "max_tokens": limit, "cut": cut})
    except PrepareFailed as error:
        if error.code != "empty_result":
            raise
        return
    assert made.diffs[0].after.tokens.max <= limit
    answers = Counter(line["messages"][-1]["content"] for line in made.objects)
    assert answers <= Counter(line["messages"][-1]["content"] for line in long)


@given(st.lists(CHAT, min_size=1, max_size=15))
@few
def test_normal_forms_stay_as_they_are(run, check, lines):
    made = run(lines, {"type": "normalise"})
    assert run(made.lines, {"type": "normalise"}).lines == made.lines
    assert not check(made.lines).counts.get("invisible_characters")


@given(st.lists(PAIR, min_size=1, max_size=10))
@few
def test_preferences_come_back_from_chosen_and_rejected(run, lines):
    there = run(lines, {"type": "convert", "to": "chosen_rejected"})
    assert set(there.objects[0]) == {"prompt", "chosen", "rejected"}
    assert run(there.lines, {"type": "convert"}).objects == lines


@given(st.lists(st.builds(chat, TEXT, TEXT), min_size=1, max_size=10))
@few
def test_conversations_come_back_from_prompt_and_completion(run, lines):
    there = run(lines, {"type": "convert", "to": "completion"})
    assert run(there.lines, {"type": "convert"}).objects == lines


@given(st.integers(1, 200), st.integers(0, 1 << 53), st.integers(1, 50))
@few
def test_a_sample_keeps_the_order(run, count, seed, wanted):
    lines = [chat(str(at)) for at in range(count)]
    made = run(lines, {"type": "sample", "count": wanted, "seed": min(seed, (1 << 53) - 1)})
    asked = [int(line["messages"][0]["content"]) for line in made.objects]
    assert asked == sorted(asked)
    assert len(asked) == min(wanted, count)


def test_the_order_is_the_same_on_every_machine():
    assert priorities(3, 7).tolist() == [13309476754707697221, 11984929618412882174, 10134167572453724827]
    assert len(set(priorities(10_000, 0).tolist())) == 10_000
