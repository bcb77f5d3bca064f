"""Keys, tokens and passwords. Sources: the vendors' own descriptions of their prefixes, as collected by Gitleaks."""

import base64
import binascii
import re

from service.core.dataset.rules.rule import TextRule
from service.core.dataset.rules.vendors import MARKED

_B = r"(?<![A-Za-z0-9_])"
_TOKENS = (
    r"sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}(?![0-9A-Za-z])|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{30,}"
    r"|ey(?<!-ey)[JK][A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}|glpat-[A-Za-z0-9_-]{20}|hf_[A-Za-z0-9]{30,}"
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|SG\.[A-Za-z0-9_-]{16,24}\.[A-Za-z0-9_-]{30,46}|npm_[A-Za-z0-9]{36}"
    r"|pypi-Ag[A-Za-z0-9_-]{30,}|GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,}|dop_v1_[a-f0-9]{60,}"
    r"|gsk_[A-Za-z0-9]{40,}|shp(?:at|ss|ca)_[a-fA-F0-9]{32}|whsec_[A-Za-z0-9+/]{24,}|\d{8,10}:AA[A-Za-z0-9_-]{33}"
    r"|nvapi-[A-Za-z0-9_-]{40,}|r8_[A-Za-z0-9]{37,}"
    r"|hooks\.slack\.com/services/T[A-Za-z0-9_]{6,}/B[A-Za-z0-9_]{6,}/\w{16,}"
    r"|discord(?:app)?\.com/api/webhooks/\d{15,}/[A-Za-z0-9_-]{40,}"
)
_NAMES = {
    "a": r"pi[ _-]?key|(?:ccess|uth)[ _-]?(?:key|token)|ccountkey",
    "b": r"earer[ _-]?token",
    "c": r"lient[ _-]?secret|ontraseña",
    "m": r"ot de passe",
    "p": r"rivate[ _-]?key|ass(?:word|wd|phrase)?|wd|asswort",
    "r": r"efresh[ _-]?(?:key|token)",
    "s": r"ecret(?:[ _-]?(?:access[ _-]?)?key)?|ession[ _-]?(?:key|token)",
    "パ": r"スワード",
}
"""By their first letters: a pattern that begins with a set of these takes two thirds of the time or less."""

_NAMED = "|".join(f"{first}(?:{rest})" for first, rest in _NAMES.items())
_NAMED_BEHIND = "|".join(f"(?<={first})(?:{rest})" for first, rest in _NAMES.items())
_HOLDS = r"[\"'`]?(?: ?(?::|=|：)=? ?| (?:is|ist|est|es|lautet)(?: |: ?)|は)[\"'`「]?"
_SIGNS, _NO_DIGITS = "[A-Za-z0-9!#$%&*+./=@^_~-]", "[A-Za-z!#$%&*+./=@^_~-]"
_DIGIT = f"(?={_NO_DIGITS}{{0,200}}[0-9])"
_HELD = f"{_HOLDS}{_DIGIT}{_SIGNS}{{8,}}"
_BEARER = f"bearer {_DIGIT}[A-Za-z0-9+/=._~-]{{20,}}"
_VALUE = re.compile(rf"{_SIGNS}{{8,}}\Z")
_SET = re.compile(r"(?i)[a-z_ -]*(?:key|token|secret|pass(?:word|wd|phrase)?|pwd)[:=]+")
"""A name and its sign stand in what was taken for the value where there are no blanks: `password=…`."""

_LEAST, _LONG = 8, 30
_NO_VALUE = re.compile(
    r"(?i)your|xxx|\*\*\*|example|changeme|change_me|placeholder|insert|getenv|environ|process\.|config\."
    r"|settings\.|self\."
    r"|args\.|secrets?\.|password|\$\(|http|\.\.\.|request\.|_here"
)
_URL = r"[a-z][a-z0-9+]{2,20}://[^\s/:@\"'<>]{0,64}:[^\s/@\"'<>{}$*]{4,64}@[A-Za-z0-9.-]+"
_DUMMY = re.compile(r"(?i):(?:pass(?:word|wd)?|pwd|secret|token|user(?:name)?|test|example|x+)@|@(?:localhost|127\.)")
_MANUAL = re.compile(r"@(?:[a-z0-9-]+\.)*example\.")

