"""What pipelines leave behind: control and template tokens, placeholders, broken and hidden characters, markup."""

import re

from service.core.dataset.code import is_code
from service.core.dataset.rules.rule import TextRule

_PROGRAM = re.compile(
    r"(?m)^[ \t]*(?:(?:async |export |public |private |static )*(?:def|function|class|const|let|var|import|from) [\w{*]"
    r"|#include|</?(?:div|template|html|span|ul|p)\b)|\)\s*\{\s*$|\bTemplate\("
)
_TEMPLATE = re.compile(r"\{\{[#/^]|\{%|<%|\\[a-z]+\{")
_LEFTWARDS = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_FIELD = (
    r"(?:[a-z]+_){0,3}(?:name|id|date|number|email|address|city|company|product|amount|title|topic|user|customer"
    r"|order"
    r"|answer|question|text|input|context|url|link)"
)
_TITLE = (
    r"(?:(?:First|Last|Full|Company|Customer|Client|User|Product|Recipient(?:['’]s)?|Sender|Order|Account"
    r"|Store|Business"
    r"|Agent|Manager|Insert) )?(?:Name|Number|Date|ID|Title|Company|Amount|Position|Link)"
)
_UPPER = (
    r"(?:(?!STARTS?|ENDS?|BEGINS?)[A-Z]+[_ ]){0,4}"
    r"(?:NAME|NUMBER|DATE|ID|COMPANY|PRODUCT|HERE|TITLE|URL|LINK|AMOUNT|CITY|CODE|ANSWER|TEXT)"
)
_BLANK = (
    r"(?:(?:your|first|last|full|company|customer|client|user|product|recipient|sender|order|account|phone"
    r"|email)[ _])?"
    r"(?:name|email(?: address)?|address|amount|date|company|phone number|order number|link|url|job title|product"
    r"|customer)"
)
_NAMED = r"(?:お客様|ご?担当者?|会社|商品|お?)名前?|氏名|日付|金額|住所|お?電話番号|姓名|公司名称?|日期|이름"
_ASKED = r"(?:[Ii]nsert|INSERT|[Yy]our|YOUR|[Ee]nter|ENTER|PLACEHOLDER|[Pp]laceholder|TODO|TBD|FIXME)"


def _is_prose(_match: str, text: str) -> bool:
    return not is_code(text)


def _is_no_lesson(_match: str, text: str) -> bool:
    """Whether a text does not explain the error that it shows."""
    return re.search(r"(?i)excel|sheet|formula|cell|error|javascript|string|number", text) is None and _is_prose(
        "", text
    )


def _is_left(match: str, text: str) -> bool:
    """Whether a placeholder stands in a text that is no template itself, nor a program that fills in its {{name}};
    【商品名】 is a heading but before a title."""
    if match.startswith("{{") and _PROGRAM.search(text) is not None:
        return False
    if match[0] == "【" and match[-1] == "】":
        return False
    return _TEMPLATE.search(text) is None and (not match[1:2].islower() or _is_prose(match, text))


def _is_hidden(match: str, text: str) -> bool:
    """Whether invisible characters have no work to do: marks of direction have, beside a script that runs leftwards."""
    return set(match) - set("\u200e\u200f") != set() or _LEFTWARDS.search(text) is None


def _is_word_of_two_scripts(match: str, _text: str) -> bool:
    """Whether a word has letters of the Latin script and, beside these, only such as look like them."""
    return any(sign.isascii() for sign in match) and not match.isascii()


