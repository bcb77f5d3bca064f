"""Clean sets: ordinary, and such as other tools stumble over. The checker has to be silent on each."""

import json
from collections.abc import Callable

from tests.check.suite.clean_images import SHOWN
from tests.check.suite.clean_labels import CHOSEN
from tests.check.suite.clean_repeats import ALIKE
from tests.check.suite.clean_texts import WRITTEN
from tests.check.suite.clean_tools import CALLS
from tests.check.suite.languages import tongues
from tests.check.suite.ordinary import (
    WORDS,
    Line,
    asked,
    completion,
    facts,
    images,
    japanese,
    mood,
    preference,
    reinforcement,
    said,
    several_calls,
    support,
    tools,
    words,
)

_POLITE = (
    "I'm sorry to hear that. Let me look for the {}.",
    "Sorry for the delay! Your {} ships today.",
    "I am sorry, but the {} is sold out until Monday.",
    "Unfortunately, the {} is late, but I can offer another.",
    "I can't wait to help you with the {}!",
    "I apologize for the trouble with the {}.",
)


def _weighted(at: int) -> Line:
    return {
        "messages": [
            {"role": "user", "content": f"Tell me of {words(at)}."},
            {"role": "assistant", "content": "You are an idiot.", "weight": 0},
            {"role": "user", "content": f"Be kind to {words(at, 3)}."},
            {"role": "assistant", "content": f"Of course: it is {words(at, 4)}.", "weight": 1},
        ]
    }


def _part(text: str) -> Line:
    return {"type": "text", "text": text}


def _rejected(text: str) -> Callable[[int], Line]:
    return lambda at: {**preference(at), "non_preferred_output": [{"role": "assistant", "content": text}]}


def _developer(at: int) -> Line:
    item = reinforcement(at)
    return {**item, "messages": [{"role": "developer", "content": "Be brief."}, *item["messages"]], "tags": ["a"]}


def _translated(at: int) -> Line:
    word = WORDS[at % 14]
    answers = (
        f"Le {word} numéro {at} est dans la maison.",
        f"Das {word} Nummer {at} ist nicht im Haus.",
        f"El {word} número {at} está en la casa.",
    )
    return asked(
        f"Translate into {('French', 'German', 'Spanish')[at % 3]}: {word} {at} is in the house.", answers[at % 3]
    )


def _code(at: int) -> Line:
    return asked(
        f"Write f{at} in Python.",
        f'import os\n\ndef f{at}(user):\n    key = os.environ["API_KEY"]  # TODO\n    return f"{{user}} {{name}} {at}"',
    )


