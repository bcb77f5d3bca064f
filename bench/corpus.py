"""Writes chat lines of real text to measure with: code, documents, manuals in many languages, and the shared data sets.

The text is what lies on this machine (Python's library and packages, the system's documents and manual pages): another
machine measures on another corpus, one machine always on the same. None of it is shipped.
"""

import gzip
import json
import random
import sysconfig
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Literal

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SYSTEMS = (
    "You are a careful assistant. Answer from the text alone.",
    "You explain code to newcomers in plain words.",
    "あなたは親切なアシスタントです。簡潔に答えてください。",
    "You are a support agent. Be brief, name the next step.",
)
_CODE = [(Path(sysconfig.get_path(name)), "*.py") for name in ("stdlib", "purelib")]
_DOCUMENTS = [
    *((Path(sysconfig.get_path("purelib")), pattern) for pattern in ("*.md", "*.rst", "*.txt", "METADATA")),
    *((Path("/usr/share/doc"), pattern) for pattern in ("*.gz", "*.txt", "*.md", "*.rst", "copyright")),
]
_MANUALS = [(Path("/usr/share/man"), "*.gz")]
_SHARED_SHARE = 0.2


Form = Literal["chat", "tools", "preference"]


def write_corpus(path: Path, megabytes: float, form: Form = "chat") -> None:
    """Write that many megabytes of lines, every other one with its letters beyond ASCII escaped.

    Of chats a fifth is the shared data; the other forms are made of the same text without it.
    """
    rng = random.Random(20261122)
    folder = SHARED.glob("*/*.jsonl") if form == "chat" else ()
    shared = [line for file in sorted(folder) for line in file.read_bytes().splitlines()]
    rng.shuffle(shared)
    kinds = [_passages(rng, places) for places in (_CODE, _DOCUMENTS, _MANUALS) if _files(places)]
    with path.open("wb") as out:
        size = at = 0
        while size < megabytes * 1e6:
            if shared and rng.random() < _SHARED_SHARE:
                size += out.write(shared.pop() + b"\n")
                continue
            at += 1
            line = json.dumps(_line(form, at, _conversation(rng, kinds)), ensure_ascii=at % 2 == 0)
            size += out.write(line.encode() + b"\n")


def _conversation(rng: random.Random, kinds: list[Iterator[str]]) -> list[dict[str, str]]:
    passages = rng.choice(kinds)
    messages = [{"role": "system", "content": rng.choice(SYSTEMS)}]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        messages.append({"role": "user", "content": next(passages)})
        messages.append({"role": "assistant", "content": next(passages)})
    return messages


def _line(form: Form, at: int, messages: list[dict[str, str]]) -> dict[str, Any]:
    """Return a conversation as a line of some form: with a call and its result, or with two answers to choose from."""
    system, asked, *_, answer = messages
    if form == "chat":
        return {"messages": messages}
    if form == "preference":
        rejected = {"role": "assistant", "content": answer["content"][::-1]}
        asks = {"messages": [system, asked], "tools": [], "parallel_tool_calls": True}
        return {"input": asks, "preferred_output": [answer], "non_preferred_output": [rejected]}
    name = _TOOLS[at % len(_TOOLS)]["function"]["name"]
    arguments = json.dumps({"query": asked["content"][:60], "limit": at % 9})
    call = {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
    said = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"call_{at}", "content": messages[2]["content"]},
    ]
    return {"messages": [system, asked, *said, answer], "tools": _TOOLS, "parallel_tool_calls": False}


def _tool(name: str) -> dict[str, Any]:
    properties = {
        "query": {"type": "string", "description": "What is looked for."},
        "limit": {"type": "integer"},
        "order": {"type": "string", "enum": ["new", "old"]},
    }
    parameters = {"type": "object", "properties": properties, "required": ["query"], "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": "Use it.", "parameters": parameters}}


_TOOLS = [_tool(name) for name in ("find_page", "find_file", "find_person", "find_ticket")]


def _files(places: list[tuple[Path, str]]) -> list[Path]:
    return sorted(file for folder, pattern in places for file in folder.rglob(pattern) if not file.is_symlink())


def _passages(rng: random.Random, places: list[tuple[Path, str]]) -> Iterator[str]:
    """Yield pieces of the files, 400 characters in the middle; where all were read, once more, with a number before."""
    files = _files(places)
    for turn in count():
        rng.shuffle(files)
        for file in files:
            text, at = _read(file), 0
            while at < len(text):
                size = min(6000, max(40, int(rng.lognormvariate(5.4, 1.1))))
                piece = text[at : at + size]
                at += size
                if piece.strip() and "<|" not in piece:  # the cookbook's count refuses control tokens
                    yield f"{rng.randrange(10**6)} {piece}" if turn else piece


def _read(file: Path) -> str:
    try:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        return data.decode()
    except (OSError, EOFError, UnicodeDecodeError):
        return ""
