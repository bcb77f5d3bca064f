"""The HTML report: it shows all, needs nothing from outside, and lets nothing of the data become markup."""

import json
from html.parser import HTMLParser
from pathlib import Path

from service.core.dataset.page import to_html
from tests.check.conftest import GOOD, Check, encoded
from tests.check.test_command import run

EVIL = '</code><script src="https://evil.example/x.js">alert(1)</script><img src=x onerror=alert(1)>'
CLOSED = {"meta", "rect", "br"}


class Page(HTMLParser):
    """Keeps the elements, attributes and text of a page; fails where elements are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in CLOSED:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_shows_every_code_and_is_well_formed(check: Check) -> None:
    lines = [*(GOOD["supervised"](at) for at in range(60)), "{", GOOD["supervised"](3), {"messages": []}]
    report = check(lines)
    page = Page(to_html(report, "data.jsonl"))
    for code, number in report.counts.items():
        assert f"{code} ({number:,})" in page.text
    assert "line 61" in page.text
    assert "data.jsonl: not valid: 2 errors" in page.text
    assert {"svg", "rect", "details", "dl"} <= page.seen


def test_nothing_of_the_data_becomes_markup(check: Check) -> None:
    line = {"messages": [{"role": EVIL, "content": "a"}], EVIL: 1}
    text = to_html(check([*(GOOD["supervised"](at) for at in range(60)), line]), EVIL)
    page = Page(text)
    assert page.seen.isdisjoint({"script", "img", "link", "iframe"})
    assert not {name for name in page.attributes if name.startswith("on")}
    assert "src" not in page.attributes
    assert "href" not in page.attributes
    assert "default-src 'none'" in text


def test_empty_report(check: Check) -> None:
    page = Page(to_html(check([])))
    assert "empty_file (1)" in page.text


def test_command(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_bytes(b"".join(encoded(GOOD["supervised"](at)) + b"\n" for at in range(60)))
    result = run(file, "--format", "html")
    assert result.exit_code == 0
    page = Page(result.stdout)
    assert "What a run would take" in page.text
    assert json.loads(run(file, "--format", "json").stdout)["sha256"] in page.text
