"""The rules of the texts: what each looks for, and the bytes without which no line can break it."""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from service.core.dataset.numbers import is_card, is_iban, is_phone

Anchor = bytes | tuple[bytes, ...]
"""Three bytes or more that a line holds in a row; in a tuple, each place has its choice of bytes."""

_DIGIT = b"0123456789"
_UPPER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER = _UPPER.lower()
_ALNUM = _DIGIT + _UPPER + _LOWER
_BETWEEN = _DIGIT + b" -"


class TextRule(NamedTuple):
    """One pattern.

    `anchors` are what the raw line must hold one of. `within` limits the rule to what the model learns to say, or to
    all but system prompts. `around` is a text near which alone the pattern is searched; with `starts` it must stand at
    the text's beginning. `confirm` has the last word on a match; `prose` leaves out code.
    """

    code: str
    anchors: tuple[Anchor, ...]
    pattern: re.Pattern[str]
    message: str
    within: Literal["all", "answers", "turns"] = "all"
    around: str | None = None
    starts: bool = False
    confirm: Callable[[str], bool] | None = None
    prose: bool = False


def _leaves_code_open(text: str) -> bool:
    return text.count("```") % 2 == 1


SPACED_KEY = TextRule(
    "repeated_key",
    (b'" :', b'"\t:', b'"\r:'),
    re.compile(r"(?!)"),
    "no text breaks this rule: a line with blanks before a colon may hide a repeated key, and is read again for it",
)
RULES = (
    SPACED_KEY,
    TextRule(
        "control_token",
        ((b"<", b"|", _LOWER), b"\\u003c|", b"\\u003C|"),
        re.compile(r"<\|(?:endoftext|endofprompt|startoftext|fim_(?:prefix|middle|suffix)|im_(?:start|end|sep))\|>"),
        "the text holds a control token of the tokenizer",
    ),
    TextRule(
        "template_tokens",
        ((b"<", b"|", _LOWER), b"\\u003c", b"\\u003C", b"INST]", b"<<SYS", b"_of_turn>", b"</s>", "<｜".encode()),
        re.compile(
            r"<\|(?:im_(?:start|end|sep)|begin_of_text|end_of_text|eot_id|eom_id|(?:start|end)_header_id|system|user"
            r"|assistant|end|endofturn)\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</s>\s*\Z"
            r"|<｜(?:User|Assistant|(?:begin|end)▁of▁sentence)｜>"
        ),
        "the text holds a token of a chat template",
    ),
    TextRule(
        "secret_detected",
        (
            (b"s", b"k", b"-", *[_ALNUM + b"-_"] * 5),
            (b"A", b"K", b"I", b"A", _UPPER + _DIGIT, _UPPER + _DIGIT),
            (b"A", b"S", b"I", b"A", _UPPER + _DIGIT, _UPPER + _DIGIT),
            (b"g", b"h", b"pousr", b"_", _ALNUM, _ALNUM),
            (b"b", b"_", b"p", b"a", b"t", b"_"),
            (b"x", b"o", b"x", b"abeprs", b"-", _ALNUM),
            (b"A", b"I", b"z", b"a"),
            (b"P", b"R", b"I", b"V", b"A", b"T"),
            (b"e", b"y", b"J", *[_ALNUM] * 5),
            (b"g", b"l", b"p", b"a", b"t", b"-"),
            (b"h", b"f", b"_", *[_ALNUM] * 5),
            (b"s", b"k", b"_", b"lt", b"ie", b"vs"),
            (b"S", b"G", b".", _ALNUM + b"-_", _ALNUM + b"-_", _ALNUM + b"-_"),
        ),
        re.compile(
            r"s(?<!\w.)k-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}|A(?<!\w.)[KS]IA[0-9A-Z]{16}\b|g(?<!\w.)h[pousr]_[A-Za-z0-9]{36}\b"
            r"|g(?<!\w.)ithub_pat_\w{22,}|x(?<!\w.)ox[abeprs]-[A-Za-z0-9-]{10,}|A(?<!\w.)Iza[\w-]{35}"
            r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|e(?<!\w.)yJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}|g(?<!\w.)lpat-[\w-]{20}"
            r"|h(?<!\w.)f_[A-Za-z0-9]{30,}|s(?<!\w.)k_(?:live|test)_[A-Za-z0-9]{20,}|S(?<!\w.)G\.[\w-]{20,24}\.[\w-]{40,46}"
        ),
        "the text holds what looks like a key or token",
    ),
    TextRule(
        "personal_data",
        ((_ALNUM + b"_.+-", b"@", _ALNUM), b"\\u0040"),
        re.compile(
            r"(?<![\w.+-])(?!(?:git|noreply|no-reply)@)[\w.+-]+@(?!example\.|localhost)[A-Za-z0-9-]+"
            r"(?:\.[A-Za-z0-9-]+)*\.(?!test\b|invalid\b|local\b|example\b|png\b|jpg\b|svg\b|md\b|py\b|js\b)[a-z]{2,10}\b"
        ),
        "the text holds an e-mail address",
        around="@",
    ),
    TextRule(
        "personal_data",
        ((b"+", _DIGIT, _BETWEEN + b".(", _BETWEEN + b".()", _BETWEEN + b".()"), (_DIGIT, b"-", *[_DIGIT] * 4)),
        re.compile(
            r"\+(?<![\w+.*/-]\+)[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}(?![\w.]?\d)"
            r"|\((?<!\w\()\d{3}\) ?\d{3}-\d{4}(?![\w-])"
            r"|\d(?<![\w.,/-].)\d\d-\d{3}-\d{4}(?![\w-])"
        ),
        "the text holds a telephone number",
        confirm=is_phone,
    ),
    TextRule(
        "personal_data",
        tuple(
            (*start, _DIGIT, _DIGIT, between, _DIGIT, _DIGIT, _DIGIT)
            for start in ((b"4", _DIGIT), (b"5", b"12345"), (b"3", b"47"), (b"6", b"045"))
            for between in (_DIGIT, b" -")
        ),
        re.compile(
            r"[3-6](?<![\w.,/-].)(?:\d{12,18}|\d{3}(?:([ -])\d{4}(?:\1\d{4}){2}|([ -])\d{6}\2\d{5}))(?![\w-]|\.\d)"
        ),
        "the text holds a payment card number",
        confirm=is_card,
    ),
    TextRule(
        "personal_data",
        ((_UPPER, _UPPER, _DIGIT, _DIGIT, b" " + _DIGIT + _UPPER, *[_DIGIT + _UPPER] * 3),),
        re.compile(r"[A-Z](?<!\w.)[A-Z]\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"),
        "the text holds a bank account number (IBAN)",
        confirm=is_iban,
    ),
    TextRule(
        "personal_data",
        ((_DIGIT, b"-", _DIGIT, _DIGIT, b"-", *[_DIGIT] * 3),),
        re.compile(r"\d(?<![\w.,/-].)(?<!9)(?!00|66)\d\d-(?!00)\d\d-(?!0000)\d{4}(?![\w-]|\.\d)"),
        "the text holds a US social security number",
    ),
    TextRule(
        "placeholder",
        (
            (b"{", b"{", _ALNUM + b"_ "),
            *(b"[INSERT", b"[YOUR", b"[PLACEHO", b"[Insert", b"[Your ", b"<INSERT", b"<YOUR"),
            *(b"ipsum", b"[Name]", b"[Date]", b"[Company", b"[Custome"),
        ),
        re.compile(
            r"\{\{\s*[A-Za-z_][\w.]*\s*\}\}|\[(?:INSERT|YOUR|PLACEHOLDER|Insert|Your)\b[^\]\n]{0,60}\](?!\()"
            r"|\[(?:Name|Date|(?:Company|Customer) Name)\](?!\()"
            r"|<(?:INSERT|YOUR)[ _A-Z]{1,40}>|[Ll]orem ipsum"
        ),
        "a placeholder was never filled in",
        prose=True,
    ),
    TextRule(
        "placeholder",
        tuple(
            before + start for before in (b'"', b'" ', b'"[', b'"<', b'"(') for start in (b"TODO", b"TBD", b"FIXME")
        ),
        re.compile(r"\s*[\[<(]?(?:TODO|TBD|FIXME)[\]>)]?(?::|\W*\Z)"),
        "the text was left to be written",
        within="turns",
        starts=True,
    ),
    TextRule(
        "invisible_characters",
        (*(b"\xe2\x80" + last for last in (b"\x8b", b"\xaa", b"\xab", b"\xac", b"\xad", b"\xae")), b"\xe2\x81\xa0",
         *(b"\xe2\x81" + bytes((last,)) for last in range(0xA6, 0xAA)), b"\xef\xbb\xbf",
         *(rf"\u{code:04x}".encode() for code in (0x200B, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A))),
         *(rf"\u{code:04X}".encode() for code in (0x200B, *range(0x202A, 0x202F), 0xFEFF)), b"\\ufeff"),
        re.compile("[\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff]"),
        "the text holds invisible characters",
    ),
    TextRule(
        "mojibake",
        (
            *(b"\xc3\x83\xc2", b"\xc3\xa2\xe2\x82\xac", b"\xef\xbf\xbd"),
            *(b"\\u00c3", b"\\u00C3", b"\\u00e2\\u", b"\\u00E2\\u", b"\\ufffd", b"\\uFFFD"),
        ),
        re.compile("Ã[\u0080-\u00bf]|â€[\u0080-\u00bf™œ¦“”˜]|\ufffd"),
        "the text was decoded with the wrong character set",
    ),
    TextRule(
        "refusal",
        (
            *(
                before + start
                for before in (b'"', b'" ')
                for start in (
                    *(b"I'm", b"I am", b"I can", b"I\xe2\x80\x99", b"I\\u2019", b"I apo"),
                    *(b"Sorry", b"Unfo", b"As an"),
                )
            ),
            *(b'"i\'m', b'"i am', b'"i can', b'"sorry'),
        ),
        re.compile(
            r"(?i)\W*(?:(?:i['’]m|i am) (?:very |so |really )?sorry,? but (?:i|as)\b"
            r".{0,40}(?:can(?:no|['’])t|unable|not able)"
            r"|(?:sorry|unfortunately|i apologi[sz]e),? (?:but )?i (?:can(?:no|['’])t|am unable|am not able)"
            r"|i (?:can(?:no|['’])t|am (?:unable|not able) to) "
            r"(?:help|assist|provide|comply|fulfil|answer|do that|discuss)"
            r"|as an ai\b)"
        ),
        "the answer refuses",
        within="answers",
        starts=True,
    ),
    TextRule(
        "refusal",
        (b"AI langu",),
        re.compile(r"(?i)\bas an ai language model\b"),
        "the answer speaks as a language model",
        within="answers",
        around="AI language model",
    ),
    TextRule(
        "truncated_completion",
        (b"```",),
        re.compile(r"(?s).+"),
        "the answer opens a block of code and does not close it",
        within="answers",
        confirm=_leaves_code_open,
    ),
    TextRule(
        "prompt_injection",
        (
            *(before + after for before in (b"gnore ", b"egard ") for after in (b"al", b"an", b"pr", b"th", b"yo")),
            *(b"rget all", b"rget you", b"rget pre", b"rget any", b"GNORE AL", b"GNORE PR", b"GNORE TH"),
        ),
        re.compile(
            r"(?:[Ii]gnore|[Dd]isregard|[Ff]orget|IGNORE|DISREGARD|FORGET) (?i:(?:all |any |the |your |of )*"
            r"(?:previous|prior|above|earlier|preceding) (?:system )?(?:instructions?|prompts?|rules|directions)\b)"
        ),
        "the text tells the model to ignore its instructions",
        within="turns",
    ),
    TextRule(
        "abusive_text",
        (b"ck you", b"ck off", b"kill you", b"tupid ", b"diot"),
        re.compile(
            r"(?i)\b(?:fuck (?:you|off)\b|(?:go )?(?:and )?kill yourself\b"
            r"|you(?:['’]re| are)? (?:an? |such an? |just an? )?"
            r"(?:fucking |complete |total |worthless |pathetic |stupid )+(?:idiot|moron|fool|loser|piece of)\b"
            r"|you (?:stupid |fucking )?(?:idiot|moron)\b)"
        ),
        "the answer insults its reader",
        within="answers",
    ),
)  # fmt: skip
