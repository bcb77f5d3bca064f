"""Numbers that name a person: what tells them from numbers that only look alike."""

import re

from service.core.dataset.documents import luhn

_CARD = re.compile(r"4|5[1-5]|2[2-7]|3[47]|3(?:0[0-5]|[689])|6(?:011|5|4[4-9])|35")
_CARD_LENGTHS = (14, 15, 16, 19)
_IBAN_LENGTHS = {
    "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18,
    "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "RS": 22, "SA": 24,
    "SE": 24, "SI": 19, "SK": 24, "TR": 26, "UA": 29, "AE": 23, "BR": 29,
}  # fmt: skip


def digits_of(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def is_card(text: str) -> bool:
    """Whether digits have the length, the first digits and the check digit (Luhn) of a payment card."""
    digits = digits_of(text)
    if len(digits) not in _CARD_LENGTHS or not _CARD.match(digits) or len(set(digits)) == 1:
        return False
    return luhn(digits)


def is_iban(text: str) -> bool:
    """Whether a text has its country's length and the check digits (ISO 13616, modulo 97) of a bank account."""
    compact = text.replace(" ", "")
    if len(compact) != _IBAN_LENGTHS.get(compact[:2]):
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def is_phone(text: str) -> bool:
    """Whether digits are as many as a telephone number has, and no round or counted-up number."""
    digits = digits_of(text)
    if not 9 <= len(digits) <= 15 or len(set(digits)) < 4 or "0000" in digits:
        return False
    return len(digits) >= 11 or any(mark in text.strip()[1:] for mark in " -.()")


def is_told_phone(text: str) -> bool:
    """Whether digits behind a word like "phone" are as many as a telephone number has, however they are written."""
    digits = digits_of(text)
    return 9 <= len(digits) <= 15 and len(set(digits)) >= 4