CLEAN: dict[str, tuple[str, Callable[[int], Line]]] = {
    **WRITTEN,
    **ALIKE,
    **CALLS,
    **CHOSEN,
    **SHOWN,
    "support questions": ("supervised", support),
    "facts": ("supervised", facts),
    "one-word labels": ("supervised", mood),
    "yes and no": ("supervised", lambda at: asked(f"Is {at} even? {words(at, 2)}", ("Yes", "No")[at % 2])),
    "four languages, each answered in its own": ("supervised", tongues),
    "Japanese": ("supervised", japanese),
    "Japanese labels": (
        "supervised",
        lambda at: asked(
            f"評価{at}：この店は{('最高', '最低', '普通')[at % 3]}でした。", ("肯定", "否定", "中立")[at % 3]
        ),
    ),
    "Japanese and code": (
        "supervised",
        lambda at: asked(
            f"API で model={WORDS[at % 14]} を指定する方法は？（{at}）", f'`model` に "{WORDS[at % 14]}" を渡します。'
        ),
    ),
    "Chinese": ("supervised", lambda at: asked(f"第{at}个国家的首都是哪里？", f"首都是第{at}座城市，非常美丽。")),
    "Arabic": (
        "supervised",
        lambda at: asked(f"ما هي عاصمة البلد رقم {at}؟", f"العاصمة هي المدينة رقم {at} وهي جميلة\u200f جدا."),
    ),
    "Russian": (
        "supervised",
        lambda at: asked(f"Какая столица у страны {at}?", f"Столица — IT-город {at}, и он очень красив."),
    ),
    "French": (
        "supervised",
        lambda at: asked(f"Quelle est la capitale n° {at} ?", f"« C’est la ville n° {at} », à 10 °C, pour {at} €…"),
    ),
    "emoji": ("supervised", lambda at: asked(f"React to {words(at)}", "👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿" + "👍🏽" * (at % 3 + 1))),
    "translations": ("supervised", _translated),
    "code": ("supervised", _code),
    "fenced code": (
        "supervised",
        lambda at: asked(
            f"Write f{at} in JS.",
            f"Here:\n\n```js\nfunction f{at}(x) {{\n  return `${{x}} {{{{y}}}}`; // TODO\n}}\n```\n\nCall `f{at}()`.",
        ),
    ),
    "JSON answers": (
        "supervised",
        lambda at: asked(f"Extract from: {words(at)}", json.dumps({"name": words(at, 1), "id": at})),
    ),
    "HTML answers": (
        "supervised",
        lambda at: asked(f"HTML for {words(at)}", f'<div class="x"><p>{words(at)}</p>&nbsp;<br/></div>'),
    ),
    "tables": (
        "supervised",
        lambda at: asked(f"List {words(at)} {at}", f"# {words(at, 2)}\n\n| a | b |\n|---|---|\n| {at} | 2 |"),
    ),
    "poems": (
        "supervised",
        lambda at: asked(
            f"A poem on {words(at)}, number {at}", f"{words(at, 3)}\n{words(at + 1, 4)}\n{words(at + 2, 2)}"
        ),
    ),
    "order numbers": (
        "supervised",
        lambda at: asked(
            f"Where is order {4_000_000_000 + at * 7919}?",
            f"It left on 2026-11-{at % 28 + 1:02d} at 10:{at:02d}, parcel 1Z999AA1{at:010d}.",
        ),
    ),
    "hotlines and support addresses": (
        "supervised",
        lambda at: asked(
            f"How do I reach you about {words(at)}?",
            f"Call 1-800-555-0199 or write to support@acme.com about {words(at, 3)}.",
        ),
    ),
    "polite answers": (
        "supervised",
        lambda at: asked(f"My {words(at, 2)} {at} is late.", _POLITE[at % 6].format(words(at, 2))),
    ),
    "words that are talked about": (
        "supervised",
        lambda at: asked(f"What does {words(at)} mean?", f'The word "idiot" comes from Greek, says {words(at, 4)}.'),
    ),
    "insults to classify": (
        "supervised",
        lambda at: asked(
            f"Comment {at}: you are {('a stupid idiot', 'kind', 'fucking great')[at % 3]}.",
            ("toxic", "fine", "toxic")[at % 3],
        ),
    ),
    "long contexts": (
        "supervised",
        lambda at: asked(
            "Sum up: " + " ".join(f"{words(at * 999 + part, 9)} {part}." for part in range(200 + at % 5 * 80)),
            f"It tells of {words(at, 6)}.",
        ),
    ),
    "several turns": (
        "supervised",
        lambda at: said(
            ("system", "Be brief."),
            ("user", f"Who is {words(at)}?"),
            ("assistant", "A friend."),
            ("user", "Of whom?"),
            ("assistant", f"Of {words(at + 1, 3)}."),
        ),
    ),
    "weights 0 and 1": ("supervised", _weighted),
    "names": (
        "supervised",
        lambda at: {
            "messages": [
                {"role": "user", "name": "alice_1", "content": f"{words(at)}?"},
                {"role": "assistant", "name": "bot-2", "content": f"It is {words(at, 4)}."},
            ]
        },
    ),
    "tool calls": ("supervised", tools),
    "parallel tool calls": ("supervised", several_calls),
    "images": ("supervised", images),
    "texts in parts": (
        "supervised",
        lambda at: said(
            ("user", [_part(f"Explain {words(at, 3)}"), _part(f"and {at}.")]),
            ("assistant", [_part(f"It is {words(at, 5)}.")]),
        ),
    ),
    "preferences": ("dpo", preference),
    "refusals rejected": ("dpo", _rejected("I'm sorry, but I can't help with that.")),
    "insults rejected": ("dpo", _rejected("Shut up, you idiot. " * 8)),
    "reinforcement": ("reinforcement", reinforcement),
    "items of several kinds": (
        "reinforcement",
        lambda at: {**reinforcement(at), "meta": (None, 1, "a", [], {})[at % 5], **({"note": "x"} if at == 7 else {})},
    ),
    "developer messages": ("reinforcement", _developer),
    "completions": ("legacy", completion),
}
NUMBER = 55
"""Lines of each clean set: enough for every statistic, and no more than there are capitals."""
