"""What shows only beside the rest of the file: odd answers, near repeats, examples far too long; and what must not."""

import random
from collections.abc import Callable

import pytest

from service.check import engine
from service.check.near import NearIndex
from service.core.dataset.markdown import to_markdown
from tests.check.conftest import Check

LINE = 31
WORDS = ("river", "stone", "harbour", "lantern", "winter", "copper", "garden", "signal", "violet", "thunder", "meadow",
         "anchor", "bridge", "candle")  # fmt: skip
GERMAN = (
    "Das ist eine gute Frage, und die Antwort ist nicht einfach: mit der Zeit wird es besser, und Sie sehen auch das."
)
FRENCH = "C'est une bonne question, et la réponse est dans le manuel que vous avez, avec les notes sur des pages."
SPANISH = "Los detalles de la oferta son claros, y para los clientes es una buena noticia, pero no lo es para el banco."
JAPANESE = "ご質問ありがとうございます。詳しくは、こちらの説明書の十ページをご覧ください。よろしくお願いいたします。"
RUSSIAN = "Спасибо за ваш вопрос. Подробности вы найдёте в руководстве на десятой странице."


def prose(at: int) -> str:
    rng = random.Random(at)
    words = " ".join(rng.choices(WORDS, k=14))
    return f"The answer to that is in the report of the office, and it says {words}."


def asked(question: str, answer: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def usual(at: int) -> dict[str, object]:
    rng = random.Random(-at)
    return asked(f"What do you know about {' and '.join(rng.choices(WORDS, k=6))}, please?", prose(at))


def found(check: Check, line: dict[str, object]) -> set[tuple[str, int | None]]:
    lines = [usual(at) for at in range(60)]
    lines[LINE - 1] = line
    report = check(lines)
    return {(each.code, each.line) for each in report.errors + report.warnings}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Ok.", "short_completion"),
        ("n", "short_completion"),
        ("The answer to that is in the report of the office, and it", "truncated_completion"),
        ("The answer is in these three parts of the report, namely the first,", "truncated_completion"),
        ("Use this:\n```python\nprint('the end of the file and of the world')", "truncated_completion"),
        ('{"name": "Ann", "age": 31, "city": "Ghent", "likes": ["tea", "read', "truncated_completion"),
        (GERMAN, "mixed_language"),
        (FRENCH, "mixed_language"),
        (SPANISH, "mixed_language"),
        (JAPANESE, "mixed_language"),
        (RUSSIAN, "mixed_language"),
        (" ".join(f"{at}." for at in range(3000)), "token_outlier"),
    ],
)
def test_an_answer_unlike_the_others(check: Check, answer: str, code: str) -> None:
    assert found(check, asked("What do you know about ships?", answer)) == {(code, LINE)}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Was ist das und warum ist es nicht mit den anderen auf der Liste, die ich habe?", GERMAN),
        ("これはどういう意味ですか。詳しく教えてください。", JAPANESE),
        ("What does it print?", "```\nthe end of the file and of the world, of the sea\n```"),
        (
            "Name three of the colours.",
            "- red like the sun and the sand\n- green like the sea and the leaf\n- **blue**",
        ),
        (
            "A poem, please.",
            "The leaves are falling on the ground\nThe wind is all that makes a sound\nAnd home is near",
        ),
        (
            "Sing.",
            "(Verse)\nWe walk along the river, slow and far,\nWe never ask the name of any star\n\n(End)\nSo far",
        ),
        ("Which words matter?", "river, stone bridge, winter light, old harbour, copper lantern"),
        (
            "A trigger?",
            "add_action( 'update_option', function (): void {\n\tcache_delete( 'settings', 'options' );\n} );",
        ),
        (
            "How long is the coast of the island?",
            "About 41 km, and 43 km with the two small islands of the bay"[:59] + ".",
        ),
    ],
)
def test_an_answer_that_only_seems_unlike_the_others(check: Check, question: str, answer: str) -> None:
    assert found(check, asked(question, answer)) == set()


@pytest.mark.parametrize(
    "answer_of",
    [
        lambda at: ("yes", "no", "It depends on the weather in the harbour and on the captain.")[at % 3],
        lambda at: f"a line of a poem {at} without any full stop at all, la la la and so on"[: 50 + at % 9] + "x",
        lambda at: (GERMAN, FRENCH, prose(at), JAPANESE)[at % 4] + f" {at}.",
        lambda at: f"def f{at}(x):\n    return [x for _ in range({at})]\n\n\nprint(f{at}({at}))",
    ],
    ids=["labels and sentences", "no full stops", "many languages", "code"],
)
def test_sets_without_a_usual_kind_of_answer(check: Check, answer_of: Callable[[int], str]) -> None:
    lines = [asked(f"Question {at} about {WORDS[at % 14]}", answer_of(at)) for at in range(60)]
    assert check(lines).counts == {}


