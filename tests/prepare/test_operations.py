"""Each operation on lines that show what it does."""

import json
import random
from pathlib import Path

import pytest

from service.core.prepare.operations import MOST_OPERATIONS, OperationInvalid
from service.prepare.rows import PrepareFailed
from tests.prepare.conftest import chat, encoded, pair

KEY = "sk" + "-" + "abcdefghij0123456789ABCD"
MAIL = "ann.lee" + "@" + "mail.com"
CARD = "4111 1111 1111" + " 1111"


def questions(count: int) -> list[object]:
    return [chat(f"What is {at} times {at + 1}, please?", str(at * (at + 1))) for at in range(count)]


def test_a_split_keeps_each_labels_share_and_no_leak(run, check):
    numbers = random.Random(3)
    labels = ["billing"] * 120 + ["card"] * 60 + ["other"] * 20
    lines = [chat(f"Question {at} of {numbers.random()} about {label}", label) for at, label in enumerate(labels)]
    lines += [chat(f"QUESTION 0  of  {at}", "card") for at in (1, 1.0, 1)]
    made = run(lines, {"type": "split", "validation": 0.2, "seed": 11})
    training, validation = made.outputs
    assert len(validation) == 41  # 203 lines, rounded
    shares = [sum(label in str(line) for line in validation) for label in ("billing", "other")]
    assert (shares[0], shares[1]) in ((24, 4), (25, 4), (24, 5))
    found = check(training, validation).counts
    assert not {"train_validation_leak", "prompt_leak"} & found.keys()
    assert [diff.part for diff in made.diffs] == ["training", "validation"]
    assert [diff.lines.after for diff in made.diffs] == [162, 41]
    assert made.diffs[1].drift.labels < 0.05


def test_another_seed_is_another_split(run):
    lines = questions(60)
    sides = {run(lines, {"type": "split", "validation": 6, "seed": seed}).outputs[1][0] for seed in range(6)}
    assert len(sides) > 2


def test_a_split_of_one_prompt_says_what_to_do(run):
    lines = [chat("Write a haiku.", f"Haiku {at}") for at in range(20)]
    with pytest.raises(PrepareFailed, match="`none`"):
        run(lines, {"type": "split", "validation": 2})
    assert len(run(lines, {"type": "split", "validation": 2, "group": "none"}).outputs[1]) == 2
    with pytest.raises(PrepareFailed, match="20 lines"):
        run(lines, {"type": "split", "validation": 20})


def test_dedupe_by_each_measure(run):
    base = "Explain in a few sentences how the tides of the sea come about, and why there are two of them in a day."
    answer = "The moon pulls the water on the near side more than the earth, and the earth more than the far side does."
    lines = [
        chat(base, answer),
        json.dumps(chat(base, answer), indent=None, separators=(",", ":")),
        chat(base.upper(), answer),
        chat(base.replace("a few", "some few"), answer),
        chat("Something else", answer),
        b"{broken",
        b"{broken",
    ]
    kept = {by: len(run(lines, {"type": "dedupe", "by": by}).lines) for by in ("exact", "normalised", "near")}
    assert kept == {"exact": 5, "normalised": 4, "near": 3}
    made = run(lines, {"type": "dedupe", "by": "near"})
    assert made.codes == {"duplicate": 2, "nearly_alike": 1, "written_alike": 1}
    assert made.diffs[0].steps[0].lines[0].message == "the same example as line 1"


def test_clean_mends_only_what_is_certain(run, check):
    good = chat("q", "a")
    comma = encoded(good) + b","
    role = {"messages": [{"role": "User", "content": "q"}, {"role": "ASSISTANT", "content": "a", "weight": "1"}]}
    unknown = {**good, "source": "web"}
    twice = b'{"messages":[{"role":"user","role":"user","content":"q"},{"role":"assistant","content":"a"}]}'
    unsure = b'{"messages":[{"role":"user","content":"q","content":"r"},{"role":"assistant","content":"a"}]}'
    half = b'{"messages":[{"role":"user","content":"q'
    lines = [good, comma, role, unknown, twice, unsure, half, b"\xff\xfe\xfd", b"   ", encoded(good) + b"\r"]
    made = run(lines, {"type": "clean"})
    assert made.diffs[0].steps[0].codes == {
        "invalid_json": 2,
        "not_utf8": 1,
        "repeated_key": 2,
        "unknown_field": 1,
        "unknown_role": 1,
    }
    assert [line.line for line in made.diffs[0].steps[0].lines if line.change == "removed"] == [4, 6, 7, 8]
    assert len(made.lines) == 5
    assert check(made.lines).error_count == 0
    kept = run(lines, {"type": "clean", "remove_unknown": True})
    assert len(kept.lines) == 6
    old = {"preferred_completion": pair("q")["preferred_output"], "non_preferred_completion": [], **pair("q")}
    del old["preferred_output"]
    assert set(run([pair("q"), old], {"type": "clean", "remove_unknown": True}).objects[1]) == set(pair("q"))


