"""The rules of the texts."""

from service.core.dataset.rules.documents import DOCUMENTS
from service.core.dataset.rules.leftovers import LEFTOVERS
from service.core.dataset.rules.personal import PERSONAL
from service.core.dataset.rules.rule import TextRule
from service.core.dataset.rules.secrets import SECRETS
from service.core.dataset.rules.wording import WORDING

SPACED_KEY = TextRule(
    "repeated_key",
    r"(?!)",
    "no text breaks this rule: a line with blanks before a colon may hide a repeated key, and is read again for it",
    hint=r'"[ \t\r]+:',
)
RULE_GROUPS = ((SPACED_KEY, *LEFTOVERS), WORDING, SECRETS, (*PERSONAL, *DOCUMENTS))
"""Marks, words, keys, numbers apart: as one automaton, all hints have so many states that it is ten times as slow."""

RULES = tuple(rule for group in RULE_GROUPS for rule in group)

__all__ = ["RULES", "RULE_GROUPS", "SPACED_KEY", "TextRule"]
