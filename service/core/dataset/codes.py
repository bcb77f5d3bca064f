"""Every finding code: its severity, why it matters and how to mend it. Codes are part of the API and never change."""

from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "info"]
"""Errors block a job; warnings and notes (`info`) inform, and are listed and counted together."""


class Code(NamedTuple):
    """One kind of finding. `why` says what goes wrong if it stays, `hint` what to do."""

    severity: Severity
    why: str
    hint: str


def _error(why: str, hint: str) -> Code:
    return Code("error", why, hint)


def _warning(why: str, hint: str) -> Code:
    return Code("warning", why, hint)


_NOT_READ = "The trainer cannot read the file and fails the job."
_REFUSED = "The provider refuses the file after upload, and names one line at a time."
_LOST = "The text beyond the limit is cut silently and teaches nothing."

CODES: dict[str, Code] = {
    # the file
    "empty_file": _error(_NOT_READ, "Write one JSON object a line, one line an example."),
    "too_few_examples": _error("OpenAI refuses a training file below ten examples.", "Add examples; start at 50."),
    "not_utf8": _error(_NOT_READ, "Save the file as UTF-8 without a byte order mark."),
    "byte_order_mark": _error("OpenAI reads line 1 as broken.", "Save the file as UTF-8 without a byte order mark."),
    "binary_file": _error(_NOT_READ, "Upload plain JSON lines; for compression use Content-Encoding."),
    "json_array_file": _error(_NOT_READ, "Write each element of the array on a line of its own, without commas."),
    "mixed_formats": _error("A job takes lines of one form.", "Split the file by form, or convert the odd lines."),
    "format_mismatch": _error(_REFUSED, "Choose the method that takes this form, or convert the lines."),
    # the line
    "invalid_json": _error(_NOT_READ, "Write one complete JSON object on the line; let a JSON library do it."),
    "not_an_object": _error(_NOT_READ, "Wrap the value: a line is an object with `messages` or the form's members."),
    "repeated_key": _error("Readers keep only the last value, so text is lost unseen.", "Keep the member once."),
    "lone_surrogate": _error("Half a UTF-16 pair is no character.", "Write the whole character, or remove the escape."),
    "nesting_too_deep": _error("Parsers give up on it.", "Flatten the value; a few hundred levels are too many."),
    "line_too_long": _error("The line is longer than the checker reads.", "Split the example; link images by URL."),
    "unknown_field": _error("The provider refuses members it does not know.", "Remove the member or mend its name."),
    # messages
    "missing_messages": _error(_REFUSED, "Give `messages`, a list of the conversation's turns."),
    "empty_messages": _error(_REFUSED, "Give at least a user and an assistant message, or remove the line."),
    "invalid_message": _error(_REFUSED, "A message is an object with `role` and `content`."),
    "missing_role": _error(_REFUSED, "Give `role`: system, user, assistant or tool."),
    "unknown_role": _error(_REFUSED, "Use system, user, assistant or tool, in lower case."),
    "missing_content": _error(_REFUSED, "Give `content`; only an assistant that calls tools may leave it out."),
    "invalid_content": _error(_REFUSED, "`content` is a text, or a list of parts of the known types."),
    "invalid_weight": _error(_REFUSED, "Use the numbers 0 or 1, on assistant messages only."),
    "invalid_name": _error(_REFUSED, "Use 1 to 64 letters, digits, `_` or `-`."),
    "no_trained_message": _error("The example costs money and teaches nothing.", "Give one answer weight 1."),
    "no_assistant_message": _error("There is nothing to learn from the line.", "End the conversation with an answer."),
    "last_message_not_assistant": _error("The example ends before its answer.", "End it with an assistant message."),
    "last_message_not_prompt": _error("The model has nothing to answer.", "End a reinforcement line with the user."),
    "control_token": _error("OpenAI refuses text with control tokens.", "Remove the token from the text."),
    "whitespace_run": _error("Tokenizers break on huge runs of blanks.", "Collapse the run."),
    "image_invalid": _error(
        "The image, or the whole file, is skipped or refused.",
        "Use JPEG, PNG or WEBP, at most 10 a line and 10 MB each, in user messages, by http(s) or data URL.",
    ),
    # tools
    "invalid_tool_call": _error(_REFUSED, "A call has `id`, `type` function, and `function` with name and arguments."),
    "tool_arguments_not_json": _error(
        "The model learns to write calls that nobody can parse.", "`arguments` is a text that holds one JSON object."
    ),
    "unknown_tool_call_id": _error(_REFUSED, "Let `tool_call_id` repeat the `id` of an earlier call."),
    "missing_tool_call_id": _error(_REFUSED, "Give the id of the call that the message answers."),
    "undeclared_tool": _error("The model learns to call what its prompt does not offer.", "Declare it in `tools`."),
    "invalid_tool_schema": _error(_REFUSED, "A tool has `type` function, a name and a JSON Schema of an object."),
    # other forms
    "missing_prompt": _error(_REFUSED, "Give `prompt`, a text."),
    "missing_completion": _error(_REFUSED, "Give `completion`, a text."),
    "missing_preferred": _error(_REFUSED, "Give `preferred_output`, a list of one assistant message."),
    "missing_non_preferred": _error(_REFUSED, "Give `non_preferred_output`, a list of one assistant message."),
    "empty_input": _error(_REFUSED, "Give `input.messages` with at least one message."),
    "missing_item_field": _error(
        "The grader reads nothing there: the run is paid for, with reward 0.", "Add the member, or mend the template."
    ),
    "unknown_grader_variable": _error(
        "The grader reads nothing there: the run is paid for, with reward 0.",
        "Use `{{item.NAME}}` for members of the line, `{{sample.output_text}}` for the answer.",
    ),
    # warnings: the file
    "few_examples": _warning("Effects are seen from 50 to 100 examples.", "Add examples before paying for a run."),
    "blank_line": _warning("Some readers stop or fail at a blank line.", "Remove it."),
    "duplicate_example": _warning("A repeated example counts twice.", "Keep one, unless the weight is wanted."),
    "conflicting_answers": _warning("The same prompt teaches different answers.", "Keep the right answer."),
    "train_validation_leak": _warning("Validation figures look better than they are.", "Remove it from one split."),
    "prompt_leak": _warning("The validation prompt was seen in training.", "Keep each prompt in one split."),
    "example_truncated": _warning(_LOST, "Shorten the example, or split it."),
    "nothing_trained_after_truncation": _warning(
        "The answer lies beyond the limit: paid for, learnt nothing.", "Shorten the prompt so that the answer fits."
    ),
    "tokens_unknown": _warning("Neither price nor cut can be foretold.", "Choose a model with a known encoding."),
    "near_duplicate": _warning("Nearly the same example counts twice.", "Keep one, unless the weight is wanted."),
    "token_outlier": _warning("One example many times longer than the rest is often a mistake.", "Look at it."),
    "mixed_language": _warning("A few answers are in another language than the rest.", "Translate them, if unmeant."),
    "benchmark_overlap": _warning(
        "A benchmark that was trained on measures nothing.", "Remove it from the training file."
    ),
    "label_variants": _warning("One class spelt several ways is several classes.", "Use one spelling."),
    "unseen_label": _warning(
        "The model is measured on a class that it never learns.", "Add examples of the class, or remove the line."
    ),
    "answer_not_offered": _warning(
        "The model learns an answer that its prompt does not allow.", "Give one of the choices, or name the answer."
    ),
    "class_imbalance": _warning("The model learns to answer the large class.", "Add examples of the small classes."),
    "item_outlier": _warning(
        "A grader that reads the member fails on these lines, or gives them reward 0.", "Make it as on the other lines."
    ),
    "empty_item_field": _warning(
        "The grader compares the answer with nothing.", "Fill in the member, or remove the line."
    ),
    "system_prompt_outlier": _warning("A few lines have another system prompt than the rest.", "Use one, if unmeant."),
    # warnings: the line
    "empty_completion": _warning("The model learns to say nothing.", "Write the answer, or remove the line."),
    "empty_content": _warning("The message says nothing.", "Write the text, or remove the message."),
    "consecutive_roles": _warning("Two turns of one role in a row are often a lost turn.", "Merge them."),
    "system_not_first": _warning("Models are served with the system prompt first.", "Move it to the start."),
    "no_user_message": _warning("The model is never asked anything.", "Add the user's message."),
    "identical_preference": _warning("Both answers are the same: there is nothing to prefer.", "Remove the line."),
    "tool_arguments_mismatch": _warning("The call does not fit the tool's own schema.", "Mend arguments or schema."),
    "unanswered_tool_call": _warning("The conversation goes on without the tool's result.", "Add the tool message."),
    "parallel_calls_disabled": _warning(
        "The model learns to call several tools at once where it must not.",
        "Make one call an answer, or set `parallel_tool_calls` to true.",
    ),
    "duplicate_tool_call": _warning("The model learns to call twice for one result.", "Keep one of the calls."),
    "call_in_text": _warning(
        "The model learns to write calls as text, which no client carries out.", "Move it into `tool_calls`."
    ),
    "tool_definition_outlier": _warning(
        "A few lines declare a tool otherwise than the rest.", "Declare it alike everywhere, if unmeant."
    ),
    "tool_schema_not_strict": _warning(
        "The API refuses a tool that says `strict` and is not.",
        "Require all properties and allow no others, or leave `strict` out.",
    ),
    "unused_tool_result": _warning("A call is answered twice.", "Keep one result a call."),
    # warnings: the text
    "template_tokens": _warning("Left-overs of a chat template end up in answers.", "Remove them; roles say it."),
    "secret_detected": _warning("A tuned model can recite what it saw.", "Remove it, and revoke the key."),
    "personal_data": _warning("A tuned model can recite what it saw.", "Remove or replace it."),
    "refusal": _warning("The model learns to refuse.", "Answer, or remove the line, unless refusing is the aim."),
    "placeholder": _warning("A template was never filled in.", "Fill it in, or remove the line."),
    "invisible_characters": _warning("Invisible characters change tokens and hide text.", "Remove them."),
    "confusable_characters": _warning(
        "Look-alike letters change tokens and hide words.", "Write the word in one script."
    ),
    "decomposed_characters": _warning(
        "The same word is other tokens than elsewhere.", "Compose the letters (Unicode NFC)."
    ),
    "html_remains": _warning("The model learns to answer in markup that nobody asked for.", "Write it as plain text."),
    "mojibake": _warning("The text was decoded with the wrong character set.", "Decode it again from its source."),
    "prompt_injection": Code(
        "info", "Attacks in data may be meant, or may teach the model to obey them.", "Look at what the answer does."
    ),
    "unused_suppression": _warning("A suppression that covers nothing hides what comes next.", "Remove it."),
    "abusive_text": _warning("The model learns to insult its users.", "Reword the answer, or remove the line."),
    "short_completion": _warning(
        "One answer of a few letters among long ones is often cut.", "Write the whole answer."
    ),
    "truncated_completion": _warning("The model learns to stop in mid-sentence.", "Write the whole answer."),
    "repetitive_completion": _warning("The model learns to loop.", "Cut the repetition."),
}

PROFILE_CODES = frozenset({"format_mismatch", "too_few_examples"})
"""Errors that come from the asked model and method, not from the file itself: such a file is still a dataset."""

UNANSWERED_CODES = frozenset({"no_assistant_message", "last_message_not_assistant"})
"""What every line of a file of prompts has: such a file is a dataset for reinforcement."""