def test_a_byte_order_mark_goes_and_prompts_stay_for_reinforcement(run):
    prompts = [{"messages": [{"role": "user", "content": f"q{at}"}]} for at in range(3)]
    assert len(run(b"\xef\xbb\xbf" + encoded(prompts[0]), {"type": "clean", "method": "reinforcement"}).lines) == 1
    with pytest.raises(PrepareFailed, match="no_assistant_message 3 times"):
        run(prompts, {"type": "clean"})


def test_redacted_values_keep_their_placeholder(run, check):
    block = "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEabc\nxyz==\n-----END RSA PRIVATE" + " KEY-----"
    lines = [
        chat(f"I am {MAIL}, card {CARD}.", f"Thanks {MAIL.upper()[:8].lower()}{MAIL[8:]}"),
        chat(f"Again {MAIL} and other{MAIL[7:]}", f"Key {KEY}"),
        {**chat("See", block), "note": f"of {MAIL}"},
        b'{"messages": [{"content": "' + MAIL.encode() + b'"',
    ]
    made = run(lines, {"type": "redact"})
    texts = b"\n".join(made.lines).decode()
    assert not any(value in texts for value in (MAIL, CARD, KEY, "MIIEabc"))
    assert "I am [EMAIL_1], card [CARD_1]." in texts
    assert "Again [EMAIL_1] and [EMAIL_2]" in texts
    assert json.loads(made.lines[2])["messages"][1]["content"] == "[SECRET_2]"
    assert made.codes == {"card": 1, "email": 6, "redacted": 4, "secret": 2}
    assert not {"secret_detected", "personal_data"} & check(made.lines[:3]).counts.keys()
    assert KEY in b"\n".join(run(lines, {"type": "redact", "kinds": ["personal_data"]}).lines).decode()
    told = str(made.diffs)
    assert MAIL not in told
    assert KEY not in told


def test_normalise_brings_texts_into_one_form(run):
    line = chat("  cafe\u0301\u200b \r\nnext\u00a0line  \r", "a\u2028b")
    (made,) = run([line], {"type": "normalise"}).objects
    assert [message["content"] for message in made["messages"]] == ["café\nnext line", "a\nb"]
    legacy = {"prompt": "Q: 1+1? ->", "completion": " 2"}
    assert run([legacy], {"type": "normalise"}).objects == [legacy]
    off = {"type": "normalise", "unicode": "none", "line_ends": False, "invisible": False, "whitespace": False}
    assert run([line], off).objects == [line]


def test_truncate_drops_old_turns_before_it_cuts_texts(run):
    turns = [message for at in range(6) for message in chat(f"Question {at} is this", f"Answer {at}")["messages"]]
    line = {"messages": [{"role": "system", "content": "Be brief."}, *turns]}
    (made,) = run([line], {"type": "truncate", "max_tokens": 50}).objects
    assert made["messages"][0] == line["messages"][0]
    assert made["messages"][1:] == turns[-len(made["messages"]) + 1 :]
    assert made["messages"][1]["role"] == "user"
    cut = {
        side: run([chat("word " * 500 + "end?")], {"type": "truncate", "max_tokens": 40, "cut": side}).objects[0]
        for side in ("start", "end", "middle")
    }
    asked = {side: made["messages"][0]["content"] for side, made in cut.items()}
    assert asked["start"].startswith("… ")
    assert asked["start"].endswith("end?")
    assert asked["end"].endswith(" …")
    assert asked["middle"].startswith("word")
    assert asked["middle"].endswith("end?")