TOKENS = (
    TextRule(
        "control_token",
        r"<\|(?:endoftext|endofprompt|startoftext|fim_(?:prefix|middle|suffix)|im_(?:start|end|sep))\|>",
        "the text holds a control token of the tokenizer",
    ),
    TextRule(
        "template_tokens",
        r"<\|(?!endoftext|endofprompt|startoftext|fim_)[A-Za-z][A-Za-z0-9_]{0,30}\|>|\[/?INST\]|<</?SYS>>"
        r"|<(?:start|end)_of_turn>"
        r"|\A\s*<s>(?!.*</s)|<s>\s*\[INST|</s>\s*\Z|<bos>|<eos>\s*\Z|<[｜|](?:User|Assistant|(?:begin"
        r"|end)▁of▁sentence)[｜|]>|\[gMASK\]|<extra_id_\d+>|\A\s*(?:\[BOS\]|<pad>)|(?:\[EOS\]|<pad>|<unk>)\s*\Z",
        "the text holds a token of a chat template",
    ),
    TextRule(
        "template_tokens",
        r"\A\s*(?:### ?)?(?:Assistant|ASSISTANT|Human|HUMAN|Bot|BOT) ?: |### ?(?:Instruction|Response|Human"
        r"|Assistant) ?:"
        r"|\n[ \t]*(?:Human|HUMAN) ?: |\n[ \t]*User ?: [^\n]{1,300}\n[ \t]*Assistant ?: "
        r"|\bUSER: (?:[^\nU]|U(?!SER: )){0,2000}\bASSISTANT: ",
        "the answer holds the labels of a prompt's template",
        within="answers",
    ),
    TextRule(
        "template_tokens",
        r"</?think>|\[(?:PAD|MASK|CLS|SEP|TOOL_CALLS)\]|</?tool_(?:call|response)s?>|<image>|<function_calls>"
        r"|<invoke name=|<unk>|<s> |\bcite[^ ]?turn\d+[a-z]+\d+|【\d+(?::\d+)?†[^】\n]{0,60}】"
        r"|:contentReference\[oaicite:\d+\]",
        "the answer holds a mark that belongs to a model's own format",
        within="answers",
        prose=True,
        rare=True,
    ),
)
PLACEHOLDERS = (
    TextRule(
        "placeholder",
        rf"\{{\{{ ?[A-Za-z_][A-Za-z0-9_. ]{{0,40}}\}}\}}|\[{_ASKED}\b[^\]\n]{{0,60}}\](?!\()|\[{_TITLE}\](?!\()"
        rf"|\[{_UPPER}\](?!\()|(?<![\w\])])\[{_BLANK}\](?![\[(:=\w])|\bDear (?:Mr\.? |Ms\.? "
        rf"|Mrs\.? )?\[[A-Z][A-Za-z ]+\]"
        rf"|%(?:[A-Z]+_)?(?:NAME|EMAIL|DATE|ADDRESS|COMPANY|NUMBER)%|\b__(?:[A-Z]+_)?(?:NAME|EMAIL|ADDRESS|COMPANY)__"
        rf"|\bINSERT_[A-Z_]*HERE\b|\$XX+\b|\bXXX-XXX+\b|[<\[(](?:[Ii]nsert|[Yy]our|[Aa]dd|[Pp]ut|[Tt]ext|[Aa]nswer"
        rf"|[Nn]ame)\b[A-Za-z ]{{0,30}} here[>\])](?!\()"
        rf"|[\[［{{【](?:{_NAMED})[\]］}}】]+(?:様|さん|殿|先生|님)?|[〇○◯]{{2,}}様|株式会社[〇○◯]{{2,}}"
        rf"|<{_ASKED}[ _][^<>\n]{{1,40}}>|<{_ASKED}>|<[A-Z]+_[A-Z_]+>|[Ll]orem ipsum",
        "a placeholder was never filled in",
        prose=True,
        confirm=_is_left,
    ),
    TextRule(
        "placeholder",
        rf"\{{(?<![A-Za-z0-9$\{{]\{{){_FIELD}\}}(?!\}})|\$(?<![A-Za-z0-9$\{{]\$)\{{{_FIELD}\}}(?!\}})|\$\{{[a-z]"
        rf"[A-Za-z_]*\}}|H(?:i|ello|ey),? (?:%s\b|XXX+\b)|Dear,? (?:%s\b|XXX+\b)|Regards,?\s+XXX+\b"
        rf"|Sincerely,?\s+XXX+\b",  # a sign or letter first in each: nine times as fast
        "a placeholder was never filled in",
        prose=True,
        confirm=_is_prose,
    ),
    TextRule(
        "placeholder",
        r"(?:Dear|Hello|Hi),? <%=|@@[a-z_]{2,30}@@"
        r"|<(?<![A-Za-z0-9/=\"'(]<)(?:company|customer|first|last|user|product|order|your)_[a-z]{2,12}>"
        r"|\bTODO:? (?:add|write|check|fill|insert|fix|complete)\b"
        r"|\[[A-ZÄÖÜ][\w ]{0,30} (?:einfügen|eintragen|einsetzen)\]"
        r"|\[(?:[Ii]nsérer|[Ii]nsertar|[Ii]nserisci|[Ii]nserir) [^\]\n]{1,40}\]",
        "a placeholder was never filled in",
        prose=True,
        confirm=_is_prose,
    ),
    TextRule(
        "placeholder",
        r"\[object Object\]|#(?:REF|DIV/0|VALUE)!|\$NaN\b",
        "a program's error stands where a value should",
        within="answers",
        prose=True,
        confirm=_is_no_lesson,
        rare=True,
    ),
    TextRule(
        "placeholder",
        r"\A\W*(?:undefined|nan(?: nan)+|\[[Tt]o be (?:completed|written|filled|added)[^\]\n]{0,40}\]"
        r"|[Tt]his is an? (?:placeholder|dummy|sample|test) (?:answer|text|response)"
        r"|[Ss]ample (?:answer|response)(?: text)? goes here)\W*\Z"
        r"|\A\s*(?:Error: (?:rate limit|429|timeout|timed out)|\{\"error\": ?\{ ?\"message\": ?\"Rate limit"
        r"|(?:429 Too Many Requests|500 Internal Server Error|50[234] [A-Z][a-z]+ [A-Z][A-Za-z]+)\s*\Z)",
        "an answer was never given",
        within="answers",
        confirm=_is_prose,
        rare=True,
    ),
    TextRule(
        "placeholder",
        r"\A\s*[\[<(]?(?:TODO|TBD|FIXME|XXX)[\]>)]?(?:\s*[:\-–—]|\W*\Z| (?:write|fill|add|answer|complete"
        r"|finish|check|later|here|this)\b)"
        r"|\b(?:is|are|=|:) TBD\W*\Z|\A\W*(?:PLACEHOLDER|placeholder|[Ss]ample (?:answer|text))\W*\Z"
        r"|\A\W*(?:[A-Za-z]+ )?(?:[Aa]nswer|[Rr]esponse|[Tt]ext|[Cc]ontent|[Cc]ompletion)(?: goes)? here\W*\Z"
        r"|\A\s*<(?:answer|response|text|completion|output|your answer)>\s*\Z"
        r"|(?:ここに|在此)(?:回答|答え|テキスト|文章|本文|内容|輸入|输入)?を?(?:入力|入れ|書|记|记入|写|回答|答案|内容)",
        "the text was left to be written",
        within="turns",
    ),
)
CHARACTERS = (
    TextRule(
        "invisible_characters",
        "[\ue000-\uf8ff\ufff9-\ufffb\ufffe\uffff\u200b\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad\u3164\u180e\u0001-\u0008\u000e-\u001f"
        "\u007f\u0000]"
        "|(?<![^\u0000-\u007f])[\u200c-\u200f]+(?![^\u0000-\u007f])"
        "|(?<![\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\U000e0100-\U000e01ef])[\U000e0100-\U000e01ef]"
        "|(?<![\U0001f3f4\U000e0000-\U000e007f])[\U000e0000-\U000e007f]",
        "the text holds invisible characters",
        confirm=_is_hidden,
    ),
    TextRule(
        "confusable_characters",
        r"(?<!\w)[A-Za-zасеорхуіѕјԁһАВСЕНІЈКМОРЅТХ]*(?:[A-Za-z][асеорхуіѕјԁһАВСЕНІЈКМОРЅТХ]"
        r"|[асеорхуіѕјԁһАВСЕНІЈКМОРЅТХ][A-Za-z])"
        r"[A-Za-zасеорхуіѕјԁһАВСЕНІЈКМОРЅТХ]*(?!\w)",
        "a word mixes Latin letters with Cyrillic ones that look alike",
        confirm=_is_word_of_two_scripts,
    ),
    TextRule(
        "html_remains",
        r"&(?:nbsp|amp|quot|lt|gt|rsquo|lsquo|ldquo|rdquo|mdash|ndash|#\d{2,4}|#x[0-9a-fA-F]{2,4});"
        r"|<!--|<!\[CDATA\[|\[/(?:b|i|u|url|quote|img|size|color)\]"
        r"|</?(?:p|div|span|br|font|strong|em|ul|li|h[1-6]|a|b|i|sub|sup|script|style|table"
        r"|tr|td|th|img)(?: [^<>\n]{0,200})?/?>",
        "the answer holds HTML",
        within="answers",
        prose=True,
        confirm=_is_prose,
        rare=True,
    ),
)  # fmt: skip
LEFTOVERS = TOKENS + PLACEHOLDERS + CHARACTERS
