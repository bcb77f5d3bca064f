"""Conversion from what other tools write, and from files that are broken or hostile."""

import csv
import io
import json

import pytest

from service.prepare import containers, parquet, rows
from service.prepare.rows import PrepareFailed
from tests.prepare.conftest import chat, pair

QA = {"user": "{question}", "assistant": "{answer}"}


def conversation(*texts: str) -> dict[str, object]:
    roles = ["user", "assistant"] * len(texts)
    return {"messages": [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]}


@pytest.mark.parametrize(
    ("record", "made"),
    [
        ({"instruction": "Add", "input": "1+1", "output": "2"}, conversation("Add\n\n1+1", "2")),
        ({"instruction": "Add", "input": "", "output": 2}, conversation("Add", "2")),
        (
            {"instruction": "c", "output": "d", "history": [["a", "b"]], "system": "S"},
            {"messages": [{"role": "system", "content": "S"}, *conversation("a", "b", "c", "d")["messages"]]},
        ),
        (
            {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}], "id": 7},
            conversation("a", "b"),
        ),
        ({"conversations": conversation("a", "b")["messages"]}, conversation("a", "b")),
        ({"prompt": "a", "completion": "b"}, conversation("a", "b")),
        (
            {"prompt": conversation("a")["messages"], "completion": [{"role": "assistant", "content": "b"}]},
            conversation("a", "b"),
        ),
        ({**conversation("a", "b"), "source": "x", "tools": None}, conversation("a", "b")),
        ({"prompt": "a", "chosen": "b", "rejected": "c", "score": 1}, pair("a", "b", "c")),
        (
            {"chosen": conversation("a", "b")["messages"], "rejected": conversation("a", "c")["messages"]},
            pair("a", "b", "c"),
        ),
        ({"instruction": "a", "input": "", "chosen": "b", "rejected": "c"}, pair("a", "b", "c")),
        (
            {
                "conversations": [{"from": "human", "value": "a"}],
                "chosen": {"from": "gpt", "value": "b"},
                "rejected": {"from": "gpt", "value": "c"},
            },
            pair("a", "b", "c"),
        ),
    ],
)
def test_known_shapes_are_found_by_themselves(run, check, record, made):
    lines = run([record], {"type": "convert"}).objects
    assert lines == [made]
    assert check(lines).error_count == 0


def test_calls_of_sharegpt_become_calls_and_results(run, check):
    tool = {"name": "weather", "description": "Now", "parameters": {"type": "object", "properties": {}}}
    record = {
        "conversations": [
            {"from": "human", "value": "Weather?"},
            {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Oslo"}}'},
            {"from": "observation", "value": "3 C"},
            {"from": "gpt", "value": "3 C."},
        ],
        "tools": json.dumps([tool]),
    }
    (line,) = run([record], {"type": "convert", "system": "Help."}).objects
    assert line["messages"][0] == {"role": "system", "content": "Help."}
    assert line["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"city": "Oslo"}'
    assert line["messages"][3] == {"role": "tool", "content": "3 C", "tool_call_id": "call_1"}
    assert check([line]).counts.keys() <= {"few_examples"}


def test_a_preference_gives_its_better_answer_for_training(run):
    assert run([pair("a", "b", "c")], {"type": "convert", "to": "chat"}).objects == [conversation("a", "b")]


def test_templates_take_any_columns_and_nothing_else(run):
    record = {"question": "q {x}", "answer": 3, "meta": {"topic": "t"}, "tags": ["u"], "a.b": "dot"}
    template = {"system": "{{{meta.topic}}}", "user": "{question} {tags} {a.b}", "assistant": "{answer}"}
    (line,) = run([record], {"type": "convert", "template": template}).objects
    assert [message["content"] for message in line["messages"]] == ["{t}", 'q {x} ["u"] dot', "3"]
    made = run([record, {"question": "q"}], {"type": "convert", "template": QA})
    assert made.codes == {"converted": 1, "missing_column": 1}
    with pytest.raises(PrepareFailed, match="missing_column 1 times"):
        run([{"question": "q"}], {"type": "convert", "template": {**QA, "user": "{question.__class__}"}})


def test_unknown_columns_ask_for_a_template(run):
    with pytest.raises(PrepareFailed, match=r"'question', 'answer'.*template"):
        run([{"question": "q", "answer": "a"}], {"type": "convert"})


def csv_of(*records: list[object], **options: object) -> bytes:
    text = io.StringIO()
    csv.writer(text, **options).writerows(records)  # type: ignore[arg-type]
    return text.getvalue().encode()


@pytest.mark.parametrize("options", [{}, {"delimiter": ";"}, {"delimiter": "\t"}, {"quoting": csv.QUOTE_ALL}])
def test_csv_with_quotes_commas_and_line_feeds(run, options):
    odd = 'He said: "a, b; c\td"\nand\r\nmore'
    data = csv_of(["question", "answer"], [odd, "x"], ["東京", ""], **options)
    made = run(data, {"type": "convert", "template": QA})
    assert [line["messages"][0]["content"] for line in made.objects] == [odd, "東京"]
    assert run(b"\xef\xbb\xbf" + data, {"type": "convert", "template": QA}).lines == made.lines


def test_broken_rows_are_listed_and_the_rest_goes_on(run):
    data = b'question,answer\na,b\na,b,c\nonly\n"q"x,y\n\nlast,one\n'
    made = run(data, {"type": "convert", "template": QA})
    assert [line["messages"][0]["content"] for line in made.objects] == ["a", "last"]
    assert made.codes == {"broken_row": 1, "converted": 2, "wrong_number_of_fields": 2}
    assert [line.line for line in made.diffs[0].steps[0].lines if line.change == "removed"] == [3, 4, 5]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'question,answer\na,b\n"open,c\nd,e\n', "not closed"),
        (b"question,answer\ncaf\xe9,b\n", "encoding"),
        (b"", "no header"),
        (b"question,question\na,b\n", "more than once"),
        (b"question,answer\n", "no line is left"),
        (b"other,columns\na,b\n", "missing_column"),
        (b"\x1f\x8b\x08abc", "compressed"),
        (b"[", "record 1"),
        (b'[{"question":"q","answer":"a"}', "record 1"),
        (b'[{"question":"q","answer":"a"} {"question"', "behind its record 1"),
        (b'[{"question":"q","ans', "record 1"),
        (b"[" * 100_000, "nested too deep"),
        (b'[1, "x", null]', "not_an_object 3 times"),
        (b"PAR1 nothing", "parquet|Parquet"),
        (b'{"question": NaN}', "invalid_json 1 times"),
    ],
)
def test_files_that_can_not_be_read_say_why(run, data, told):
    with pytest.raises(PrepareFailed, match=told):
        run(data, {"type": "convert", "template": QA})