_BASIC = r"(?:Authorization|authorization|AUTHORIZATION)[\"']?[:=,]? ?[\"']?Basic [A-Za-z0-9+/]{12,}={0,2}"
_CURL = r"\bcurl [^\n]{0,200}?(?:-u|--user)[ =][\"']?[\w.@+-]{1,64}:[^\s\"'$<>{}\[]{6,64}"
_NETRC = r"\bmachine \S{1,100}\s{1,9}login \S{1,100}\s{1,9}password \S{6,64}"
_HASH = r"(?i:(?:auth|access|api|secret)[ _-]?(?:token|key) [a-f0-9]{32,64})(?![A-Za-z0-9])"
_LOGIN_DUMMY = re.compile(r"(?i)(?:pass|pwd|secret|token|user|test|example|open sesame|your|xxx|key|api)[a-z_ -]*\Z")


def _is_random(match: str, _text: str) -> bool:
    """Whether a match of a token's form is more than words with dashes between."""
    return any(sign.isdigit() or sign.isupper() for sign in match[3:]) or not set("-_") & set(match[3:])


def _is_value(match: str, _text: str) -> bool:
    """Whether what stands behind the name of a secret can be one: letters and digits, and no code that reads it."""
    value = _VALUE.search(match)
    told = _SET.sub("", value[0], count=1) if value is not None else ""
    if len(told) < _LEAST or (len(told) < _LONG and _NO_VALUE.search(told)):
        return False
    kinds = (str.isdigit, str.isalpha)
    return all(any(map(kind, told)) for kind in kinds) and not told.rstrip(".").replace(".", "").isdigit()


def _is_login(match: str, _text: str) -> bool:
    if _DUMMY.search(match):
        return False
    password = match.rpartition("@")[0].rpartition(":")[2]
    plain = _MANUAL.search(match) is None and "://:" not in match
    return plain or (any(map(str.isdigit, password)) and any(map(str.isalpha, password)))


def _is_basic(match: str, _text: str) -> bool:
    """Whether what follows "Basic" is a name and a password, and not those of a manual."""
    told = match.rpartition(" ")[2]
    try:
        login = base64.b64decode(told, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return ":" in login and _LOGIN_DUMMY.search(login) is None


SECRETS = (
    TextRule(
        "secret_detected",
        f"{_B}(?:{_TOKENS})",
        "the text holds what looks like a key or token",
        confirm=_is_random,
        hidden=True,
    ),
    TextRule(
        "secret_detected",
        f"{_B}(?:{MARKED})",
        "the text holds what looks like a key or token",
        confirm=lambda match, _: any(map(str.isdigit, match)),
        hidden=True,
    ),
    TextRule(
        "secret_detected",
        _BASIC,
        "the text holds a login",
        confirm=_is_basic,
        hidden=True,
    ),
    TextRule(
        "secret_detected",
        f"{_CURL}|{_NETRC}",
        "the text holds a login",
        hint=r"(?:-u|--user)[ =][\"']?[\w.@+-]+:|login \S+\s+password ",
        confirm=lambda match, _: _LOGIN_DUMMY.search(match) is None,
        hidden=True,
    ),
    TextRule(
        "secret_detected",
        _HASH,
        "the text holds what looks like a key or token",
        confirm=lambda match, _: any(map(str.isdigit, match)),
        hidden=True,
    ),
    TextRule(
        "secret_detected",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----",
        "the text holds a private key",
        hidden=True,
    ),
    TextRule(
        "secret_detected",
        f"(?-i:[aAbBcCmMpPrRsS\u017fパ])(?:(?:{_NAMED_BEHIND}){_HELD}|(?<=b){_BEARER[1:]})",
        "the text holds a password or key beside its name",
        like=f"(?:(?:{_NAMED}){_HOLDS}|bearer ){_NO_DIGITS}*[0-9]",
        ignore_case=True,
        confirm=_is_value,
        hidden=True,
    ),
    TextRule(
        "secret_detected",
        f"{_B}{_URL}",
        "the text holds an address with a password",
        hint=r"[a-z0-9+]://[^\s/:@\"'<>]*:[^\s/@\"'<>{}$*]+@",
        confirm=_is_login,
        hidden=True,
    ),
)
