"""The rules of the texts."""

from service.core.dataset.rules.documents import DOCUMENTS
from service.core.dataset.rules.encodings import ENCODINGS
from service.core.dataset.rules.leftovers import LEFTOVERS
from service.core.dataset.rules.personal import PERSONAL
from service.core.dataset.rules.rule import TextRule
from service.core.dataset.rules.secrets import SECRETS
from service.core.dataset.rules.wording import WORDING

RULES = (*LEFTOVERS, *ENCODINGS, *WORDING, *SECRETS, *PERSONAL, *DOCUMENTS)

__all__ = ["RULES", "TextRule"]
