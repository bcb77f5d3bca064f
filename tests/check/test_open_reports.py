"""Reports for open models: every chat counted as the model will read it, whichever way its line is read."""

import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tokenizers import Tokenizer

from service.check import engine
from service.check.benchmarks import Benchmarks
from service.check.engine import check_file
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import Report
from service.core.dataset.spans import PER_EXAMPLE, PER_MESSAGE
from service.store.tokenizers import find_tokenizer
from tests.check.conftest import GOOD, encoded, profile
from tests.check.test_templates import STRICT, THINKING
from tests.check.trained import CHATML, KINDS, folder, found, reference

READERS = ["compiled", "python"]


def profile_of(
    path: Path, kind: str, template: str | None, method: str = "supervised", limit: int | None = None
) -> CheckProfile:
    known = found(path, kind, template)
    return msgspec.structs.replace(profile(method, limit=limit), model="mine", encoding=known.name, tokenizer=known)


def check(lines: list[Any], under: CheckProfile) -> Report:
    return check_file(io.BytesIO(b"".join(encoded(line) + b"\n" for line in lines)), profile=under)


def said(*texts: str, system: str | None = None, **last: Any) -> dict[str, Any]:
    roles = [("user", "assistant")[at % 2] for at in range(len(texts))]
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
    messages[-1] |= last
    return {"messages": [*([{"role": "system", "content": system}] if system else []), *messages]}


CHATS = [
    said("I lost my card, please help.", "card_lost"),
    said("I lost my card, please help.", "card_lost", system="Answer with a label."),
    said(" \n leading blanks", "\n\nan answer\n", "naïve 東京 👍🏽?", "user"),
    said("two", "answers", "one", "not learnt", weight=0),
    *[GOOD["supervised"](at) for at in range(40)],
]


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "python":
        monkeypatch.setattr(engine, "native", None)
    return request.param


def written(line: dict[str, Any]) -> tuple[str, list[tuple[int, int]]]:
    """The line in CHATML, and where what it teaches stands there: written without a template."""
    text, taught = "", []
    for message in line["messages"]:
        text += f"<|turn|>{message['role']}\n"
        if message["role"] == "assistant" and message.get("weight") != 0:
            taught.append((len(text), len(text) + len(message["content"])))
        text += f"{message['content']}<|over|>\n"
    return text, taught


def teaches(library: Tokenizer, line: dict[str, Any]) -> tuple[int, int]:
    text, taught = written(line)
    offsets = library.encode(text, add_special_tokens=False).offsets
    return len(offsets), sum(any(end > low and start < high for low, high in taught) for start, end in offsets)


@pytest.mark.parametrize("kind", KINDS)
def test_chats_count_as_the_model_reads_them(tmp_path: Path, kind: str, reader: str) -> None:
    report = check(CHATS, under := profile_of(tmp_path, kind, CHATML))
    expected = [teaches(reference(kind), line) for line in CHATS]
    assert report.tokens is not None
    assert report.tokens.encoding == under.encoding
    assert report.tokens.encoding.startswith("tokenizer:")
    assert report.tokens.total == report.tokens.billable == sum(total for total, _ in expected)
    assert report.tokens.trained == sum(trained for _, trained in expected)
    assert (report.tokens.per_example.min, report.tokens.per_example.max) == (min(expected)[0], max(expected)[0])
    told = report.checked_with
    assert told["chat_layout"] == "the model's chat template"
    assert told["tokenizers"] is not None
    assert str(told["tokenizer"]).endswith(under.tokenizer.sha256 if under.tokenizer else "-")


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_template_texts_are_exact_and_the_tokens_around_them_estimated(
    tmp_path: Path, kind: str, reader: str
) -> None:
    report = check(CHATS, profile_of(tmp_path, kind, None))
    library = reference(kind)

    def count(text: str) -> int:
        return len(library.encode(text, add_special_tokens=False).ids)

    messages = [message for line in CHATS for message in line["messages"]]
    learnt = [each["content"] for each in messages if each["role"] == "assistant" and each.get("weight") != 0]
    fixed = PER_MESSAGE * len(messages) + PER_EXAMPLE * len(CHATS)
    assert report.tokens is not None
    assert report.tokens.total == fixed + sum(count(message["content"]) for message in messages)
    assert report.tokens.trained == sum(map(count, learnt))
    layout = "estimated, 4 tokens a message and 3 an example: there is no chat template"
    assert report.checked_with["chat_layout"] == layout


@pytest.mark.parametrize("limit", [5, 12, 20, 60])
def test_what_is_cut_is_cut_where_the_model_reads_it(tmp_path: Path, limit: int, reader: str) -> None:
    report = check(CHATS, profile_of(tmp_path, "byte_level", CHATML, limit=limit))
    library, left, over = reference("byte_level"), 0, 0
    for line in CHATS:
        text, taught = written(line)
        offsets = library.encode(text, add_special_tokens=False).offsets
        over += len(offsets) > limit
        left += sum(any(end > low and start < high for low, high in taught) for start, end in offsets[:limit])
    assert report.tokens is not None
    assert (report.over_limit, report.tokens.trained) == (over, left)
    assert report.counts["example_truncated"] == over


