"""Nothing that a person wrote becomes HTML or JavaScript: each way to write either is watched.

S-INJ, R043: text goes through elements that escape it. This is the first wall; the nonce is the
second (docs/adr/0011-nonce-csp.md).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import ROOT

SINKS = {
    *("add_head_html", "add_body_html", "add_css", "add_scss", "add_sass", "add_slot"),
    *("html", "markdown", "restructured_text", "mermaid", "run_javascript", "js_handler"),
    *("HTMLResponse", "Markup"),
}
SAFE_CALLS = {"static", "dumps", "escape"}
"""What may fill a blank: the address of a file of ours, a JSON value, escaped text."""
CHECKED_BY_HAND = {
    "pages/theme.py: add_head_html": "our files' addresses, and a scale out of an enumeration",
    "pages/plain.py: HTMLResponse": "every part of it is escaped where it is put together",
}
IN_THE_BROWSER = re.compile(
    r"v-html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
)


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_safe(text: ast.expr) -> bool:
    if isinstance(text, ast.Constant):
        return True
    if not isinstance(text, ast.JoinedStr):
        return False
    blanks = [part.value for part in text.values if isinstance(part, ast.FormattedValue)]
    return all(isinstance(blank, ast.Call) and _name(blank) in SAFE_CALLS for blank in blanks)


def found(root: Path) -> Iterator[str]:
    """Yield each place that could turn what somebody wrote into HTML or JavaScript."""
    for file in sorted((root / "pages").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node) in SINKS:
                texts = [*node.args[:1], *(word.value for word in node.keywords if not word.arg)]
                if not all(_is_safe(text) for text in texts):
                    yield f"{file.relative_to(root).as_posix()}: {_name(node)}"
    for file in sorted((root / "pages").rglob("*.js")):
        if said := IN_THE_BROWSER.search(file.read_text(encoding="utf-8")):
            yield f"{file.relative_to(root).as_posix()}: {said[0]}"


def test_what_becomes_html_is_constant_or_escaped():
    assert set(found(ROOT)) == CHECKED_BY_HAND.keys(), "escape it, or say here why nothing gets in"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.py", "ui.html(f'<b>{name}</b>', sanitize=False)"),
        ("a.py", "ui.add_head_html(name)"),
        ("a.py", "client.run_javascript(f'f({name})')"),
        ("a.py", "client.run_javascript('f(' + name + ')')"),
        ("a.js", "box.innerHTML = name"),
        ("a.js", "template: `<p v-html='name'></p>`"),
    ],
)
def test_a_way_for_somebodys_words_into_a_page_is_found(tmp_path: Path, file: str, text: str):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / file).write_text(text)
    assert len(list(found(tmp_path))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "ui.html('<hr>', sanitize=False)",
        "client.run_javascript(f'f({json.dumps(name)})')",
        "ui.label(name)",
    ],
)
def test_what_is_escaped_or_constant_passes(tmp_path: Path, text: str):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.py").write_text(text)
    assert list(found(tmp_path)) == []
