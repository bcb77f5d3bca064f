"""Small tokenizers of every kind, trained here on a few hundred lines of this repository's own examples."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from service.core.tokenizers import OpenTokenizer
from service.store.tokenizers import find_tokenizer

ROOT = Path(__file__).resolve().parents[2]
CHATML = (
    "{% for message in messages %}{{ '<|turn|>' + message['role'] + '\n' + message['content'] + '<|over|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|turn|>assistant\n' }}{% endif %}"
)
CONTROLS = ["<|turn|>", "<|over|>", "<unk>", "<s>", "</s>"]
_GPT = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"


@cache
def corpus() -> tuple[str, ...]:
    """The texts that tokenizers are trained on."""
    lines = (ROOT / "examples/bank_intents/train.jsonl").read_text("utf-8").splitlines()[:300]
    said = [message["content"] for line in lines for message in json.loads(line)["messages"]]
    return (
        *said,
        (ROOT / "docs/estimates.md").read_text("utf-8"),
        "naïve Ünïcödé 東京は日本の首都です。 Привет, мир! 🙂👍🏽",
    )


def byte_level() -> Tokenizer:
    """As the GPT, Llama 3 and Qwen families have it."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_GPT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        corpus(),
        trainers.BpeTrainer(vocab_size=700, special_tokens=CONTROLS, initial_alphabet=alphabet, show_progress=False),
    )
    return made


def pieces(scheme: str) -> Tokenizer:
    """As Llama 2 and Mistral have it: no words, a mark for blanks, bytes for what is unknown."""
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    made.decoder = decoders.Metaspace(prepend_scheme=scheme, split=False)
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    made.train_from_iterator(
        [word for text in corpus() for word in text.split("\n")],
        trainers.BpeTrainer(vocab_size=900, special_tokens=[*CONTROLS, *bytes_], show_progress=False),
    )
    told = json.loads(made.to_str())
    told["added_tokens"] = [each for each in told["added_tokens"] if each["content"] in CONTROLS]
    return Tokenizer.from_str(json.dumps(told))


def word_piece() -> Tokenizer:
    """As BERT has it: lower case, blanks dropped, and set to cut and fill up texts by itself."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=60))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", *CONTROLS]
    made.train_from_iterator(
        corpus(), trainers.WordPieceTrainer(vocab_size=500, special_tokens=special, show_progress=False)
    )
    cls, sep = made.token_to_id("[CLS]"), made.token_to_id("[SEP]")
    made.post_processor = processors.BertProcessing(("[SEP]", sep), ("[CLS]", cls))
    made.enable_truncation(8)
    made.enable_padding(length=16, pad_token="[PAD]", pad_id=made.token_to_id("[PAD]"))
    return made


def unigram() -> Tokenizer:
    """As T5 and XLM-R have it."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.train_from_iterator(
        corpus(),
        trainers.UnigramTrainer(vocab_size=600, special_tokens=CONTROLS, unk_token="<unk>", show_progress=False),
    )
    return made


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "byte_level": byte_level,
    "pieces_always": lambda: pieces("always"),
    "pieces_first": lambda: pieces("first"),
    "word_piece": word_piece,
    "unigram": unigram,
}


@cache
def text_of(kind: str) -> str:
    """The `tokenizer.json` of a kind."""
    return KINDS[kind]().to_str()


def reference(kind: str) -> Tokenizer:
    """The library's own tokenizer of a kind, for nothing but encoding."""
    made = Tokenizer.from_str(text_of(kind))
    made.no_truncation()
    made.no_padding()
    return made


def folder(path: Path, kind: str, template: str | None = CHATML) -> Path:
    """Write what `save_pretrained` would write of a tokenizer."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "tokenizer.json").write_text(text_of(kind), "utf-8")
    config = {"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": False}}
    (path / "tokenizer_config.json").write_text(json.dumps(config | ({"chat_template": template} if template else {})))
    return path


def found(path: Path, kind: str, template: str | None = None) -> OpenTokenizer:
    """A tokenizer as the operator's configuration names it."""
    return find_tokenizer(folder(path / kind, kind, template))