def test_truncate_drops_what_can_not_fit(run):
    with pytest.raises(PrepareFailed, match="answer_too_long 1 times"):
        run([chat("q", "word " * 100)], {"type": "truncate", "max_tokens": 50})
    long = pair("why " * 100, "because " * 3)
    (made,) = run([long], {"type": "truncate", "max_tokens": 60}).objects
    assert made["preferred_output"] == long["preferred_output"]
    tool = {"role": "tool", "tool_call_id": "c", "content": "result " * 200}
    call = {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    line = {"messages": [{"role": "user", "content": "ask"}, call, tool, {"role": "assistant", "content": "done"}]}
    (made,) = run([line], {"type": "truncate", "max_tokens": 60}).objects
    assert [message["role"] for message in made["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert made["messages"][0]["content"] == "ask"


def test_merge_appends_and_names_what_came(run):
    made = run(questions(2), {"type": "merge", "datasets": ["other-0", "other-1"]}, others=[[chat("x")], questions(1)])
    assert len(made.lines) == 4
    diff = made.diffs[0]
    assert (diff.lines.before, diff.lines.after, diff.lines.added, diff.lines.removed) == (2, 4, 2, 0)
    assert diff.sources == ("other-0", "other-1")
    assert diff.steps[0].lines[0].dataset == "other-0"
    assert made.diffs[0].before.examples == 2


def test_operations_follow_one_another(run):
    lines = [*questions(40), *questions(5), b"{", chat(f"write to {MAIL}")]
    operations = [{"type": kind} for kind in ("clean", "dedupe", "redact")]
    made = run(lines, *operations, {"type": "split", "validation": 0.25, "seed": 1})
    diff = made.diffs[0]
    assert [step.lines_out for step in diff.steps] == [46, 41, 41, 41]
    assert diff.lines.before == 47
    assert len(made.outputs[0]) + len(made.outputs[1]) == 41
    assert len(made.outputs[1]) == 10
    assert b"[EMAIL_1]" in b"".join(map(b"".join, made.outputs))


@pytest.mark.parametrize(
    ("operations", "path"),
    [
        ([], "operations"),
        ([{"type": "dedupe"}] * (MOST_OPERATIONS + 1), "operations"),
        ([{"type": "split", "validation": 1}, {"type": "dedupe"}], "operations[0]"),
        ([{"type": "sample"}], "operations[0]"),
        ([{"type": "sample", "count": 1, "fraction": 0.1}], "operations[0]"),
        ([{"type": "dedupe"}, {"type": "convert", "container": "csv"}], "operations[1].container"),
        ([{"type": "convert", "template": {"user": "x"}}], "operations[0].template"),
        ([{"type": "convert", "template": {"user": "{", "assistant": ""}}], "operations[0].template.user"),
        ([{"type": "convert", "template": {"user": "{ }", "assistant": ""}}], "operations[0].template.user"),
        ([{"type": "convert", "from": "alpaca", "template": {"user": "a", "assistant": ""}}], "operations[0].from"),
        ([{"type": "convert", "to": "preference", "template": {"user": "a", "assistant": ""}}], "operations[0].to"),
    ],
)
def test_operations_that_make_no_sense_are_refused(run, operations, path):
    with pytest.raises(OperationInvalid) as caught:
        run([chat("q")], *operations)
    assert caught.value.path == path


@pytest.mark.parametrize("name", ["banking77/train.jsonl", "snips/train.jsonl"])
def test_real_data_split_without_leaks(run, check, name):
    path = Path(__file__).parents[3] / "shared/data" / name
    if not path.exists():
        pytest.skip("no ../shared/data here")
    lines = path.read_bytes().splitlines()[:1500]
    made = run(lines, {"type": "dedupe", "by": "near"}, {"type": "split", "validation": 0.1, "seed": 3})
    found = check(*made.outputs).counts
    assert not {"train_validation_leak", "prompt_leak", "duplicate_example", "near_duplicate"} & found.keys()


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("password: " + "hunter2hunter9x" + " ok", "password: [SECRET_1] ok"),
        ("My phone number is " + "030 1234" + " 56789", "My phone number is [PHONE_1]"),
        ("passport " + "AB12" + "34567 seen", "passport [ID_1] seen"),
        ("db " + "postgres://ann:s3cr3tpw" + "@db.acme.io/x", "db [SECRET_1]/x"),
        ("call +49 30 1234567 or +49-30-1234567", "call [PHONE_1] or [PHONE_1]"),
    ],
)
def test_words_that_name_a_value_stay(run, check, text, redacted):
    made = run([chat(text)], {"type": "redact"})
    assert made.objects[0]["messages"][0]["content"] == redacted
    assert not {"secret_detected", "personal_data"} & check(made.lines).counts.keys()
