"""Check digits of identity documents. Each function takes letters and digits alone, in upper case.

Sources: the issuing offices' own rules, as python-stdnum collects them.
"""

from datetime import date

_VERHOEFF = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip
_VERHOEFF_PLACES = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7), (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)  # fmt: skip
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
         10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it (ISO/IEC 7812)."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(two - 9 if two > 9 else two for two in doubled)) % 10 == 0


def is_cpf(text: str) -> bool:
    """Brazil: eleven digits, the last two by modulo 11."""
    digits = [int(sign) for sign in text]
    if len(set(digits)) == 1:
        return False
    return all(
        sum((at + 1 - place) * digits[place] for place in range(at)) * 10 % 11 % 10 == digits[at] for at in (9, 10)
    )


def is_chinese_id(text: str) -> bool:
    """China: seventeen digits with a date of birth, and a check character (ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * (1 << (17 - at)) for at, digit in enumerate(text[:17]))
    return _is_date(text[6:14]) and "10X98765432"[total % 11] == text[17]


def is_korean_id(text: str) -> bool:
    """Korea: a date of birth and a digit for the century; the check digit is not given any more since 2020."""
    century = "18" if text[6] in "90" else "19" if text[6] in "1256" else "20"
    return _is_date(century + text[:6])


def is_dni(text: str) -> bool:
    """Spain: the letter that the number calls for; foreigners' numbers begin with a letter that stands for a digit."""
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return _DNI_LETTERS[int(number) % 23] == text[-1]


def is_codice_fiscale(text: str) -> bool:
    """Italy: sixteen characters, of which the last checks the others."""
    total = sum(
        _ODD[sign] if at % 2 == 0 else int(sign, 36) - (10 if sign.isalpha() else 0)
        for at, sign in enumerate(text[:15])
    )
    return chr(ord("A") + total % 26) == text[15]


def is_nir(text: str) -> bool:
    """France: thirteen digits (2A and 2B stand for Corsica) and 97 less their remainder."""
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(text[13:])


def is_personnummer(text: str) -> bool:
    """Sweden: a date of birth and four digits, of which the last is a Luhn check digit."""
    short = text[-10:]
    return luhn(short) and (_is_date("19" + short[:6]) or _is_date("20" + short[:6]))


def is_aadhaar(text: str) -> bool:
    """India: twelve digits with Verhoeff's check digit."""
    check = 0
    for at, digit in enumerate(reversed(text)):
        check = _VERHOEFF[check][_VERHOEFF_PLACES[at % 8][int(digit)]]
    return check == 0 and text != text[::-1]


def is_my_number(text: str) -> bool:
    """Japan: twelve digits, the last by modulo 11."""
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = sum(int(digit) * weight for digit, weight in zip(text, weights, strict=False)) % 11
    return (0 if rest <= 1 else 11 - rest) == int(text[-1])


def is_steuer_id(text: str) -> bool:
    """Germany: eleven digits, the last by ISO 7064 MOD 11,10."""
    product = 10
    for digit in text[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(text[10])


def _is_date(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return False
    return True