def test_lines_that_the_template_does_not_fit_are_estimated_and_said(tmp_path: Path, reader: str) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    odd = [
        {**said("call it", "done"), "tools": [tool]},
        said("a", "b", "c", "d", name="bot"),
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "parts"}]},
                *said("a", "b")["messages"][1:],
            ]
        },
        said("hi", "there", system="The template knows no system prompt."),
    ]
    report = check([*[said("good", "chat")] * 20, *odd], profile_of(tmp_path, "byte_level", STRICT))
    assert report.checked_with["chat_layout"] == (
        "the model's chat template; "
        "examples that it does not fit, estimated with 4 tokens a message and 3 an example: 4"
    )
    assert report.tokens is not None
    assert report.examples == 24


def test_answers_that_the_template_changes_do_not_count_as_trained(tmp_path: Path, reader: str) -> None:
    lines = [said("2+2?", "4")] * 12 + [said("2+2?", "<think>two and two</think>4")]
    report = check(lines, profile_of(tmp_path, "byte_level", THINKING))
    assert report.checked_with["chat_layout"] == (
        "the model's chat template; answers that it changes, not counted as trained: 1"
    )
    assert report.tokens is not None
    assert report.tokens.trained == 12


@pytest.mark.parametrize("template", [CHATML, None])
def test_control_tokens_in_texts_are_reported(tmp_path: Path, template: str | None, reader: str) -> None:
    lines = [*CHATS, said("Is <s>this</s> struck?", "yes"), said("fine", "a</s>b")]
    report = check(lines, profile_of(tmp_path, "byte_level", template))
    told = [each for each in report.warnings if "control token of the model's tokenizer" in each.message]
    assert [(each.code, each.line, each.path) for each in told] == [
        ("template_tokens", 45, "messages[0].content"),
        ("template_tokens", 46, "messages[1].content"),
    ]
    assert "“<s>”" in told[0].message


@pytest.mark.parametrize("method", ["dpo", "reinforcement", "legacy"])
def test_other_forms_are_counted_too(tmp_path: Path, method: str) -> None:
    lines = [GOOD[method](at) for at in range(20)]
    report = check(lines, profile_of(tmp_path, "unigram", CHATML, method))
    assert report.tokens is not None
    assert report.valid
    library = reference("unigram")
    if method == "reinforcement":
        asked = [f"<|turn|>user\n{line['messages'][0]['content']}<|over|>\n<|turn|>assistant\n" for line in lines]  # type: ignore[index]
        assert report.tokens.total == sum(len(library.encode(each, add_special_tokens=False).ids) for each in asked)
    if method == "legacy":
        texts = [str(text) for line in lines for text in line.values()]
        assert report.tokens.total == sum(len(library.encode(each, add_special_tokens=False).ids) for each in texts)
        assert "estimated" not in str(report.checked_with["chat_layout"])


def test_a_validation_split_and_a_benchmark_go_the_same_way(tmp_path: Path) -> None:
    text = "which of the following could be the order of the six speakers at the lecture"
    sets = tmp_path / "set.txt"
    sets.write_text(text)
    lines = [*CHATS, said(text, "A")]
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"".join(encoded(line) + b"\n" for line in lines))
    under = profile_of(tmp_path, "byte_level", CHATML)
    report = check_file(path, profile=under, validation=path, benchmarks=Benchmarks.read([sets]))
    alone = check(lines, under)
    assert report.tokens == alone.tokens
    assert report.counts["benchmark_overlap"] == 1
    other = check_file(path, profile=profile(), validation=path)
    assert report.counts["train_validation_leak"] == other.counts["train_validation_leak"] > 40


def test_a_tokenizer_that_gives_up_leaves_a_report_without_tokens(tmp_path: Path, reader: str) -> None:
    place = folder(tmp_path / "word_piece", "word_piece", None)
    told = json.loads((place / "tokenizer.json").read_text())
    del told["model"]["vocab"]["[UNK]"]
    told["added_tokens"] = [each for each in told["added_tokens"] if each["content"] != "[UNK]"]
    (place / "tokenizer.json").write_text(json.dumps(told))
    known = find_tokenizer(place)
    under = msgspec.structs.replace(profile(), encoding=known.name, tokenizer=known)
    report = check([*CHATS, said("日本 ☃", "ok")], under)
    assert report.tokens is None
    assert report.examples == len(CHATS) + 1
    (finding,) = [each for each in report.warnings if each.code == "tokens_unknown"]
    assert "the tokenizer gives up on a text" in finding.message
    assert report.valid


def test_a_template_of_no_use_is_said(tmp_path: Path) -> None:
    report = check(CHATS, profile_of(tmp_path, "unigram", "{% for %}"))
    assert "the chat template is of no use: it can't be read" in str(report.checked_with["chat_layout"])
    assert report.tokens is not None


def test_the_name_changes_with_the_tokenizer_and_the_template_alone(tmp_path: Path) -> None:
    names = {
        found(tmp_path / "a", "unigram").name,
        found(tmp_path / "b", "unigram").name,
        found(tmp_path / "c", "unigram", CHATML).name,
        found(tmp_path / "d", "word_piece").name,
    }
    assert len(names) == 3
