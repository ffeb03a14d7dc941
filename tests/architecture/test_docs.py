"""Documents that are generated from the code say what the code says.

R154: the documents are open, and as the code is.
"""

import re
import subprocess
import sys

from scripts import docs, docs_ports, docs_settings
from tests.peers import ROOT


def test_generated_documents_are_up_to_date():
    """R092: docs/sop.md is the table the program follows."""
    command = [sys.executable, "-m", "scripts.docs", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_document_that_is_out_of_date_is_named(monkeypatch, capsys):
    monkeypatch.setattr(docs, "pages", lambda: {"docs/sop.md": "something else"})
    monkeypatch.setattr(sys, "argv", ["docs", "--check"])
    assert docs.main() == 1
    assert capsys.readouterr().out == "docs/sop.md is out of date: make docs\n"


def test_no_document_is_an_orphan():
    """Whoever starts at the page on architecture finds every other one."""
    start = ROOT / "docs" / "architecture.md"
    linked = re.findall(r"\]\(([a-z]+\.md)\)", start.read_text(encoding="utf-8"))
    every = {path.name for path in start.parent.glob("*.md")} - {start.name}
    assert every - set(linked) == set()


def test_every_adapter_says_what_it_was_run_against():
    """An adapter that never met the real service must say so."""
    assert "not said yet" not in docs_ports.pages()[docs_ports.PATH]


def test_the_settings_name_every_section_and_no_secret():
    text = docs_settings.pages()[docs_settings.PATH]
    assert "`XINGLIN_MAIL__HOST`" in text
    assert "`policy.auth.fail_limit`" in text
    assert "SecretStr" not in text


def test_a_bar_in_a_cell_does_not_end_it():
    assert docs.row("a|b", 1) == "| a\\|b | 1 |"
