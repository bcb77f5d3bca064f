"""What importing the API application must not load: it is started often, and answers nothing that needs these."""

import json
import subprocess
import sys

HEAVY = (
    "openai",
    "tiktoken",
    "tokenizers",
    "jinja2",
    "huggingface_hub",
    "numpy",
    "torch",
    "workers",
    "rq",
    "service.check",
)


def test_the_api_application_loads_nothing_heavy() -> None:
    program = "import sys, json, service.app; print(json.dumps(sorted(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(shown.stdout))
    assert "service.app" in loaded
    found = sorted(name for name in HEAVY if name in loaded)
    assert found == []
