"""What a dataset is checked against: one model under one training method."""

import msgspec

from service.core.tokenizers import OpenTokenizer


class CheckProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a model and method that the checker needs.

    `max_example_tokens` is the length at which the trainer cuts an example, None where no limit is known.
    `item_fields` are what the grader of a reinforcement run reads of each line, `unknown_variables` what it names
    in vain.
    `tokenizer` is what counts an open model's tokens, None where the encoding is one that is shipped.
    `formats` holds the line forms that the method takes (`chat`, `preference`, `reinforcement`, `completion`).
    """

    model: str
    method: str
    encoding: str
    tokenizer: OpenTokenizer | None = None
    max_example_tokens: int | None
    min_examples: int
    formats: tuple[str, ...]
    item_fields: tuple[str, ...] = ()
    unknown_variables: tuple[str, ...] = ()