NEAR = "Please tell me how the old bridge over the river was built, and who paid for the stones that they used."


@pytest.mark.parametrize(
    "copy",
    [
        NEAR.upper(),
        NEAR.replace("?", "").replace(",", ""),
        NEAR.replace(" ", "  "),
        NEAR.replace("old", "ｏｌｄ"),
        NEAR.replace("bridge", "crossing"),
        NEAR.replace("old bridge", "road"),
        NEAR.replace("Please tell", "Kindly tell"),
    ],
    ids=["case", "marks", "blanks", "wide letters", "a word", "two words", "the beginning"],
)
def test_near_duplicates(check: Check, copy: str) -> None:
    lines = [usual(at) for at in range(60)]
    lines[3] = asked(NEAR, "The town paid for all of it, and the masons built it in the summer of a dry year.")
    lines[LINE - 1] = asked(copy, "The town paid for all of it, and the masons built it in the summer of a dry year.")
    report = check(lines)
    assert [(each.code, each.line, each.related) for each in report.warnings] == [("near_duplicate", LINE, (4,))]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (f"Good morning everyone, I hope you are well. {NEAR}", "{}"),
        (f"{NEAR} Thank you so much for your help with this.", "{}"),
        (f"Hi! {NEAR}", "Sure! {} Let me know if there is more that you want to know."),
    ],
    ids=["a greeting", "thanks", "both"],
)
@pytest.mark.parametrize("number", [60, 1600])
def test_what_was_added_around_an_example(check: Check, question: str, answer: str, number: int) -> None:
    told = "The town paid for all of it, and the masons built it in the summer of a dry year."
    lines = [usual(at) for at in range(number)]
    lines[3] = asked(NEAR, told)
    lines[LINE - 1] = asked(question, answer.format(told))
    report = check(lines)
    found = [(each.line, each.related) for each in report.warnings if each.code == "near_duplicate"]
    assert found == [(LINE, (4,))]


@pytest.mark.parametrize(
    "copy",
    [
        NEAR.replace("the river", "the Rhine"),
        NEAR.replace("how the", "how not the"),
        NEAR + " It is 12 m long.",
        "How?",
    ],
    ids=["a name", "turned", "number", "short"],
)
def test_what_is_only_alike(check: Check, copy: str) -> None:
    lines = [usual(at) for at in range(60)]
    lines[3] = asked(NEAR, "The town paid for all of it, and the masons built it in the summer of a dry year.")
    lines[LINE - 1] = asked(copy, "The town paid for all of it, and the masons built it in the summer of a dry year.")
    assert check(lines).counts == {}


def test_templates_are_no_near_duplicates(check: Check) -> None:
    names = [f"{first}{second}" for first in WORDS for second in WORDS]
    text = (
        "Please write to {} that the meeting of the whole department is on the third day of the month at noon, thanks."
    )
    lines = [
        asked(text.format(name), "Dear colleague, the meeting is on the third day of the month.") for name in names
    ]
    assert check(lines).counts == {}


def test_near_repeats_across_the_splits_are_leaks(check: Check, tmp_path: object) -> None:
    lines = [usual(at) for at in range(60)]
    lines[3] = asked(NEAR, "The town paid for all of it.")
    check(lines)
    path = tmp_path / "validation.jsonl"  # type: ignore[operator]
    (tmp_path / "data.jsonl").rename(path)  # type: ignore[operator]
    lines = [usual(at) for at in range(100, 160)]
    lines[7] = asked(NEAR.lower(), "The town paid for all of it.")
    report = check(lines, validation=path)
    told = [(each.code, each.file, each.line, each.related) for each in report.warnings]
    assert told == [("train_validation_leak", "validation", 4, (8,))]


def test_a_report_says_where_not_all_were_compared(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [usual(at) for at in range(60)]
    assert "near_duplicate" not in check(lines).checked_with
    monkeypatch.setattr(engine, "NearIndex", lambda pool: NearIndex(pool, 0))
    report = check(lines)
    assert report.checked_with["near_duplicate"] == "the first 0 examples"
    assert "`near_duplicate` was looked for among the first 0 examples alone" in to_markdown(report)
