"""Whatever we tell people to type, the command knows: on paper, on screens, in documents.

R154, R091: a recovery sheet that names a command nobody wrote is found out on the worst day.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from typer.main import get_command

from data.keyring import Share
from jobs.backup_share import sheet
from jobs.commands.verbs import cli
from services.i18n import LANGUAGES
from tests.factories import MONDAY
from tests.peers import ROOT

SPOKEN = ("*.md", "*.py", "*.sh", "*.8", "*.env", "*.service", "*.html", "*.svg", "*.toml")
SPOKEN += ("Makefile", "packaging/deb/*", "pages/static/*")
TYPED = re.compile(
    r"(?<![\w./@-])xinglin (?P<verb>[a-z][a-z-]+)(?: (?P<second>[a-z][a-z-]+))?"
    r"(?=(?P<rest>[^\n`;|\"'。，]*))"
)
NOT_TYPED = ("import xinglin", "from xinglin import", "xinglin xinglinyuan apricot")
"""Python, and a list of bad passwords."""
SOMEBODY = re.compile(r"User=xinglin|Group=xinglin|chown")


def known(command: Any) -> set[str]:
    return {flag for each in command.params for flag in each.opts} | {"--help", "-h"}


def wrong(text: str) -> list[str]:
    """Return what a text has people type that the command does not know."""
    top, found = get_command(cli), []
    for typed in TYPED.finditer(text):
        line = text[text.rfind("\n", 0, typed.start()) + 1 : typed.end() + 20]
        if any(each in line for each in NOT_TYPED) or SOMEBODY.search(line):
            continue
        verb = top.commands.get(typed["verb"])
        if hasattr(verb, "commands") and typed["second"]:
            verb = verb.commands.get(typed["second"])
        flags = re.findall(r"(?<= )--[a-z][a-z-]+", typed["rest"].partition("xinglin")[0])
        if verb is None or not set(flags) <= known(verb) | known(top):
            found.append(" ".join((typed[0], *flags)))
    return found


def files() -> Iterator[Path]:
    """Yield every file of ours that speaks to people, tests left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--", *SPOKEN], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if not name.startswith(("tests/", "benchmarks/")) and (ROOT / name).is_file():
            yield ROOT / name


def test_every_command_in_code_documents_and_package_exists():
    told = {
        path.relative_to(ROOT).as_posix(): wrong(path.read_text(encoding="utf-8", errors="replace"))
        for path in files()
    }
    assert len(told) > 200
    assert {name: found for name, found in told.items() if found} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_in_a_sentence_exists(language):
    """Health findings, refusals and letters say what to do: it must be there to be done."""
    place = ROOT / "services/locale" / language / "LC_MESSAGES/xinglin.po"
    with place.open("rb") as file:
        sentences = [str(each.string) for each in read_po(file, locale=language) if each.id]
    assert sum("xinglin " in each for each in sentences) > 20
    assert [found for each in sentences for found in wrong(each)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_on_the_recovery_sheet_exists(language):
    page = sheet(Share.new(), "示范县人民医院", MONDAY, language, "Asia/Shanghai")
    assert len(re.findall(r"xinglin [a-z]", page)) >= 3
    assert wrong(page) == []


def test_a_command_nobody_wrote_is_found():
    assert wrong("运行 xinglin recovery verify。") == ["xinglin recovery verify"]
    assert wrong("run `xinglin audit mend`") == ["xinglin audit mend"]
    assert wrong("xinglin backup --everything") == ["xinglin backup --everything"]
    assert wrong("xinglin export FOLDER --wishes") == ["xinglin export --wishes"]
    assert wrong("xinglin doctor and see; sudo xinglin keys rotate --yes") == []
