"""The compiled way finds what Python's would, on plain chat lines and on all others."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from service.check import compiled, engine, search, tokens, work
from service.check.characters import alike
from service.check.patterns import Steps
from service.check.plain import PlainReaders
from service.check.reader import Block
from service.check.search import RuleSearch, search_for_rules
from service.check.work import Work
from service.core.dataset import texts
from service.core.dataset.conversation import loops
from service.core.dataset.rules import RULES, TextRule
from service.core.dataset.texts import AllRules, Search
from tests.check.suite import CLEAN, PLANTED, Planted
from tests.check.suite.clean import NUMBER
from tests.check.suite.planted import encoded
from tests.check.ways import SEPARATORS, check, file_of, in_python, without_compiler

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
native = compiled.native
assert native is not None, "the tests need the compiled part: `make setup` with a C compiler"


def test_plain_lines_come_out_as_the_long_way_takes_them() -> None:
    files = [file_of(random.Random(seed)) for seed in range(40)]
    reports = [check(data) for data in files]
    for data, report in zip(files, reports, strict=True):
        with in_python(engine):
            assert check(data) == report
        with without_compiler():
            assert check(data) == report
    found = {code for report in reports for code in report.counts}
    assert found > {"control_token", "personal_data", "repeated_key", "repetitive_completion", "duplicate_example"}


_SENTENCES = (
    "The bill is on the second page of your account, and you can pay it there.",
    "Die Rechnung ist auf der zweiten Seite des Kontos, und die Frist steht dort.",
    "La facture est sur la deuxième page de votre compte, et vous pouvez la payer.",
    "請求書はアカウントの二ページ目にあります。",
    "Pay it.",
    '{"page": 2, "of": "the account", "to": "pay"}',
    "page two with a button from this list " * 9,
)


@pytest.mark.parametrize("usual", [0, 1, 6])
def test_languages_are_told_alike_whoever_reads_the_lines(usual: int) -> None:
    rng = random.Random(usual)
    lines: list[bytes] = []
    for at in range(1200):
        question = f"{at}: {rng.choice((*_SENTENCES, 'In German, please?'))}"
        answer = _SENTENCES[usual] if rng.random() < 0.96 else rng.choice(_SENTENCES)
        said = [{"role": "user", "content": question}, {"role": "assistant", "content": f"{answer} {at}"}]
        if rng.random() < 0.2:
            said.insert(0, {"role": "system", "content": rng.choice(("Be kind.", "Answer in French."))})
        more: dict[str, Any] = {"weight": 1} if rng.random() < 0.1 else {}
        lines.append(json.dumps({"messages": [*said[:-1], said[-1] | more]}, ensure_ascii=False).encode())
    report = check(b"\n".join(lines))
    assert report.counts["mixed_language"] > 5
    with without_compiler():
        assert check(b"\n".join(lines)) == report


@pytest.mark.parametrize("case", PLANTED, ids=[f"{case.code}: {case.name}" for case in PLANTED])
def test_planted_defects_are_found_alike_without_a_compiler(case: Planted) -> None:
    report = check(case.data, case.method, case.validation)
    with without_compiler():
        assert check(case.data, case.method, case.validation) == report


@pytest.mark.parametrize("name", CLEAN)
def test_clean_sets_look_alike_without_a_compiler(name: str) -> None:
    method, line_of = CLEAN[name]
    data = encoded([json.dumps(line_of(at)) for at in range(NUMBER)])
    report = check(data, method)
    with without_compiler():
        assert check(data, method) == report


def test_most_lines_are_plain() -> None:
    data = b"\n".join(json.dumps({"messages": turns(at)}, ensure_ascii=at % 2 == 0).encode() for at in range(100))
    plain = PlainReaders("o200k_base").read(Block(7, data))
    assert len(plain) == 100
    assert list(plain.left()) == []
    assert plain.lines.tolist() == list(range(7, 107))
    assert [plain.answer(at) for at in (0, 99)] == ["It is 0.", "It is 99."]


def test_answers_with_a_weight_are_plain() -> None:
    system, asked = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "How many are it?"}
    answer, other = {"role": "assistant", "content": "It is one."}, {"role": "assistant", "content": "1", "weight": 0}
    lines = [[asked, other, asked, {"weight": 1, **answer}], [system, asked, answer, asked, other]]
    block = Block(1, b"\n".join(json.dumps({"messages": each}).encode() for each in lines))
    plain = PlainReaders("o200k_base").read(block)
    assert [plain.layout(at)[1] for at in range(2)] == [[False, False, False, True], [False, False, True, False, False]]
    assert plain.table["trained"].tolist() == plain.texts["tokens"][[3, 6]].tolist()
    left = Work.begin("o200k_base")
    plain.texts_into(left)
    assert left.spans.roles == ["user", "assistant"] * 2 + ["system"] + ["user", "assistant"] * 2
    assert compiled.HEARD["untaught"] == compiled.HEARD["turn"], "json.h says so"


def test_lines_of_many_texts_are_searched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [file_of(random.Random(seed)) for seed in range(40, 50)]
    files += [case.data for case in PLANTED if case.method == "supervised" and len(case.data) < 100_000][:100]
    reports = [check(data) for data in files]
    monkeypatch.setattr(work, "_MANY", 3)
    assert [check(data) for data in files] == reports


def test_a_line_of_many_texts_takes_no_longer_than_many_lines() -> None:
    said = [{"role": ("user", "assistant")[at % 2], "content": f"TODO a{at}.b@corp.org"} for at in range(80_000)]
    report = check(json.dumps({"messages": said}).encode())
    assert report.counts["personal_data"] == 80_000


@pytest.mark.parametrize(
    "call", [{"tool_calls": [CALL]}, {"content": [{"type": "text", "text": "It."}]}, {"name": "it"}]
)
def test_a_weight_of_one_is_as_none_in_any_answer(call: dict[str, Any]) -> None:
    lines = [{"messages": turns(at)} for at in range(60)]
    said = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "It.", **call}]
    lines[3], lines[7] = {"messages": said}, {"messages": [said[0], {**said[1], "weight": 1}]}
    report = check("\n".join(map(json.dumps, lines)).encode())
    assert [(each.line, each.related) for each in report.warnings if each.code == "duplicate_example"] == [(8, (4,))]
    assert "conflicting_answers" not in report.counts


@pytest.mark.parametrize("weight", [1, None])
def test_a_weight_of_one_is_as_none(weight: int | None) -> None:
    lines = [{"messages": turns(at)} for at in range(60)]
    *asked, answer = lines[3]["messages"]
    lines[7] = {"messages": [*asked, {**answer, "weight": weight}]}
    report = check("\n".join(map(json.dumps, lines)).encode())
    assert [(each.line, each.related) for each in report.warnings if each.code == "duplicate_example"] == [(8, (4,))]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"{}",
        b'{"messages":[]}',
        b'{"messages":[{"role":"user","content":"a"}]}',
        b'{"messages":[{"role":"assistant","content":"a"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":""}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":" \\u3000\\n"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":2}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":10}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":1.0}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":-1}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":true}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":null}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":1,"weight":1}]}',
        b'{"messages":[{"role":"user","content":"a","weight":1},{"role":"assistant","content":"b"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","weight":1}]}',
        b'{"messages":[{"content":"a","weight":1},{"role":"assistant","content":"b"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","name":"c"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"tools":[]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}xxxxxxxxx',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},]}',
        b'{"messages":[{"role":"user","content":"a"} {"role":"assistant","content":"b"}]}',
        b'{"messages":[{"role":"user","role":"user"},{"role":"assistant","content":"b"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\\ud83d"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\\ud83d\\u0041"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\\udc00"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\\u12"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\\x"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\\',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\x01"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\xff"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\xc0\x80"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\xed\xa0\x80"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\xf4\x90\x80\x80"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\xe3\x81"}]}',
        b'{"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"},{"role":"assistant","content":"c"}]}',
        b'{"messages":['
        + b'{"role":"user","content":"a"},{"role":"assistant","content":"b"},' * 600
        + b'{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}',
    ],
)
@pytest.mark.parametrize("cut", [0, 1, 7])
def test_what_is_not_plain_is_left_and_its_neighbours_are_not(line: bytes, cut: int) -> None:
    good = b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}'
    line = line[: len(line) - cut]
    plain = PlainReaders("o200k_base").read(Block(1, b"\n".join((good, line, good))))
    assert list(plain.left()) == [(2, line)]
    assert plain.lines.tolist() == [1, 3]


@settings(max_examples=300, deadline=None)
@given(
    said=st.lists(st.text(min_size=1), min_size=2, max_size=6),
    escaped=st.booleans(),
    between=st.sampled_from(SEPARATORS),
    system=st.booleans(),
)
def test_texts_are_read_as_json_reads_them(said: list[str], escaped: bool, between: Any, system: bool) -> None:
    roles = ["system"] * system + ["user", "assistant"] * (len(said) // 2)
    messages = [{"role": role, "content": text} for role, text in zip(roles, said, strict=False)]
    line = json.dumps({"messages": messages}, ensure_ascii=escaped, separators=between).encode("utf-8", "surrogatepass")
    plain = PlainReaders("o200k_base").read(Block(1, line))
    expected = [each["content"] for each in messages]
    if len(plain):
        assert [plain.text(at) for at in plain.texts_of(0)] == expected
        counter = tokens.TokenCounter("o200k_base", compiled=False)
        assert plain.texts["tokens"].tolist() == counter.count_many(expected)
        assert plain.table["tokens"].tolist() == [3 + sum(4 + counter.count(text) for text in expected)]


@settings(max_examples=500, deadline=None)
@given(
    st.builds(
        lambda before, piece, times, after: before + piece * times + after,
        st.text("ab c\n日é", max_size=40),
        st.text("ab.x \n-よé", min_size=1, max_size=25),
        st.integers(1, 30),
        st.text("ab c.。", max_size=20),
    )
)
def test_loops_are_told_alike(text: str) -> None:
    assert native is not None
    if len(text) >= 40 and not (native.loops(text) and any(sign in text for sign in "。")):
        assert native.loops(text) == loops(text)


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_in(each)


def said_in(data: bytes) -> Iterator[str]:
    for line in data.splitlines():
        with suppress(ValueError, RecursionError):
            yield from texts_in(json.loads(line))


SAID = list(dict.fromkeys(text for case in PLANTED for text in said_in(case.data) if len(text) < 5000))


@pytest.fixture(autouse=True, scope="module")
def places_are_looked_for_from_the_first_text_on() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_WORTH_IT", 0)
        yield


def mixed_texts() -> Iterator[str]:
    yield from SAID
    rng = random.Random(7)
    cut = [text[rng.randrange(-9, len(text)) :] for text in rng.choices(SAID, k=400)]
    yield from ("".join(rng.sample(cut[at : at + 20], 20)) for at in range(0, len(cut), 20))


def suspects(search: Search, text: str) -> list[TextRule]:
    return [rule for each in search.suspects([text], ["answer"]) for rule in each.rules]


def test_every_text_that_breaks_a_rule_is_suspected() -> None:
    looked, broken = RuleSearch(), set[TextRule]()
    for text in mixed_texts():
        suspected = set(suspects(looked, text))
        found = {rule for rule in RULES if rule.compiled.search(text) is not None}
        assert found <= suspected, [rule.pattern for rule in found - suspected]
        broken |= found
    assert len(broken) > len(RULES) / 2


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{RULES.index(rule)}-{rule.code}")
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_matches_a_rule_is_suspected_and_found_where_it_is(rule: TextRule, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(rule.compiled))
    assume(rule.compiled.search(text) is not None)
    assert rule in suspects(LOOKED, text)
    assert list(texts.matches(rule, text, 0, LOOKED)) == list(texts.matches(rule, text, 0, AllRules()))


LOOKED = RuleSearch()


def test_a_pattern_tried_at_likely_places_matches_as_it_does_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_PLACES", 3)
    looked, everywhere, matched = RuleSearch(), AllRules(), set[TextRule]()
    for text in mixed_texts():
        for rule in RULES:
            found = list(texts.matches(rule, text, 0, looked))
            assert found == list(texts.matches(rule, text, 0, everywhere)), rule.pattern
            matched |= {rule} if found else set()
    assert len(matched) > len(RULES) / 2


@pytest.mark.parametrize(
    ("pattern", "ignore_case"),
    [
        (r"\bDear (?:Mr|Ms)\b", False),
        (r"(?<![a-z])x+y{2,4}", False),
        (r"[0-9](?<![a-z][0-9])[0-9]{2}-é", False),
        (r"\A\s*(?:straße|ſtop|kelvin|[i-k]us)", True),
        (r"[^a-zé]{3}z|日[^本]|[一-三]{2}", False),
        (r"(?:ab|cd.{0,20}e|f)g", False),
        (r"(?i:ist)[ -]?(?:no|nº)(?![a-z])", False),
        (r"([ -])\d\1\d|\w+@\W\S", False),
        (r"a(?:b{2,3}c?){2}d\Z", False),
    ],
)
@settings(max_examples=200, deadline=None)
@given(text=st.text("aAbcdDefgiIjKkKlnosSſtuvxyz éÉßn°º日本一二三0123-.@\u3000\n\u2028MrDe ", max_size=30))
def test_automata_match_wherever_patterns_do(pattern: str, ignore_case: bool, text: str) -> None:
    rule = TextRule("code", pattern, "told", ignore_case=ignore_case)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_NUMBER_OF", {rule: 127})
        forwards = native.Search((compiled.program((rule,)),), 1000)
        backwards = native.Search((compiled.program((rule,), backwards=True),), 1000)
    starts = [at for at in range(len(text) + 1) if rule.compiled.match(text, at)]
    if starts:
        assert forwards.find(text) == 1 << 127
        assert {len(text[:start].encode()) for start in starts} <= set(backwards.places(text, 256))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"yardımcı", "Yardimci"),
        (r"straße", "STRAẞE"),
        (r"5 kω", "5 KΩ"),
        (r"[a-一]!", "B!"),
        (r"[^a-一]!", "\N{GRINNING FACE}!"),
        (r"x(?<![^K]x)y", "kxy"),
        (r"(?:s(?<![a-z]s)2){2,}", "s2s2"),
        (r"(?:\bs-){2}", "s-s-"),
        (r"(?<![a-z])x(?<![b](?<![a-z])x)y", "xy"),
    ],
)
def test_what_patterns_match_is_suspected_and_found(pattern: str, text: str) -> None:
    rule = TextRule("code", pattern, "told", ignore_case=True)
    found = rule.compiled.search(text)
    assert found is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_NUMBER_OF", {rule: 0})
        assert native.Search((compiled.program((rule,)),), 100).find(text) == 1
        assert found.start() in native.Search((compiled.program((rule,), backwards=True),), 100).places(text, 256)


def test_letters_of_either_case_are_those_that_patterns_take_for_the_same() -> None:
    cased = "".join(sign for sign in map(chr, range(0x20000)) if sign.lower() != sign or sign.upper() != sign)
    for sign in cased:
        assert set(re.findall(re.escape(sign), cased, re.IGNORECASE)) == set(alike(sign))


@pytest.mark.parametrize("pattern", [r"a*", r"\A", r".{0,40}x"])
def test_patterns_that_need_no_text_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="no text"):
        Steps.of([(0, TextRule("code", pattern, "told"))])


def test_automata_go_on_where_their_states_are_too_many() -> None:
    rule = TextRule("code", "", "told", hint="a[ab]{15}c")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_NUMBER_OF", {rule: 0})
        looked = native.Search((compiled.program((rule,)),), 1000)
        backwards = native.Search((compiled.program((rule,), backwards=True),), 1000)
    rng = random.Random(4)
    for _ in range(60):
        text = "".join(rng.choices("ab", k=2000))
        assert looked.find(text) == 0
        assert looked.find(f"{text}a{'b' * 15}c") == 1
        assert backwards.places(f"{text}a{'b' * 15}c", 9)[-1] == 2000
    assert looked.states[1] > 0


@pytest.mark.parametrize("states", [8, 60, 8192])
def test_a_text_searched_in_halves_is_found_to_match_what_it_does_as_a_whole(states: int) -> None:
    kept: dict[TextRule, int] = {}
    for pattern in ("a{40}b[ab]+c", r"x[a-d]{3}y|\Aab", "(?<![a-z])dd[a-z ]{9,}e", "zz", "b[ab]{4}c", r"[0-9]c\n"):
        kept[TextRule("code", "", "told", hint=pattern)] = len(kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_NUMBER_OF", kept)
        some = [compiled.program(rules) for rules in zip(*[iter(kept)] * 2, strict=True)]
    together, apart = native.Search(some, states), [native.Search((each,), 8192) for each in some]
    made, found = random.Random(states), [0] * len(kept)
    for _ in range(4000):
        text = "".join(
            made.choices(["a", "b", "ab", "a" * 40, "c", "xabdy", " dd ", "efgh", "z", "7", "\n"], k=made.randrange(90))
        )
        marks = together.find(text)
        assert marks == apart[0].find(text) | apart[1].find(text) | apart[2].find(text), text
        found = [number + (marks >> at & 1) for at, number in enumerate(found)]
    assert all(20 < number < 3900 for number in found), found
    assert (together.states[1] > 0) is (states < 100)


def test_automata_of_real_rules_stay_small() -> None:
    looked = native.Search(compiled.programs(), 8192)
    assert len(RULES) <= 128
    for text in mixed_texts():
        looked.find(text.encode("utf-8", "surrogatepass"))
    assert looked.states[0] > 500
    assert looked.states[1] == 0


def test_a_lone_surrogate_is_searched_as_it_is() -> None:
    looked = search_for_rules()
    assert "control_token" in {rule.code for rule in suspects(looked, "\ud83d <|im_start|>")}
    rule = next(rule for rule in RULES if rule.code == "control_token")
    assert list(looked.places(rule, "é\ud83d <|im_start|>", 5) or ()) == [3]


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        (b"{}", {"missing_messages"}),
        (b"42", {"not_an_object"}),
        (b'{"a":1,"a":2}', {"missing_messages", "unknown_field", "repeated_key"}),
        (b'{"a" :1,"a":2}', {"missing_messages", "unknown_field", "repeated_key"}),
        (b'{"prompt":"a","completion":"b"}', {"mixed_formats"}),
    ],
)
def test_a_line_that_is_broken_over_and_over_is_told_each_time(line: bytes, codes: set[str]) -> None:
    good = [json.dumps({"messages": turns(at)}).encode() for at in range(1600)]
    report = check(b"\n".join(each for one in good for each in (one, line)))
    assert {code: report.counts.get(code) for code in codes} == dict.fromkeys(codes, 1600)
    assert {each.line for each in report.errors} == set(range(2, 2002, 2))
    assert report.examples == 1600


def turns(at: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"{at}?"}, {"role": "assistant", "content": f"It is {at}."}]
