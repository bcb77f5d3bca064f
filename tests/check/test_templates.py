"""Chats as models' own templates write them, and where each message's text stands there."""

import sys

import pytest

from service.check.templates import ChatWriter, TemplateUnusable, Written
from service.core.tokenizers import ChatTemplate
from tests.check.trained import CHATML

LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}{{ '<|head|>' + m.role + '<|/head|>\n\n' + m.content|trim + '<|eot|>' }}"
    "{% endfor %}"
)
DEFAULT = (
    "{%- if messages[0]['role'] != 'system' %}{{ 'SYSTEM be kind\n' }}{%- endif %}"
    "{%- for m in messages %}{{ m.role|upper + ' ' + m.content + '\n' }}{%- endfor %}"
)
STRICT = (
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content + ' [/INST]' }}"
    "{% else %}{% generation %}{{ ' ' + m.content + eos_token }}{% endgeneration %}{% endif %}{% endfor %}"
)
THINKING = (
    "{% for m in messages %}{% set c = m.content.split('</think>')[-1].lstrip('\n') %}{{ '<' + m.role + '>' + c }}"
    "{% endfor %}"
)
THREE = (["system", "user", "assistant"], ["Be brief.", "user", "assistant"])


def written(source: str, roles: list[str], texts: list[str]) -> Written | None:
    return ChatWriter(ChatTemplate(source=source, tokens=(("bos_token", "<s>"), ("eos_token", "</s>")))).write(
        roles, texts
    )


@pytest.mark.parametrize(
    ("source", "roles", "texts", "whole"),
    [
        (CHATML, *THREE, "<|turn|>system\nBe brief.<|over|>\n<|turn|>user\nuser<|over|>\n"
         "<|turn|>assistant\nassistant<|over|>\n"),
        (CHATML, ["user"], ["hi"], "<|turn|>user\nhi<|over|>\n<|turn|>assistant\n"),
        (LLAMA3, *THREE, "<s><|head|>system<|/head|>\n\nBe brief.<|eot|><|head|>user<|/head|>\n\nuser<|eot|>"
         "<|head|>assistant<|/head|>\n\nassistant<|eot|>"),
        (DEFAULT, ["user", "assistant"], ["hi", "SYSTEM be kind"],
         "SYSTEM be kind\nUSER hi\nASSISTANT SYSTEM be kind\n"),
        (STRICT, ["user", "assistant"], ["a", "b"], "<s>[INST] a [/INST] b</s>"),
    ],
)  # fmt: skip
def test_a_chat_and_the_places_of_its_texts(source: str, roles: list[str], texts: list[str], whole: str) -> None:
    found = written(source, roles, texts)
    assert found is not None
    assert found.text == whole
    assert [found.text[slice(*place)] for place in found.places if place] == texts
    assert found.places[-1] is not None
    assert whole[found.places[-1][1] :].strip("\n") in (
        "<|over|>",
        "<|over|>\n<|turn|>assistant",
        "<|eot|>",
        "",
        "</s>",
    )


def test_texts_that_a_template_trims_drops_or_looks_into() -> None:
    trimmed = written(LLAMA3, ["user", "assistant"], [" hi ", "\nyes\n"])
    assert trimmed is not None
    assert [trimmed.text[slice(*place)] for place in trimmed.places if place] == ["hi", "yes"]
    thought = written(THINKING, ["user", "assistant"], ["2+2?", "<think>hm</think>\n4"])
    assert thought is not None
    assert (thought.text, thought.places[1]) == ("<user>2+2?<assistant>4", None)
    plain = written(THINKING, ["user", "assistant"], ["2+2?", "4"])
    assert plain is not None
    assert plain.text[slice(*(plain.places[1] or ()))] == "4"
    empty = written(CHATML, ["user", "assistant"], ["hi", "  "])
    assert empty is not None
    assert empty.places[1] is None


@pytest.mark.parametrize(
    "source",
    [
        STRICT,
        "{{ messages[7].content }}",
        "{{ strftime_now('%Y') }}",
        "{% for m in messages %}{{ m.content + 1 }}{% endfor %}",
        "{{ 1 / 0 }}",
        "{{ messages.append(1) }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% include '/etc/passwd' %}",
        "{% for a in range(999999999) %}{% endfor %}",
    ],
)
def test_a_chat_that_a_template_refuses_is_none(source: str) -> None:
    assert written(source, ["assistant", "user"], ["a", "b"]) is None


def test_a_text_is_never_a_template() -> None:
    found = written(CHATML, ["user", "assistant"], ["{{ 7 * 7 }}", "{% for %}"])
    assert found is not None
    assert "{{ 7 * 7 }}" in found.text


def test_a_template_that_is_none_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TemplateUnusable, match="can't be read"):
        ChatWriter(ChatTemplate(source="{% for %}"))
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(TemplateUnusable, match="jinja2 is not installed"):
        ChatWriter(ChatTemplate(source=CHATML))
