"""What pipelines leave behind: control and template tokens, placeholders, broken and hidden characters, markup."""

import re

from service.core.dataset.rules.rule import rule

_CODE = re.compile(
    r"(?m)^\s*(?:def |class |import |from \w+ import|#include|function |const |let |var |public |private "
    r"|SELECT |curl |echo )"
    r"|=> ?[{(]|\bconsole\.log|\bprint(?:f|ln)?\(|\breturn [^\n]*;|[{;]\s*$|\bf[\"']|`"
)
_FIELD = (
    r"(?:[a-z]+_){0,3}(?:name|id|date|number|email|address|city|company|product|amount|title|topic|user|customer|order"
    r"|answer|question|text|input|context|url|link)"
)
_TITLE = (
    r"(?:(?:First|Last|Full|Company|Customer|Client|User|Product|Recipient(?:['’]s)?|Sender|Order|Account"
    r"|Store|Business"
    r"|Agent|Manager|Insert) )?(?:Name|Number|Date|ID|Title|Company|Amount|Position|Link)"
)
_UPPER = r"(?:[A-Z]+[_ ]){0,4}(?:NAME|NUMBER|DATE|ID|COMPANY|PRODUCT|HERE|TITLE|URL|LINK|AMOUNT|CITY|CODE|ANSWER|TEXT)"
_ASKED = r"(?:[Ii]nsert|INSERT|[Yy]our|YOUR|[Ee]nter|ENTER|PLACEHOLDER|[Pp]laceholder|TODO|TBD|FIXME)"


def _is_prose(_match: str, text: str) -> bool:
    return _CODE.search(text) is None


def _is_word_of_two_scripts(match: str, _text: str) -> bool:
    """Whether a word has letters of the Latin script and, beside these, only such as look like them."""
    return any(sign.isascii() for sign in match) and not match.isascii()


