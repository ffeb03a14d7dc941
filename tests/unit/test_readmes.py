"""What the two READMEs link to and show is there, and is light enough to load on a slow line.

R154: the documents are open, and as the code is.
"""

import re

import pytest

from services.i18n import LANGUAGES
from tests.peers import ROOT

READMES = {"README.md": "en", "README.zh-CN.md": "zh_CN"}
IMAGES = ROOT / "docs" / "images"
LINK = re.compile(r"(?<!!)\[[^\]]+\]\((?P<path>[^)#]+)\)")
SHOWN = re.compile(r"!\[(?P<words>[^\]]*)\]\((?P<path>[^)]+)\)")
HEAVIEST = 150_000
"""Bytes of one picture."""


@pytest.mark.parametrize("readme", READMES)
def test_what_a_readme_links_to_is_there(readme):
    linked = LINK.findall((ROOT / readme).read_text(encoding="utf-8"))
    assert len(linked) == 6, "the other language, and five to read on"
    assert [path for path in linked if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize(("readme", "language"), READMES.items())
def test_a_readme_shows_pictures_in_its_own_language_each_with_words(readme, language):
    shown = SHOWN.findall((ROOT / readme).read_text(encoding="utf-8"))
    assert all(words for words, _ in shown)
    there = {str(path.relative_to(ROOT)) for path in (IMAGES / language).iterdir()}
    assert {path for _, path in shown} == there


def test_no_picture_is_heavy():
    sizes = {path: path.stat().st_size for path in IMAGES.rglob("*.webp")}
    assert {path.parent.name for path in sizes} == set(LANGUAGES)
    assert {path: size for path, size in sizes.items() if size >= HEAVIEST} == {}


@pytest.mark.parametrize("readme", READMES)
def test_the_two_commands_stand_in_a_readme_and_in_the_makefile(readme):
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in ("demo", "test"):
        assert f"\nmake {name} " in (ROOT / readme).read_text(encoding="utf-8")
        assert f"\n{name}: " in made
