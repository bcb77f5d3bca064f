"""Four hundred files made to hurt, each with what has to be found in it.

`codes` are the findings of which one must be there; none: the file is harmless, however it looks, and no error
may be found. `whole` files stand alone, others are one line between good ones, all of which must be read.
"""

import bz2
import gzip
import json
import lzma
import pickle
import random
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from service.store.encodings import zstd

GOOD = [
    json.dumps({"messages": [{"role": "user", "content": f"What is {n}?"}, {"role": "assistant", "content": f"{n}."}]})
    for n in range(24)
]
PLAIN = "".join(f"{line}\n" for line in GOOD).encode()
DEEP, LONG, WIDE = 100_000, 300_000, 20_000


class Hostile(NamedTuple):
    name: str
    codes: frozenset[str]
    make: Callable[[], bytes]
    whole: bool = False

    def data(self) -> bytes:
        return self.make() if self.whole else PLAIN + self.make() + b"\n" + PLAIN


def one(name: str, codes: str, line: bytes | str | Callable[[], bytes], *, whole: bool = False) -> Hostile:
    data = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
    return Hostile(name, frozenset(codes.split()), data if callable(data) else lambda: data, whole)


def said(text: str | bytes, *, role: str = "assistant") -> bytes:
    """Return a line whose last text is `text` as JSON writes it, which may be no JSON at all."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    turn = b'{"role":"%b","content":"%b"}' % (role.encode(), raw)
    asked = b'{"role":"user","content":"What?"}'
    told = b'{"role":"assistant","content":"That."}'
    return b'{"messages":[%b]}' % b",".join((turn, told) if role == "user" else (asked, turn))


def line_of(messages: Any, **members: Any) -> bytes:
    return json.dumps({"messages": messages, **members}).encode()


def turns(**answer: Any) -> bytes:
    return line_of([{"role": "user", "content": "What?"}, {"role": "assistant", "content": "That.", **answer}])


def encodings() -> Iterator[Hostile]:
    """Bytes that are no UTF-8, in a text, in a name and alone on a line."""
    broken = (b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1\xbf", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2(\xa1", b"\xe0\x80\xaf",
              b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x9f\x98", b"\xf0\x80\x80\xaf", b"\xf4\x90\x80\x80",
              b"\xf5\x80\x80\x80",
              b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff", b"\xff\xfe", b"caf\xe9", b"\x93quoted\x94")  # fmt: skip
    for bytes_ in broken:
        yield one(f"utf8-text-{bytes_.hex()}", "not_utf8", said(bytes_))
        yield one(f"utf8-name-{bytes_.hex()}", "not_utf8", b'{"messages":[],"a%b":1}' % bytes_)
    yield one("utf8-alone", "not_utf8", b"\xff\xfe\xfd" * 1000)
    for code in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield one(f"file-{code}", "not_utf8 binary_file", PLAIN.decode().encode(code), whole=True)
    yield one("file-latin-1", "not_utf8", PLAIN.replace(b"What", b"Wh\xe4t"), whole=True)
    yield one("file-shift-jis", "not_utf8", PLAIN + said("日本語です".encode("shift_jis")) + b"\n", whole=True)
    yield one("bom", "byte_order_mark", b"\xef\xbb\xbf" + PLAIN, whole=True)
    yield one("bom-twice", "byte_order_mark", b"\xef\xbb\xbf" * 2 + PLAIN, whole=True)
    yield one("bom-alone", "byte_order_mark empty_file", b"\xef\xbb\xbf", whole=True)
    yield one("bom-in-the-middle", "invalid_json", b"\xef\xbb\xbf" + said("x"))
    yield one("bom-in-a-text", "invisible_characters", said("\ufeffx"))


def escapes() -> Iterator[Hostile]:
    """Half characters, control characters and escapes that are none."""
    for half in ("\\ud800", "\\udbff", "\\udc00", "\\udfff", "\\ud83d", "\\ude00\\ud83d", "\\ud83dx", "\\uD83D\\u0041"):
        yield one(f"surrogate-{half}", "lone_surrogate", said(f"a{half}"))
        yield one(f"surrogate-key-{half}", "lone_surrogate unknown_field", b'{"messages":[],"%b":1}' % half.encode())
    yield one("surrogates-100000", "lone_surrogate", said("\\ud800" * WIDE))
    yield one("surrogate-pair", "", said("\\ud83d\\ude00"))
    for control in range(32):
        if control != 0x0A:
            yield one(f"control-{control:02x}", "invalid_json", said(bytes((control,))))
    for written in ("\\u0000", "\\u0001", "\\u001f", "\\u007f", "\\u200b", "\\u202e", "\\u2066"):
        yield one(f"escaped-{written}", "invisible_characters", said(f"a{written}b"))
    for wrong in ("\\x41", "\\u12", "\\u{41}", "\\'", "\\", "\\uZZZZ", "\\0", "\\U0001F600"):
        yield one(f"escape-{wrong}", "invalid_json", said(wrong))


def depths() -> Iterator[Hostile]:
    for depth in (1_100, 5_000, DEEP):
        yield one(f"lists-open-{depth}", "nesting_too_deep", b"[" * depth)
        yield one(f"lists-{depth}", "nesting_too_deep", b"[" * depth + b"]" * depth)
        yield one(f"objects-{depth}", "nesting_too_deep", b'{"a":' * depth + b"1" + b"}" * depth)
        yield one(f"mixed-{depth}", "nesting_too_deep", b'{"messages":' + b'[{"a":' * depth + b"}]" * depth + b"}")
        inside = b'{"messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":%b}}]}'
        yield one(f"schema-{depth}", "nesting_too_deep", inside % (b'{"a":' * depth + b"{}" + b"}" * depth))
        yield one(f"unknown-{depth}", "nesting_too_deep", b'{"messages":[],"x":' + b"[" * depth + b"]" * depth + b"}")
    yield one("arguments-deep", "tool_arguments_not_json undeclared_tool", turns(tool_calls=[call("[" * DEEP)]))
    yield one("text-of-brackets", "", said("[" * LONG))
    yield one("text-of-braces", "", said("}" * LONG))


def call(arguments: Any = "{}", **more: Any) -> dict[str, Any]:
    return {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}, **more}


def keys() -> Iterator[Hostile]:
    good = said("x").decode()
    for name, old, new in (
        ("role", '"role":"user"', '"role":"user","role":"user"'),
        ("content", '"content":"x"', '"content":"y","content":"x"'),
        ("escaped", '"role":"user"', '"role":"user","r\\u006fle":"user"'),
        ("spaced", '"role":"user"', '"role" : "user", "role"\t: "user"'),
        ("thrice", '"role":"user"', ",".join(['"role":"user"'] * 3)),
        ("many", '"role":"user"', ",".join(['"role":"user"'] * WIDE)),
    ):
        yield one(f"repeated-{name}", "repeated_key", good.replace(old, new, 1))
    yield one("repeated-messages", "repeated_key", '{"messages":[],' + good[1:])
    schema = '{"type":"object","type":"object","properties":{}}'
    tool = f'"tools":[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}]'
    yield one("repeated-in-schema", "repeated_key", f"{good[:-1]},{tool}}}")
    yield one("long-key", "unknown_field", '{"%s":1}' % ("k" * 1_000_000))
    yield one("empty-key", "unknown_field", f'{good[:-1]},"":1}}')
    yield one("many-keys", "unknown_field", "{" + ",".join(f'"{n}":1' for n in range(WIDE)) + "}")
    yield one("proto", "unknown_field", f'{good[:-1]},"__proto__":{{"a":1}}}}')
    yield one(
        "colliding-keys", "unknown_field", "{" + ",".join(f'"{n * ((1 << 61) - 1)}":1' for n in range(9999)) + "}"
    )


def tokens() -> Iterator[Hostile]:
    for name in ("endoftext", "endofprompt", "fim_prefix", "fim_middle", "fim_suffix", "im_start", "im_end", "im_sep"):
        yield one(f"control-{name}", "control_token", said(f"a <|{name}|> b"))
        yield one(f"control-escaped-{name}", "control_token", said(f"\\u003c|{name}|\\u003e"))
        yield one(f"control-asked-{name}", "control_token", said(f"<|{name}|>", role="user"))
    for token in ("[INST]", "<<SYS>>", "<start_of_turn>", "<|eot_id|>", "<｜User｜>", "<|start_header_id|>"):
        yield one(f"template-{token}", "template_tokens", said(token + " x"))
    yield one("controls-50000", "control_token", said("<|endoftext|>" * WIDE))


def numbers() -> Iterator[Hostile]:
    for name, number in (
        ("exponent", "1e999999"), ("minus-exponent", "-1e999999"), ("tiny", "1e-999999"), ("digits", "9" * 5000),
        ("more-digits", "1" * LONG), ("fraction", "0." + "3" * LONG), ("int64", str(1 << 64)), ("minus-zero", "-0"),
    ):  # fmt: skip
        yield one(f"number-weight-{name}", "invalid_weight invalid_json invalid_message no_trained_message",
                  turns(weight=7).replace(b"7}", number.encode() + b"}"))  # fmt: skip
        yield one(f"number-messages-{name}", "missing_messages invalid_json", f'{{"messages":{number}}}')
    for number in ("NaN", "Infinity", "-Infinity", "01", "+1", ".5", "1.", "0x10", "1_000", "1e", "--1", "١"):
        yield one(f"no-number-{number}", "invalid_json", f'{{"messages":{number}}}')
    for weight in (2, -1, 0.5, "1", True, None, [1]):
        yield one(f"weight-{weight}", "" if weight is None else "invalid_weight", turns(weight=weight))


def blanks() -> Iterator[Hostile]:
    for blank in (" ", "\\t", "\\n", "\\r\\n", "\u3000", "\u00a0", "\u2003", " \\t"):
        yield one(
            f"blanks-{blank!r}", "whitespace_run", lambda blank=blank: said("a" + blank * (1_000_000 // len(blank)))
        )
        yield one(f"blanks-asked-{blank!r}", "whitespace_run", lambda blank=blank: said(blank * 500_000, role="user"))
    yield one("blanks-outside", "", lambda: b" " * 1_000_000 + said("x"))
    yield one("blanks-line", "blank_line", lambda: b" " * 1_000_000)
    yield one("blank-lines", "blank_line", lambda: b"\n" * 100_000)
    yield one("blank-lines-alone", "empty_file", lambda: b"\n" * 100_000, whole=True)
    yield one("empty", "empty_file", b"", whole=True)


def newlines() -> Iterator[Hostile]:
    yield one("crlf", "", PLAIN.replace(b"\n", b"\r\n"), whole=True)
    yield one(
        "crlf-mixed", "", b"".join(f"{line}{chr(13) * (n % 2)}\n".encode() for n, line in enumerate(GOOD)), whole=True
    )
    yield one("cr-alone", "invalid_json", PLAIN.replace(b"\n", b"\r"), whole=True)
    yield one("no-last-newline", "", PLAIN.rstrip(), whole=True)
    for name, between in (
        ("ls", "\u2028"),
        ("nel", "\u0085"),
        ("vt", "\v"),
        ("ff", "\f"),
        ("nul", "\0"),
        ("rs", "\x1e"),
    ):
        yield one(f"lines-by-{name}", "invalid_json binary_file", between.join(GOOD), whole=True)
    yield one("separator-in-text", "", said("a\u2028b"))
    yield one("newline-in-text", "invalid_json", said("a\nb"))


def containers() -> Iterator[Hostile]:
    """What is no file of lines, under its name."""
    big = PLAIN * 50
    packed = {
        "gzip": gzip.compress(big), "gzip-cut": gzip.compress(big)[:99], "gzip-bomb": gzip.compress(bytes(64 << 20)),
        "zstd": zstd.compress(big), "zstd-bomb": zstd.compress(bytes(64 << 20)), "bzip2": bz2.compress(big),
        "xz": lzma.compress(big), "zip": b"PK\x03\x04" + zlib.compress(big),
        "parquet": b"PAR1" + random.Random(1).randbytes(9999),
        "pickle": pickle.dumps(GOOD), "elf": b"\x7fELF" + bytes(999),
        "png": b"\x89PNG\r\n\x1a\n" + random.Random(2).randbytes(9999),
        "noise": random.Random(3).randbytes(LONG), "nul": bytes(LONG), "floats": struct.pack("<9999d", *range(9999)),
    }  # fmt: skip
    for name, data in packed.items():
        yield one(f"file-{name}", "binary_file not_utf8 invalid_json", data, whole=True)
    objects = [json.loads(line) for line in GOOD]
    yield one("array", "json_array_file", json.dumps(objects), whole=True)
    yield one("array-cut", "json_array_file", json.dumps(objects)[:500], whole=True)
    yield one("pretty", "invalid_json json_array_file", json.dumps(objects, indent=1), whole=True)
    texts = {
        "csv": "question,answer\nWhat?,That.\n", "yaml": "- messages:\n  - role: user\n", "html": "<html>\n<p>x</p>\n",
        "python": PLAIN.decode().replace('"', "'"), "comments": "// one\n# two\n",
        "trailing": PLAIN.decode().replace("}\n", "},\n"),
        "two-a-line": PLAIN.decode().replace("}\n{", "}{"), "cut": PLAIN.decode()[:-9],
    }  # fmt: skip
    for name, text in texts.items():
        yield one(f"file-{name}", "invalid_json not_an_object", text, whole=True)
    for value in ("1", '"x"', "null", "true", "[]", "[{}]"):
        yield one(f"value-{value}", "not_an_object", value)


def shapes() -> Iterator[Hostile]:
    for wrong in (None, 1, "x", {}, True, {"0": {}}):
        yield one(f"messages-{wrong}", "missing_messages", line_of(wrong))
    for wrong in (None, 1, "x", [], True):
        yield one(f"message-{wrong}", "invalid_message", line_of([wrong, {"role": "assistant", "content": "x"}]))
    for role in (None, 1, [], "", "User", "usеr", "user " * 9999, "function\0"):
        yield one(f"role-{str(role)[:9]!r}", "unknown_role missing_role", line_of([{"role": role, "content": "x"}]))
    for content in (1, {}, True, [1], [[]], [{"type": "x"}], [{"type": "text"}], [{"type": "text", "text": 1}]):
        yield one(f"content-{content}", "invalid_content missing_content", turns(content=content))
    yield one("content-empty-list", "invalid_content", turns(content=[]))
    for n, calls in enumerate(
        (1, "x", [1], [{}], [call(1)], [call({})], [call(None)], [call("{")], [call("[]")], [call(id=1)])
    ):
        yield one(f"calls-{n}", "invalid_tool_call tool_arguments_not_json", turns(tool_calls=calls))
    yield one("name-long", "invalid_name", turns(name="n" * 10_000))
    yield one("messages-100000", "invalid_message", b'{"messages":[' + b"1," * DEEP + b"1]}")
    yield one("empty-messages-50000", "invalid_message missing_role", b'{"messages":[' + b"{}," * WIDE + b"{}]}")
    yield one("turns-20000", "", line_of([{"role": r, "content": "x"} for r in ("user", "assistant")] * 10_000))
    yield one("parts-50000", "", line_of([{"role": "user", "content": [{"type": "text", "text": "x"}] * WIDE},
                                          {"role": "assistant", "content": "x"}]))  # fmt: skip
    yield one("calls-20000", "undeclared_tool", turns(tool_calls=[call(id=f"c{n}") for n in range(20_000)]))
    for url in (
        "data:image/png;base64,",
        "data:image/png;base64," + "!" * 9999,
        "ftp://x/y",
        "data:text/html,x",
        "x" * LONG,
    ):
        parts = [{"type": "image_url", "image_url": {"url": url}}]
        asked = [{"role": "user", "content": parts}, {"role": "assistant", "content": "x"}]
        yield one(f"image-{url[:30]}", "image_invalid", line_of(asked))


def patterns() -> Iterator[Hostile]:
    """Texts on which careless patterns take time that grows with the square of the length, or worse."""
    pieces = {
        "a": "a", "a@": "a@", "a.": "a.", "@a.": "@a.", "a@a.": "a@a.", "a-b.": "a-b.", "digits": "1",
        "digit-dash": "12-",
        "digit-blank": "4111 ", "plus": "+1 ", "paren": "(", "brackets": "[[", "braces": "{{", "brace": "{{a",
        "pipe": "<|",
        "tag": "<|a", "angle": "<YOUR ", "begin": "-----BEGIN ", "ey": "eyJ", "sk": "sk-", "b64": "QUJD",
        "slash": "a://b:",
        "quote": "I'm sorry, but ", "ignore": "ignore all the ", "forget": "forget the ", "you": "you are just a ",
        "fence": "```\\n", "tick": "`a` ", "html": "<p ", "amp": "&#39;", "mixed": "aа", "moji": "Ã", "kana": "縺",
        "upper": "DE12 ", "iban": "AB12CD34", "your": "[Your ", "pass": "password: ", "user": "USER: ",
        "human": "\\nHuman: ",
        "accent": "e\u0301", "zalgo": "a\u0301\u0302\u0303", "emoji": "👩\u200d", "joiner": "a\u200d", "rtl": "\u202ea",
        "japanese": "申し訳", "chinese": "抱歉", "digits-wide": "１２", "ones": "'s", "dots": "...", "underscore": "_a",
        "table": "|-", "rows": "| a |\\n", "dashes": "--", "colons": "a: ", "commas": "a, ", "signs": "x = y ",
        "latin-1": "\u00cf\u00f0", "high": "\u00b7\u00c4", "percent": "a%20", "quoted": "=E2=80=99",
        "quotes": '\\\\\\"a ', "escapes": "\\\\u3042", "twisted": "аАБВ", "read": "РџСЂ", "pieces": "e\u0301a",
    }  # fmt: skip
    for name, piece in pieces.items():
        text = (piece * LONG)[:LONG]
        yield Hostile(f"pattern-{name}", frozenset(("*",)), lambda text=text: said(text))
        if name in ("a", "a@a.", "digits", "ignore", "quote", "braces"):
            yield Hostile(f"pattern-asked-{name}", frozenset(("*",)), lambda text=text: said(text, role="user"))
    left = "{{name}} [Your Name] {name} <p>x</p> &nbsp;"  # what is found, and then looked for in all of the text
    behind = {
        "line-feeds": "\\n" * 99_000 + left, "marks": "!" * LONG + "sorry, x",
        "returns": "return " * (LONG // 7) + left,
        "semicolons": "; " * (LONG // 2) + left, "ticks": "`a" * (LONG // 2) + left, "dash-ey": "-eyJ" * (LONG // 4),
    }  # fmt: skip
    for name, text in behind.items():
        yield Hostile(f"pattern-behind-{name}", frozenset(("*",)), lambda text=text: said(text))


FAMILIES: tuple[Callable[[], Iterable[Hostile]], ...] = (
    encodings, escapes, depths, keys, tokens, numbers, blanks, newlines, containers, shapes, patterns,
)  # fmt: skip
FILES = [file for family in FAMILIES for file in family()]