TOKENS = (
    rule(
        "control_token",
        r"<\|(?:endoftext|endofprompt|startoftext|fim_(?:prefix|middle|suffix)|im_(?:start|end|sep))\|>",
        "the text holds a control token of the tokenizer",
    ),
    rule(
        "template_tokens",
        r"<\|(?!endoftext|endofprompt|startoftext|fim_)[A-Za-z][A-Za-z0-9_]{0,30}\|>|\[/?INST\]|<</?SYS>>"
        r"|<(?:start|end)_of_turn>"
        r"|\A\s*<s>(?!.*</s)|<s>\s*\[INST|</s>\s*\Z|<bos>|<eos>\s*\Z|<｜(?:User|Assistant|(?:begin"
        r"|end)▁of▁sentence)｜>|\[gMASK\]",
        "the text holds a token of a chat template",
        hint=(
            r"(?:<|\\u003[cC])(?:\|[A-Za-z][A-Za-z0-9_]*\||<\\?/?SYS|start_of_t|end_of_t|\\?/?s(?:>"
            r"|\\u003[eE])|[be]os|\xef\xbd\x9c|\\u(?i:ff5c))"
            r"|INST\]|gMASK\]"
        ),
    ),
    rule(
        "template_tokens",
        r"\A\s*(?:### ?)?(?:Assistant|ASSISTANT|Human|HUMAN|Bot|BOT) ?: |### ?(?:Instruction|Response|Human"
        r"|Assistant) ?:"
        r"|\n\s*(?:Human|HUMAN) ?: |\bUSER: (?:[^\nU]|U(?!SER: )){0,2000}\bASSISTANT: ",
        "the answer holds the labels of a prompt's template",
        within="answers",
    ),
)
PLACEHOLDERS = (
    rule(
        "placeholder",
        rf"\{{\{{ ?[A-Za-z_][A-Za-z0-9_. ]{{0,40}}\}}\}}|\[{_ASKED}\b[^\]\n]{{0,60}}\](?!\()|\[{_TITLE}\](?!\()"
        rf"|\[{_UPPER}\](?!\()|<{_ASKED}[ _][^<>\n]{{1,40}}>|<{_ASKED}>|<[A-Z]+_[A-Z_]+>|[Ll]orem ipsum",
        "a placeholder was never filled in",
        prose=True,
    ),
    rule(
        "placeholder",
        rf"(?<![A-Za-z0-9$\{{])\$?\{{{_FIELD}\}}(?!\}})|\$\{{[a-z][A-Za-z_]*\}}|(?:Hi|Hello|Dear|Hey),? (?:%s\b"
        rf"|XXX+\b)|(?:Regards|Sincerely),?\s+XXX+\b",
        "a placeholder was never filled in",
        prose=True,
        confirm=_is_prose,
    ),
    rule(
        "placeholder",
        r"\A\s*[\[<(]?(?:TODO|TBD|FIXME|XXX)[\]>)]?(?:\s*[:\-–—]|\W*\Z| (?:write|fill|add|answer|complete"
        r"|finish|check|later|here|this)\b)"
        r"|\b(?:is|are|=|:) TBD\W*\Z|\A\W*(?:PLACEHOLDER|placeholder|[Ss]ample (?:answer|text))\W*\Z"
        r"|\A\W*(?:[A-Za-z]+ )?(?:[Aa]nswer|[Rr]esponse|[Tt]ext|[Cc]ontent|[Cc]ompletion)(?: goes)? here\W*\Z",
        "the text was left to be written",
        within="turns",
    ),
)
_SHIFT_JIS = "縺.{1,2}縺|繧.{1,2}縺|縺.{1,2}繧|繝.{1,2}繝|繧.{1,2}繝|繝.{1,2}繧"
_HIGH = (
    "\u00a0-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2026\u2030\u2039\u203a"
    "\u20ac\u2122"
)
CHARACTERS = (
    rule(
        "mojibake",
        f"Ã[{_HIGH}]|Â[\u00a0-\u00bf]|â€[{_HIGH}]|â„¢|â‚¬|ï»¿|[\u0080-\u0084\u0086-\u009f]|\ufffd"
        f"|ã[^\\sA-Za-z0-9,.;:!?'\"()-]{{1,2}}ã"
        f"|(?:[ÐÑ][{_HIGH}]){{3}}|(?:[äåæçèé][{_HIGH}]{{2}}){{2}}|{_SHIFT_JIS}|锟斤拷",
        "the text was decoded with the wrong character set",
        hint=(
            r"\xc3\x83[\xc2\xc5\xc6\xcb\xe2]|\xc3\x82\xc2|\xc3\xa2(?:\xe2\x82\xac|\xe2\x80\x9a|\xe2\x84)"
            r"|\xc3\xaf\xc2\xbb"
            r"|[^\xc2-\xff]\xc2[\x80-\x9f]|[\xc3-\xf4][\x80-\xbf]{1,2}\xc2[\x80-\x9f]|\xef\xbf\xbd"
            r"|\xc3\xa3[\xc2\xc5\xc6\xcb\xe2]|\xc3[\x90\x91][\xc2\xc5\xc6\xcb\xe2]"
            r"|\xc3[\xa4-\xa9](?:\xc2[\xa0-\xbf]|[\xc5\xc6\xcb]|\xe2[\x80\x82\x84]).{1,6}\xc3[\xa4-\xa9]"
            r"|\xe7\xb8\xba|\xe7\xb9[\xa7\x9d]|\xe9\x94\x9f\xe6\x96"
            r"|\\u00(?i:c[23]|e[2-9]|d[01])\\u(?i:00[89ab]|01[5679]|02[cd]|20|21)|\\u00[89][0-9a-fA-F]|\\u(?i:fffd"
            r"|7e3a|7e67|7e5d|951f)"
        ),
    ),
    rule(
        "invisible_characters",
        "[\u200b\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad\u3164\u180e\u0001-\u0008\u000e-\u001a"
        "\u001c-\u001f\u007f\u0000]"
        "|[A-Za-z][\u200c-\u200f]+[A-Za-z]|(?<![\U0001f3f4\U000e0000-\U000e007f])[\U000e0000-\U000e007f]",
        "the text holds invisible characters",
        hint=(
            r"\xe2\x80[\x8b\xaa-\xae]|\xe2\x81[\xa0-\xa4\xa6-\xa9]|\xef\xbb\xbf|\xc2\xad|\xe3\x85\xa4|\xe1\xa0\x8e"
            r"|\xf3\xa0[\x80\x81]|\x7f"
            r"|[A-Za-z]\xe2\x80[\x8c-\x8f]|\\u00(?:0[0-8eEfF]|1[0-9acdefACDEF]|7[fF]|[aA][dD])|\\u20(?i:0[b-f]"
            r"|2[a-e]|6[0-9])"
            r"|\\u(?i:feff|3164|180e|db40)"
        ),
    ),
    rule(
        "confusable_characters",
        r"(?<!\w)[A-Za-zасеорхуіѕјԁһАВСЕНІЈКМОРЅТХ]*(?:[A-Za-z][асеорхуіѕјԁһАВСЕНІЈКМОРЅТХ]"
        r"|[асеорхуіѕјԁһАВСЕНІЈКМОРЅТХ][A-Za-z])"
        r"[A-Za-zасеорхуіѕјԁһАВСЕНІЈКМОРЅТХ]*(?!\w)",
        "a word mixes Latin letters with Cyrillic ones that look alike",
        hint=r"[A-Za-z](?:[\xd0-\xd4][\x80-\xbf]|\\u0[45])|(?:[\xd0-\xd4][\x80-\xbf]|\\u0[45][0-9a-fA-F]{2})[A-Za-z]",
        confirm=_is_word_of_two_scripts,
    ),
    rule(
        "html_remains",
        r"&(?:nbsp|amp|quot|lt|gt|rsquo|lsquo|ldquo|rdquo|mdash|ndash|#\d{2,4}|#x[0-9a-fA-F]{2,4});"
        r"|</?(?:p|div|span|br|font|strong|em|ul|li|h[1-6])(?: [^<>\n]{0,200})?/?>",
        "the answer holds HTML",
        within="answers",
        prose=True,
        confirm=_is_prose,
        rare=True,
    ),
)  # fmt: skip
LEFTOVERS = TOKENS + PLACEHOLDERS + CHARACTERS
