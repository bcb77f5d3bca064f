"""Data that names a person: addresses, numbers with check digits, and numbers beside the word that says what"
" they are."""

import re

from service.core.dataset.numbers import is_card, is_iban, is_phone, is_told_phone
from service.core.dataset.rules.rule import TextRule

_B = r"(?<![A-Za-z0-9.,/_-])"
_CARD = r"[2-6](?<![A-Za-z0-9.,/_-][2-6])"  # the set first, what must not stand before it then: twice as fast
_E = r"(?![A-Za-z0-9_-]|\.\d)"
_ROLES_TEXT = (
    "abuse accounts admin administrator billing careers contact contactus customercare customerservice "
    "demo email enquiries events example feedback finance git hello help helpdesk hi hr info inquiries "
    "jobs legal mail marketing me media name news newsletter no-reply no_reply noreply office orders "
    "partners payments postmaster press privacy recruiting reply returns root sales security service "
    "services shop someone somebody subscribe support team test tickets unsubscribe user username "
    "webmaster welcome you your.email your.name youremail yourname"
)
_ROLES = frozenset(_ROLES_TEXT.split())
_FILES_TEXT = "png jpg jpeg gif svg md py js ts css html json yml yaml txt pdf csv test invalid local"
_FILES = frozenset(_FILES_TEXT.split())
_RESERVED = re.compile(r"(?i)@(?:[a-z0-9-]+\.)*(?:example\.[a-z.]+|[a-z0-9-]+\.example|localhost\S*)\Z")
_NAMES = re.compile(r"[A-Za-z]{2,}[._][A-Za-z]{2,}\d{0,4}@")
_LOGIN, _BREAK = 200, re.compile(r"[\s/]")
_TOLL_FREE = re.compile(r"\D*1?\D*(?:8(?:00|33|44|55|66|77|88)|900)\D")


def _is_address(match: str, text: str) -> bool:
    """Whether an e-mail address is a person's: no role, no file, and on reserved domains at least a full name."""
    name, _, domain = match.lower().partition("@")
    if name in _ROLES or domain.rpartition(".")[2] in _FILES:
        return False
    if "://" in text and _follows_scheme(match, text):  # a password before a host
        return False
    reserved = ("example" in domain or "localhost" in domain) and _RESERVED.search(match)
    return _NAMES.match(match) is not None if reserved else True


def _follows_scheme(match: str, text: str) -> bool:
    at = text.find(match)
    while at >= 0:
        scheme = text.rfind("://", max(0, at - _LOGIN), at)
        if scheme >= 0 and not _BREAK.search(text, scheme + 3, at):
            return True
        at = text.find(match, at + 1)
    return False


def _is_number(match: str, _text: str) -> bool:
    return is_phone(match) and not _TOLL_FREE.match(match)


def _is_told_number(match: str, _text: str) -> bool:
    """Whether what stands behind a word like "phone" is a number that one may call."""
    at = re.search(r"[+(\d]", match)
    return at is not None and is_told_phone(number := match[at.start() :]) and not _TOLL_FREE.match(number)


_PHONES = (
    r"\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}(?![\w.]?\d)"
    r"|\(\d{3}\) ?\d{3}[-.]\d{4}(?![\w-])|\d{3}-\d{3}-\d{4}(?![0-9A-Za-z_-])|[2-9]\d\d\.\d{3}\.\d{4}(?![\w.-]?\d)"
    r"|0[5789]0-\d{4}-\d{4}(?![0-9-])|0\d-\d{4}-\d{4}(?![0-9-])|0\d{2}-\d{3}-\d{4}(?![0-9-])"
    r"|0[1-9](?:[ .]\d\d){4}(?![0-9.])|07\d{3} \d{6}(?!\d)|07\d{3} \d{3} \d{3}(?!\d)|01[567]\d[ /-]\d{7,8}(?!\d)"
)
_CALLED = (
    r"(?:\b(?:phone|telephone|tel|mobile|cell|fax|whatsapp|telefon|handy|tél|téléphone|móvil|teléfono"
    r"|call me(?: at| on)?"
    r"|text me(?: at| on)?|reach me (?:at|on))|電話番号?|携帯(?:電話)?(?:番号)?|手机号?码?|전화번호?)"
)

