"""Texts that were decoded with the wrong character set, or not at all."""

from service.core.dataset.code import is_code
from service.core.dataset.decodings import (
    is_decomposed,
    is_foreign,
    is_latin,
    is_lesson,
    is_outside_address,
    is_twisted,
    is_wide,
)
from service.core.dataset.rules.rule import TextRule

_HIGH = (
    "\u00a0-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2026\u2030\u2039\u203a"
    "\u20ac\u2122"
)
_IN_VIETNAMESE = "¡-ª¬-¹¼-¿†‡‰ŠŸŽ€™œƒˆ˜"  # «está»… is Spanish
_MAC_ROMAN = "©°ºÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†¢£§•¶ß®™´¨≠ÆØ∞±≤≥¥µ∂∑∏∫ªæø"  # but π and Ω: 2a√π is mathematics
_AS_1250 = "©¶Ľź¤łŁ±Ş¨§˘‚„ş»ľˇ›™…"
_AS_1251 = "ЂЃѓЉЊЌЋЏђљњќћџЎўЈҐЄЇІіґёєјЅѕї‚„…†‡€‰‹™›\u00a0-\u00bf‘’“”•–—№"
_AS_KOI8 = "\u2500-\u25a0©°²·÷≈≤≥√∙⌠⌡"
_AS_866 = "А-Яа-п░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
_AS_437 = "⌐╝╢ñƒ▒íº¡ú¬«╗¿®á"
_AS_GBK = "锛銆鐨鍦鏄浠鎴涓鍒鍙鍚鏂鏈绗"
_SHIFT_JIS = "縺.{1,2}縺|繧.{1,2}縺|縺.{1,2}繧|繝.{1,2}繝|繧.{1,2}繝|繝.{1,2}繧"
_WRONG = "the text was decoded with the wrong character set"
_ESCAPED = "escapes of JSON stand in the text, which was encoded twice"
_ENCODED = "the text is still encoded as in a mail or an address"


def _is_single(_match: str, text: str) -> bool:
    """Whether a text that holds escapes is prose, and has no line breaks but those."""
    return "\n" not in text and not is_code(text) and not is_lesson(text)


def _is_escaped(match: str, text: str) -> bool:
    """Whether all quotation marks of a text in prose are escaped."""
    return text.count('"') == text.count('\\"') and _is_single(match, text)


def _is_encoded(match: str, text: str) -> bool:
    """Whether prose holds what was not decoded."""
    return not is_code(text) and not is_lesson(text) and ("%" not in match or is_outside_address(match, text))


UTF_8 = (
    TextRule(
        "mojibake",
        f"Ã[{_HIGH}]|[a-z]Ã(?![A-Za-z])|[A-Za-z]√[{_MAC_ROMAN}]|Â[\u00a0-\u00bf]"
        f"|[a-z]Â[ .,]|ðŸ[^\\s]|‚Ä[ôúùìî¶]|â€[{_HIGH}]|â„¢|â‚¬"
        f"|ï»¿|ï¿½|ï¼Œ|[\u0080-\u0084\u0086-\u009f]|\ufffd"
        f"|ã[^\\sA-Za-z0-9,.;:!?'\"()\u0300-\u036f-]{{1,2}}ã"
        f"|(?:[ÐÑÎÏØÙ×][{_HIGH}]){{3}}|(?:[äåæçèéêëìí][{_HIGH}][{_HIGH} ]){{2}}|(?:à[¤-¹][{_HIGH}]){{2}}"
        f"|[A-Za-z]á[º»][{_IN_VIETNAMESE}]|[a-z][ÄÅ][{_HIGH}]|[a-z][ĂĹ][{_AS_1250}]",
        _WRONG,
    ),
    TextRule(
        "mojibake",
        f"(?:[РС][{_AS_1251}]){{3}}|(?:[пя][{_AS_KOI8}]){{3}}|(?:[╨╤][{_AS_866}]){{3}}|[A-Za-z]├[{_AS_437}]"
        f"|ΓÇ[Öÿ£¥ôöªó]|{_SHIFT_JIS}|锟斤拷|[{_AS_GBK}][\u4e00-\u9fff€]{{1,5}}[{_AS_GBK}]|[A-Za-z,.]鈥"
        f"|[A-Za-z][茅眉枚盲脿猫莽帽](?=[a-z])|вЂ|[A-Za-z]Г[©¶±§јґі]|[A-Za-z]ﾃ[\uff61-\uff9f](?=[a-z])|[a-z]窶",
        _WRONG,
    ),
)
OTHERS = (
    TextRule(
        "mojibake",
        "(?:[¤¥][\u00a1-\u00ff]){2}[¤¥][\u00a6-\u00ff]|(?:ƒ[^\\s\u0192]){3}|[A-Za-z]Ÿ[a-z]|çăo|çőe|espańol|mańana"
        "|deðil|olduðu|larýn[ýad ]|siê[ ,.]|by³[aoy]|mo¿e[ ,.]|mo¿na|mùže|pøed|pøi[ptsj]|nìkte",
        _WRONG,
    ),
    TextRule("mojibake", "[\u00c0-\u00ff]{4,}", _WRONG, confirm=is_foreign),
    TextRule("mojibake", "[\u00a1-\u00ff]{8,}", _WRONG, confirm=is_wide),
    TextRule("mojibake", "[а-я][А-Я]{3,}", _WRONG, confirm=is_twisted),
    TextRule(
        "mojibake",
        "[a-z][йьцдЯизнкмбвштжюыглпч](?=[a-z])|[A-Z][йьцд](?=[a-z])|[a-z]{2}й(?![A-Za-z])",
        _WRONG,
        confirm=is_latin,
    ),
)
ESCAPES = (
    TextRule(
        "mojibake",
        r"[A-Za-z]\\u00[c-f][0-9a-f]|[.!?:]\\n\\n[A-Z0-9-]|(?:\\u[0-9a-fA-F]{4}){3}|\\u[dD]83[c-eC-E]\\u[dD]",
        _ESCAPED,
        within="turns",
        prose=True,
        confirm=_is_single,
    ),
    TextRule(
        "mojibake",
        r'\\"(?<![!-~]\\")[A-Za-z][^"\\\n]{1,80}\\"(?![A-Za-z0-9])',
        _ESCAPED,
        within="turns",
        prose=True,
        confirm=_is_escaped,
    ),
    TextRule(
        "mojibake",
        r"=(?:C3|C2|D0|D1)=[89AB][0-9A-F]|=E[23]=[89AB][0-9A-F]=[89AB][0-9A-F]|=\?(?:UTF|utf|ISO|iso)-[0-9-]{1,9}\?[BQbq]\?"
        r"|%20[A-Za-z]{1,20}%20[A-Za-z]|(?:%[CDcd][0-9A-Fa-f]%[89ABab][0-9A-Fa-f]){2}"
        r"|(?:%[Ee][0-9A-Fa-f]%[89ABab][0-9A-Fa-f]%[89ABab][0-9A-Fa-f]){2}",
        _ENCODED,
        prose=True,
        confirm=_is_encoded,
    ),
)
PIECES = (
    TextRule(
        "decomposed_characters",
        "[A-Za-zÀ-ɏΑ-ωА-яі][\u0300-\u0304\u0306-\u030c\u031b\u0323\u0326-\u0328]|[\u3046-\u30f2][\u3099\u309a]"
        "|[\u1100-\u1112][\u1161-\u1175]",
        "the text holds letters in pieces, a base and a mark each",
        confirm=is_decomposed,
    ),
)  # fmt: skip
ENCODINGS = (*UTF_8, *OTHERS, *ESCAPES, *PIECES)
