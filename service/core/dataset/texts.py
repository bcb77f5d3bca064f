"""Rules of the texts themselves: tokens of control and template, secrets, placeholders, damaged characters.

Each rule has byte anchors, without which no line can break it: a block of lines is searched for them at memory speed,
and only lines that hold one are looked at closely.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from service.core.dataset.defects import Defect, Found
from service.core.dataset.lines import AnyMessage, Assistant, CompletionLine, Line, PreferenceLine, TextPart
from service.core.dataset.values import is_list

BLANKS = 100_000
"""Whitespace characters in a row that no example needs and that tokenizers fail on."""


class TextRule(NamedTuple):
    """One pattern.

    `anchors` are bytes of the raw line, one of which it must hold. `answers` limits the rule to what the model learns
    to say; `around` is a text near which alone the pattern is searched.
    """

    code: str
    anchors: tuple[bytes, ...]
    pattern: re.Pattern[str]
    message: str
    answers: bool = False
    around: str | None = None


RULES = (
    TextRule(
        "control_token",
        (b"<|", b"\\u003c|", b"\\u003C|"),
        re.compile(r"<\|(?:endoftext|endofprompt|startoftext|fim_(?:prefix|middle|suffix)|im_(?:start|end|sep))\|>"),
        "the text holds a control token of the tokenizer",
    ),
    TextRule(
        "template_tokens",
        (b"<|", b"\\u003c", b"\\u003C", b"INST]", b"<<SYS", b"_of_turn>", b"</s>"),
        re.compile(
            r"<\|(?:im_(?:start|end|sep)|begin_of_text|eot_id|(?:start|end)_header_id|system|user|assistant|end)\|>"
            r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</s>\s*\Z"
        ),
        "the text holds a token of a chat template",
    ),
    TextRule(
        "secret_detected",
        (b"sk-", b"AKIA", b"ghp_", b"github_pat_", b"xox", b"AIza", b"PRIVATE KEY-----", b"eyJ", b"glpat-", b"hf_"),
        re.compile(
            r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}|\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{36}\b"
            r"|\bgithub_pat_\w{22,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bAIza[\w-]{35}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
            r"|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}|\bglpat-[\w-]{20}|\bhf_[A-Za-z0-9]{30,}"
        ),
        "the text holds what looks like a key or token",
    ),
    TextRule(
        "personal_data",
        (b"@", b"\\u0040"),
        re.compile(
            r"(?<![\w.+-])(?!(?:git|noreply|no-reply)@)[\w.+-]+@(?!example\.|localhost)[A-Za-z0-9-]+"
            r"(?:\.[A-Za-z0-9-]+)*\.(?!test\b|invalid\b|local\b|example\b|png\b|jpg\b|svg\b|md\b|py\b|js\b)[a-z]{2,10}\b"
        ),
        "the text holds an e-mail address",
        around="@",
    ),
    TextRule(
        "placeholder",
        (b"{{", b"[INSERT", b"[YOUR", b"[PLACEHOLDER", b"<INSERT", b"<YOUR", b"orem ipsum"),
        re.compile(
            r"\{\{\s*[A-Za-z_][\w.]*\s*\}\}|\[(?:INSERT|YOUR|PLACEHOLDER)\b[^\]\n]{0,60}\]"
            r"|<(?:INSERT|YOUR)[ _A-Z]{1,40}>|[Ll]orem ipsum"
        ),
        "a placeholder was never filled in",
    ),
    TextRule(
        "invisible_characters",
        (
            b"\xe2\x80\x8b",
            b"\xe2\x80\xaa",
            b"\xe2\x80\xab",
            b"\xe2\x80\xad",
            b"\xe2\x80\xae",
            b"\xe2\x81",
            b"\xef\xbb\xbf",
            b"\\u200",
            b"\\u202",
            b"\\u206",
            b"\\ufeff",
            b"\\uFEFF",
        ),
        re.compile("[\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff]"),
        "the text holds invisible characters",
    ),
    TextRule(
        "mojibake",
        (
            b"\xc3\x83",
            b"\xc3\xa2\xe2\x82\xac",
            b"\xef\xbf\xbd",
            b"\\u00c3",
            b"\\u00C3",
            b"\\u00e2\\u20ac",
            b"\\ufffd",
            b"\\uFFFD",
        ),
        re.compile("Ã[\u0080-\u00bf]|â€[\u0080-\u00bf™œ¦“”˜]|\ufffd"),
        "the text was decoded with the wrong character set",
    ),
    TextRule(
        "refusal",
        (b"s an AI", b"sorry", b"cannot ", b"can't ", b"can\xe2\x80\x99t ", b"can\\u2019t "),
        re.compile(
            r"(?i)\A\W*(?:(?:i['’]m|i am) (?:very |so |really )?sorry,? but (?:i|as)\b"
            r".{0,40}(?:can(?:no|['’])t|unable|not able)"
            r"|(?:sorry|unfortunately|i apologi[sz]e),? (?:but )?i (?:can(?:no|['’])t|am unable|am not able)"
            r"|i (?:can(?:no|['’])t|am (?:unable|not able) to) "
            r"(?:help|assist|provide|comply|fulfil|answer|do that|discuss)"
            r"|as an ai\b)"
        ),
        "the answer refuses",
        answers=True,
    ),
    TextRule(
        "refusal",
        (b"AI language model",),
        re.compile(r"(?i)\bas an ai language model\b"),
        "the answer speaks as a language model",
        answers=True,
        around="AI language model",
    ),
)
_COMMON = bytes(byte for byte in range(128) if chr(byte) not in "ABCDEFGHIJKLMNOPQRSTUVWXYZ<|>[]{@_-\\")
_ESCAPES = (b"\\u00", b"\\u20", b"\\uf", b"\\uF")
_WINDOW = 70
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_BLANKS = re.compile(rf"\s{{{BLANKS}}}")


Watched = tuple[tuple[bytes, ...], dict[bytes, list[TextRule]]]


def watch(block: bytes) -> Watched:
    """Return the anchors that a block of lines holds at all, with the rules that each stands for.

    Most anchors are searched in what is left of the block without its common bytes, a tenth of it: one pass at memory
    speed instead of forty (measured: 36 ns a byte before, 8 after).
    """
    rare = block.translate(None, _COMMON)
    plain = block.isascii()
    escapes = tuple(head for head in _ESCAPES if head in block) if b"\\u" in block else ()
    by_anchor: dict[bytes, list[TextRule]] = {}
    for rule in RULES:
        for anchor in rule.anchors:
            if anchor[:2] == b"\\u" and not anchor.startswith(escapes):
                continue
            if plain and not anchor.isascii():
                continue
            trace = anchor.translate(None, _COMMON)
            if anchor in by_anchor or ((len(trace) < 2 or trace in rare) and anchor in block):
                by_anchor.setdefault(anchor, []).append(rule)
    return tuple(by_anchor), by_anchor


def check_texts(line: Line, raw: bytes, watched: Watched, found: Found) -> None:
    """Add what the texts of one line break. Messages name the rule, never the matched text."""
    anchors, by_anchor = watched
    for anchor in anchors:
        if anchor in raw:
            break
    else:
        return
    rules = dict.fromkeys(rule for anchor in anchors if anchor in raw for rule in by_anchor[anchor])
    for path, text, answer in texts_of(line):
        for rule in rules:
            if (answer or not rule.answers) and _breaks(rule, text):
                found.append(Defect(rule.code, path, rule.message))


def _breaks(rule: TextRule, text: str) -> bool:
    if rule.code == "placeholder":
        text = _CODE.sub("", text)
    if rule.around is None:
        return rule.pattern.search(text) is not None
    at = text.find(rule.around)
    while at >= 0:
        if rule.pattern.search(text, max(0, at - _WINDOW), at + _WINDOW) is not None:
            return True
        at = text.find(rule.around, at + 1)
    return False


def check_blanks(line: Line, found: Found) -> bool:
    """Whether a long line has a run of blanks that must not reach a tokenizer; adds the finding."""
    for path, text, _ in texts_of(line):
        if len(text) >= BLANKS and _BLANKS.search(text):
            found.append(Defect("whitespace_run", path, f"the text holds more than {BLANKS:,} blanks in a row"))
            return True
    return False


def texts_of(line: Line) -> Iterator[tuple[str, str, bool]]:
    """Yield path, text and whether the model learns to say it, for every text of a line but its declarations."""
    if isinstance(line, CompletionLine):
        yield "prompt", line.prompt, False
        yield "completion", line.completion, True
    elif isinstance(line, PreferenceLine):
        yield from _texts_of(line.input.messages, "input.messages")
        yield from _texts_of(line.preferred_output, "preferred_output")
        yield from _texts_of(line.non_preferred_output, "non_preferred_output")
    else:
        yield from _texts_of(line.messages, "messages")


def _texts_of(messages: Sequence[AnyMessage], path: str) -> Iterator[tuple[str, str, bool]]:
    for at, message in enumerate(messages):
        content = getattr(message, "content", None)
        answer = isinstance(message, Assistant)
        if isinstance(content, str):
            yield f"{path}[{at}].content", content, answer
        elif is_list(content):
            for part_at, part in enumerate(content):
                if isinstance(part, TextPart):
                    yield f"{path}[{at}].content[{part_at}].text", part.text, answer
        if isinstance(message, Assistant):
            for call_at, call in enumerate(message.tool_calls or ()):
                yield f"{path}[{at}].tool_calls[{call_at}].function.arguments", call.function.arguments, answer
