"""Every sentence the program asks for exists, in both languages, with the same blanks."""

import ast
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from services import i18n
from services.lanes import MOST_TRIES
from services.rules import Role
from services.users import emergency, resets

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("data", "services", "pages", "media", "devices", "integrations", "jobs")
ERRORS = {
    "Invalid", "NotFound", "Forbidden", "Conflict", "TooMany", "Unavailable", "Unauthenticated",
}  # fmt: skip

FAMILIES: dict[str, set[str]] = {"role.": {str(role) for role in Role}}
"""Keys made from a value (`t(f"role.{role}")`): every value must have its sentence."""


def sources() -> Iterator[tuple[Path, ast.AST]]:
    files = [ROOT / "app.py", *(each for name in FOLDERS for each in (ROOT / name).rglob("*.py"))]
    for path in files:
        if path.exists():
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def literal(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def asked(tree: ast.AST) -> Iterator[str]:
    """Yield the keys that must exist: of t(), say(), errors, and arguments called *_key."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        place = {"t": 0, "say": 1}.get(name)
        if place is not None and len(node.args) > place:
            yield from filter(None, [literal(node.args[place])])
        if name in ERRORS and node.args and (code := literal(node.args[0])):
            yield f"error.{code}"
        for keyword in node.keywords:
            if (keyword.arg or "").endswith("_key") and (key := literal(keyword.value)):
                yield key
        if name == "NavItem":
            yield from filter(None, [literal(node.args[2])])


def mentioned(tree: ast.AST) -> Iterator[str]:
    """Yield every literal: a key in a table, or handed on, is in use too."""
    for node in ast.walk(tree):
        if (text := literal(node)) is not None:
            yield text


def made(tree: ast.AST) -> Iterator[str]:
    """Yield the beginnings of keys that are made from a value, such as `role.` of f"role.{x}"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and node.values and (start := literal(node.values[0])):
            yield start


def keys(language: str) -> set[str]:
    return set(i18n.catalogue(language).sentences)


def blanks(sentence: i18n.Sentence) -> set[str]:
    forms = (sentence,) if isinstance(sentence, str) else sentence
    return {
        name
        for form in forms
        for _, name, _, _ in string.Formatter().parse(form)
        if name is not None
    }


def test_every_sentence_that_is_asked_for_exists():
    known = keys("zh_CN")
    missing = [
        f"{path}: {key}" for path, tree in sources() for key in asked(tree) if key not in known
    ]
    assert missing == []


@pytest.mark.parametrize("prefix", FAMILIES)
def test_every_value_of_a_family_has_its_sentence(prefix):
    wanted = {f"{prefix}{value}" for value in FAMILIES[prefix]}
    assert wanted - keys("zh_CN") == set()


def test_the_languages_have_the_same_keys():
    first, second = (keys(language) for language in i18n.LANGUAGES)
    assert first ^ second == set()


def test_the_languages_have_the_same_blanks():
    first, second = (i18n.catalogue(language).sentences for language in i18n.LANGUAGES)
    wrong = {key for key in first if blanks(first[key]) != blanks(second.get(key, ""))}
    assert wrong == set()


def test_counted_sentences_have_every_plural_form():
    for language, forms in (("zh_CN", 1), ("en", 2)):
        counted = {
            key: len(sentence)
            for key, sentence in i18n.catalogue(language).sentences.items()
            if isinstance(sentence, tuple)
        }
        assert {key for key, number in counted.items() if number != forms} == set(), language
    first, second = (
        {key for key, said in i18n.catalogue(name).sentences.items() if isinstance(said, tuple)}
        for name in i18n.LANGUAGES
    )
    assert first == second


def test_no_sentence_is_empty_or_half_translated():
    chinese, english = (i18n.catalogue(language).sentences for language in i18n.LANGUAGES)
    empty = {key for book in (chinese, english) for key, said in book.items() if not any(said)}
    assert empty == set()
    hanzi = {
        key
        for key, said in english.items()
        if any("\u4e00" <= char <= "\u9fff" for form in _forms(said) for char in form)
    }
    assert hanzi <= MIXED, "English sentences with Chinese in them"


MIXED: set[str] = set()
"""English sentences that must name something in Chinese."""


def _forms(said: i18n.Sentence) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else said


def test_no_sentence_lies_unused():
    trees = [tree for _, tree in sources()]
    used = {text for tree in trees for text in mentioned(tree)}
    used |= {f"error.{text}" for text in used} | {key for tree in trees for key in asked(tree)}
    starts = tuple({start for tree in trees for start in made(tree) if "." in start})
    unused = {key for key in keys("zh_CN") if key not in used and not key.startswith(starts)}
    assert unused == set()


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_the_catalogue_compiles(language, tmp_path):
    """What `pybabel compile` finds wrong with a catalogue, nobody else will find for us."""
    source = i18n.LOCALE / language / "LC_MESSAGES" / "xinglin.po"
    done = pybabel(
        "compile", "-i", source, "-o", tmp_path / "xinglin.mo", "-l", language, "--statistics"
    )
    assert "error:" not in done.stderr
    assert (tmp_path / "xinglin.mo").stat().st_size > 0


def test_extraction_finds_only_keys_we_have(tmp_path):
    """`pybabel extract` with our keywords, as babel.cfg says, reads the same keys as this test."""
    target = tmp_path / "xinglin.pot"
    words = ("--no-default-keywords", "-k", "t", "-k", "say:2")
    done = pybabel("extract", "-F", ROOT / "babel.cfg", *words, "-o", target, ".")
    assert done.returncode == 0, done.stderr
    with target.open("rb") as file:
        found = {str(message.id) for message in read_po(file) if message.id}
    assert "shell.skip" in found
    assert found - keys("zh_CN") == set()


def pybabel(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "babel.messages.frontend", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


OTHER_WORDS = {
    "zh_CN": (
        *("审计记录", "备用码", "用户名", "网点", "紧急查", "口令", "第二道", "岗位"),
        *("健康检查页", "出厂值", "任务"),
    ),
    "en": ("broken glass", "break the glass", "the house", "this house"),
}
"""What CONTRIBUTING.md has another word for."""


@pytest.mark.parametrize("language", OTHER_WORDS)
def test_one_thing_has_one_name(language):
    """Whoever reads two words looks for two things."""
    said = i18n.catalogue(language).sentences.values()
    told = [form.lower() for each in said for form in _forms(each)]
    assert [word for word in OTHER_WORDS[language] if any(word in each for each in told)] == []


OPEN_MINUTES = emergency.OPEN_FOR // timedelta(minutes=1)
REVIEW_HOURS = emergency.REVIEWED_WITHIN // timedelta(hours=1)
RESET_HOURS = resets.WAITS_FOR // timedelta(hours=1)
NUMBERS_SAID = {
    "deliveries.parked_foot": MOST_TRIES,
    "duty.broken_glass": REVIEW_HOURS,
    "emergency.do": OPEN_MINUTES,
    "emergency.rule.hour": OPEN_MINUTES,
    "emergency.rule.review": REVIEW_HOURS,
    "error.behind_glass": OPEN_MINUTES,
    "event.ResetOverdue": RESET_HOURS,
    "reviews.why": REVIEW_HOURS,
    "staff.reset_admin_text": RESET_HOURS,
}
"""Sentences that name a number which the program has as a constant."""


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize(("key", "number"), NUMBERS_SAID.items())
def test_a_number_in_a_sentence_is_that_of_the_program(language, key, number):
    assert re.findall(r"\d+", i18n.say(language, key)) == [str(number)]