_STREET = (
    r"\d{1,5} (?:[NSEW]\.? )?[A-Z][a-z]+(?: [A-Z][a-z]+)? (?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr"
    r"|Boulevard|Blvd|Court|Ct|Way|Place|Terrace)\.?,? (?:(?:Apt|Unit|Suite)\.? \w{1,5},? )?[A-Z][A-Za-z ]{2,25},? "
    r"(?:[A-Z]{2} \d{5}(?!\d)|[A-Z]{1,2}\d[A-Z0-9]? \d[A-Z]{2}(?![A-Za-z0-9]))"
)
_STREETS = (
    r"(?:[Aa]dresse|[Aa]nschrift|wohne)[a-z ]{0,12}:? ?"
    r"[A-ZÄÖÜ][a-zäöüß]+(?:straße|str\.|strasse|weg|platz|allee|gasse) \d"
)
_WHOSE = r"(?:my|his|her|their|home|user|customer|client)(?:['’]s)? "
_HOSTS = (
    rf"\b(?:{_WHOSE}(?:home |public )?ip(?:v[46])?(?: address)?(?: is| was|:)?|log(?:in|ged in)(?: came)? from) "
    r"(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)"
    rf"|\b{_WHOSE}(?:home |public )?ip(?:v[46])?(?: address)?(?: is| was|:)? (?:[0-9a-f]{{1,4}}:){{4}}"
    rf"|\b(?:{_WHOSE})?[a-z'’]{{0,12}} ?mac address(?: is| was|:)? (?:[0-9a-f]{{2}}[:-]){{5}}[0-9a-f]{{2}}"
)
_PRIVATE = re.compile(
    r"\b(?:0|10|127|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254|203\.0\.113|198\.51\.100|192\.0\.2|[18]\.[18])\."
)
_HOME_AT = r"\b(?:live|lives|home is|house is) (?:at|near) -?\d{1,2}\.\d{4,}, ?-?\d{1,3}\.\d{4,}"


def _is_place(match: str, _text: str) -> bool:
    """Whether an address is not one of a private network, of documentation or of a public name server."""
    return "," in match or _PRIVATE.search(match) is None


PERSONAL = (
    TextRule(
        "personal_data",
        r"(?<![A-Za-z0-9._%+/-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,10}(?![A"
        r"-Za-z0-9-])",
        "the text holds an e-mail address",
        stands_for="EMAIL",
        hint=r"[A-Za-z0-9_.%+-]@[A-Za-z0-9.-]+\.[A-Za-z]",
        confirm=_is_address,
        needs="@",
        reach=64,
        hidden=True,
    ),
    TextRule(
        "personal_data",
        f"(?<![A-Za-z0-9.,/*_+-])(?:{_PHONES})",
        "the text holds a telephone number",
        stands_for="PHONE",
        confirm=_is_number,
        hidden=True,
    ),
    TextRule(
        "personal_data",
        rf"{_CALLED}(?: ?(?:no|number|nummer))?\.?(?: is| ist| es| est|は|是"
        rf"|는)?[ :：]{{0,2}}\+?\(?\d[\d ()./-]{{7,18}}\d(?![\d.])",
        "the text holds a telephone number",
        stands_for="PHONE",
        ignore_case=True,
        confirm=_is_told_number,
        hidden=True,
    ),
    TextRule(
        "personal_data",
        rf"{_CARD}(?:\d{{12,18}}|\d{{3}}(?:([ -])\d{{4}}(?:\1\d{{4}}){{2}}|([ -])\d{{6}}\2\d{{5}})){_E}",
        "the text holds a payment card number",
        stands_for="CARD",
        confirm=lambda match, _: is_card(match),
        hidden=True,
    ),
    TextRule(
        "personal_data",
        r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])",
        "the text holds a bank account number (IBAN)",
        stands_for="IBAN",
        confirm=lambda match, _: is_iban(match),
        hidden=True,
    ),
    TextRule(
        "personal_data",
        r"\b(?:(?:i|he|she|they|who) (?:now )?lives? at|i live at|residing at|(?:my|her|his|their|home"
        r"|private) address(?: is|:)"
        r"|住所は|住所[:：]) ?\d{1,5}[A-Za-z]? [A-Z][a-z]+|住所(?:は|[:：]) ?\S{1,20}\d",
        "the text holds a home address",
        stands_for="ADDRESS",
        ignore_case=True,
        hidden=True,
    ),
    TextRule(
        "personal_data",
        f"{_STREET}|{_STREETS}",
        "the text holds a home address",
        stands_for="ADDRESS",
        hidden=True,
    ),
    TextRule(
        "personal_data",
        f"{_HOSTS}|{_HOME_AT}",
        "the text tells where somebody is, by an address of a computer or by coordinates",
        stands_for="PLACE",
        ignore_case=True,
        confirm=_is_place,
        hidden=True,
    ),
    TextRule(
        "personal_data",
        r"(?:\b(?:date of birth|d\.?o\.?b\.?|birth ?date)(?: is|:)|生年月日(?:は"
        r"|[:：])) ?(?:\d{1,4}[-/.年 ]\d{1,2}[-/.月 ]\d{1,4}"
        r"|\d{1,2} [A-Za-z]{3,9} (?:19|20)\d\d|[A-Za-z]{3,9} \d{1,2},? (?:19|20)\d\d)",
        "the text holds a date of birth",
        stands_for="DATE",
        ignore_case=True,
        hidden=True,
    ),
    TextRule(
        "personal_data",
        rf"{_B}(?!9|00|66)\d\d\d-(?!00)\d\d-(?!0000)\d{{4}}{_E}",
        "the text holds a US social security number",
        stands_for="SSN",
        hidden=True,
    ),
)
