"""Numbers of identity documents, each told by its check digits, or by the word beside it where it has none."""

import re
from collections.abc import Callable

from service.core.dataset import documents
from service.core.dataset.rules.rule import TextRule

_LED, _E = "[A-Za-z0-9.,/_-]", r"(?![A-Za-z0-9_-]|\.\d)"
_DATE = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"


def _document(
    pattern: str,
    named: str,
    is_one: Callable[[str], bool],
    *,
    first: str = "",
) -> TextRule:
    """Return a rule for a number by itself. A `first` set in front of the pattern makes it twice as fast."""

    def confirm(match: str, _text: str) -> bool:
        return is_one("".join(re.findall(r"[A-Za-z0-9]", match)).upper())

    told = f"the text holds {named}"
    whole = f"{first}(?<!{_LED}{first}){pattern}{_E}"
    return TextRule("personal_data", whole, told, confirm=confirm, hidden=True)


def _named(words: str, number: str, named: str, is_one: Callable[[str], bool] = bool) -> TextRule:
    """Return a rule for a number behind one of some words."""
    shape = re.compile(rf"{number}\Z")

    def confirm(match: str, _text: str) -> bool:
        found = shape.search(match)
        return found is not None and is_one("".join(re.findall(r"[A-Za-z0-9]", found[0])).upper())

    between = r"(?: (?:no|number|nummer|is|ist|id)\b|は|が|[ .:#：=-]){0,4}"
    pattern = rf"(?:{words}){between}{number}(?![A-Za-z0-9])"
    return TextRule("personal_data", pattern, f"the text holds {named}", ignore_case=True, confirm=confirm, hidden=True)


_ABBREVIATED = (
    "NHS|BSN|PESEL|SIN|TFN|CPR|AHV|NRIC|HKID|CURP|CUI[TL]|RUT|PPSN?|NIF|NIK|CNIC|AMKA|CNP|ЕГН|СНИЛС|ИНН|VIN|IMEI"
    "|MRN|DEA|NPI|TIN|SSS"
)
_SPELT = (
    "nhs number|tax file number|medicare(?: card)?|identity(?: card)?|national (?:id|number|identification number)"
    "|my id number|personnummer|fødselsnummer|henkilötunnu|sozialversicherungsnummer|kimlik|mykad|israeli id"
    "|thai id card|rodné číslo|паспорт(?: серия)?|cédula|emirates id|routing number|sort code|social insurance number"
    "|li[cs]en[sc]e plate"
)
_OF = (
    r"(?:(?:[ -]?(?:no|number|num|nummer|numer|numaram|is|ist|er|es|to|saya|card|mitt|eni|et|on|je|é|kseni"
    r"|номер)(?![a-z])"
    r"|[ .:#：=№-])){0,6}"
)
_VALUE = r"[A-Z]{0,4}[ -]?\d[A-Za-z0-9 ./()-]{5,22}"
_YEARS = re.compile(r"(?<!\d)(?:19|20)\d\d ?(?:[-/]|to|and) ?(?:(?:19|20)?\d\d)(?!\d)")
_DIGITS = 6
_SHAPES = (
    r"P<[A-Z]{3}[A-Z<]{20,}|(?<![\d-])784-\d{4}-\d{7}-\d(?!\d)|(?<![\d.])756\.\d{4}\.\d{4}\.\d\d(?!\d)"
    r"|(?<![A-Z0-9])[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d(?![A-Z0-9])|(?<![\d.])\d\d\.\d\d\.\d\d-\d{3}\.\d\d(?!\d)"
    r"|(?<![\d.])\d{1,2}\.\d{3}\.\d{3}-[\dkK](?![\w-])|(?<![\d-])(?:2[0347]|30)-\d{8}-\d(?![\d-])"
    r"|(?<![\d-])\d{5}-\d{7}-\d(?![\d-])|(?<![A-Za-z0-9])bc1q[a-z0-9]{38,58}(?![A-Za-z0-9])"
)


def _told(spelt: bool) -> TextRule:
    """Return a rule for numbers behind a word that names them, which is abbreviated or spelt out."""

    def confirm(match: str, _text: str) -> bool:
        value = re.search(_VALUE + r"\Z", match)
        run = (
            re.match(r"[A-Za-z]{0,4}[ -]?(?:[\d][\d ./()-]*[A-Za-z]{0,4}\d*[A-Za-z0-9]{0,12})", value[0])
            if value
            else None
        )
        return run is not None and _YEARS.search(match) is None and sum(map(str.isdigit, run[0])) >= _DIGITS

    words = rf"\b(?:{_SPELT})[a-z]{{0,4}}" if spelt else rf"\b(?:{_ABBREVIATED})\b"
    told = "the text holds an identity number"
    return TextRule(
        "personal_data", f"{words}{_OF}{_VALUE}", told, ignore_case=spelt, confirm=confirm, hidden=True, stands_for="ID"
    )


DOCUMENTS = (
    _document(r"\d{3}\.\d{3}\.\d{3}-\d\d", "a Brazilian tax number (CPF)", documents.is_cpf),
    _document(
        rf"\d{{5}}(?:19|20)\d\d{_DATE}\d{{3}}[0-9Xx]",
        "a Chinese identity number",
        documents.is_chinese_id,
        first="[1-9]",
    ),
    _document(rf"\d\d{_DATE}-[1-8]\d{{6}}", "a Korean resident number", documents.is_korean_id),
    _document(r"(?:\d{8}-?[A-Z]|[XYZ]-?\d{7}-?[A-Z])", "a Spanish identity number", documents.is_dni),
    _document(
        r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]",
        "an Italian tax code",
        documents.is_codice_fiscale,
    ),
    _document(
        r" ?\d\d ?(?:0[1-9]|1[0-2]) ?(?:\d\d"
        r"|2[AB]) ?\d{3} ?\d{3} ?\d\d",
        "a French social security number",
        documents.is_nir,
        first="[12]",
    ),
    _document(rf"(?:\d\d)?\d\d{_DATE}[-+]\d{{4}}", "a Swedish identity number", documents.is_personnummer),
    _document(r"[2-9]\d{3} \d{4} \d{4}(?! \d)", "an Indian identity number", documents.is_aadhaar),
    _named(
        "マイナンバー|個人番号|my number", r"\d{4}[ -]?\d{4}[ -]?\d{4}", "a Japanese My Number", documents.is_my_number
    ),
    _named("national insurance|nino|ni", r"[A-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D]", "a UK national insurance number"),
    _named(
        "steuer-?id|steueridentifikationsnummer|idnr|tax id",
        r"\d\d ?\d{3} ?\d{3} ?\d{3}",
        "a German tax number",
        documents.is_steuer_id,
    ),
    _named("passport|reisepass|passeport|パスポート番号", r"[A-Z]{0,2}\d{6,9}", "a passport number"),
    _named("ssn|social security", r"\d{3}[ -]?\d\d[ -]?\d{4}", "a US social security number"),
    _named("driver'?s? licen[cs]e", r"[A-Z]{0,3}\d{6,12}", "a driving licence number"),
    _told(False),
    _told(True),
    TextRule(
        "personal_data",
        _SHAPES,
        "the text holds an identity number",
        hidden=True,
    ),
    _named("pan(?: card)?", r"[A-Z]{3}[PCHFATBLJG][A-Z]\d{4}[A-Z]", "an Indian tax number"),
)