def test_other_encodings_are_read_when_they_are_named(run):
    data = "question,answer\ncafé,ja\n"
    for name in ("latin-1", "cp1252", "utf-16"):
        made = run(data.encode(name), {"type": "convert", "template": QA, "encoding": name, "container": "csv"})
        assert made.objects == [conversation("café", "ja")]


def test_a_field_beyond_the_limit_ends_the_reading(run, monkeypatch):
    monkeypatch.setattr(containers, "FIELD_CHARACTERS", 1000)
    with pytest.raises(PrepareFailed, match="not closed"):
        run(b'question,answer\n"' + b"x" * 5000 + b'",b\n', {"type": "convert", "template": QA})
    monkeypatch.setattr(containers, "_CHUNK", 10)
    with pytest.raises(PrepareFailed, match="longer than is read"):
        run(b'[{"question":"' + b"x" * 5000 + b'"}]', {"type": "convert", "template": QA})


def test_arrays_are_read_piece_by_piece(run, monkeypatch):
    monkeypatch.setattr(containers, "_CHUNK", 7)
    records = [{"question": f"q{at} ]}},", "answer": "a" * at} for at in range(30)]
    made = run(json.dumps(records, indent=1).encode(), {"type": "convert", "template": QA})
    assert [line["messages"][0]["content"] for line in made.objects] == [each["question"] for each in records]


def test_lines_too_long_to_be_carried_are_dropped_by_clean_alone(run, monkeypatch):
    monkeypatch.setattr(rows, "ROW_BYTES", 2000)
    lines = [chat("a"), chat("b" * 5000), chat("c")]
    made = run(lines, {"type": "clean"})
    assert (len(made.lines), made.codes) == (2, {"line_too_long": 1})
    with pytest.raises(PrepareFailed, match="line 2 is longer"):
        run(lines, {"type": "dedupe"})


def test_parquet_without_the_extra_names_it(run, monkeypatch):
    monkeypatch.setattr(parquet, "_READER", "no_such_library")
    with pytest.raises(PrepareFailed, match=r"tunewright\[parquet\]"):
        run(b"PAR1", {"type": "convert"})


def test_parquet_rows_become_lines(run, folder):
    library, core = pytest.importorskip("arro3.io"), pytest.importorskip("arro3.core")
    path = folder / "some.parquet"
    text = core.DataType.string()
    batch = core.RecordBatch.from_pydict(
        {"instruction": core.Array(["a", "ü"], text), "output": core.Array(["b", None], text)}
    )
    library.write_parquet(batch, path)
    made = run(path.read_bytes(), {"type": "convert"})
    assert made.objects == [conversation("a", "b")]
    assert made.codes == {"converted": 1, "missing_output": 1}
    with pytest.raises(PrepareFailed, match="damaged"):
        run(path.read_bytes()[:-20], {"type": "convert"})
