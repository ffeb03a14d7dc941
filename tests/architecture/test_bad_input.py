"""What may go wrong from outside: each has its test, its code, and a sentence in each language.

A full disk, a read-only disk, a corrupt or foreign database, a wrong or missing key, a second
process, a clock that jumps, an interrupted upgrade, a forged client_id, a foreign Origin, an
oversized body, a stale page, a reused recovery code. The table below says where each is tried;
that nothing is lost is seen there.
"""

import ast

import pytest

from services.i18n import LANGUAGES, has, say
from tests.peers import ROOT

BAD_INPUT: dict[str, dict[str, tuple[str, ...]]] = {
    "a full disk": {
        "error.disk_full": (
            "test_a_full_disk_is_said_and_nothing_that_was_answered_is_lost",
            "test_a_full_disk_is_one_sentence_and_leaves_nothing",
            "test_a_full_disk_refuses_an_upload_in_a_sentence",
        ),
        "error.backup_target_full": ("test_a_full_target_says_so_and_keeps_what_it_had",),
    },
    "a read-only disk": {
        "error.disk_read_only": ("test_a_disk_that_turns_read_only_is_said_and_taken_up_again",),
        "error.disk_failed": (
            "test_a_disk_that_fails_under_an_open_writer_loses_nothing_that_was_answered",
        ),
    },
    "a corrupt database": {
        "error.database_damaged": ("test_a_damaged_page_is_said_where_it_is_met",),
    },
    "a foreign database": {
        "error.database_key_wrong": (
            "test_a_file_that_is_no_database_of_ours_is_said_and_left_alone",
        ),
        "error.schema_foreign": ("test_the_database_of_another_program_is_left_alone",),
    },
    "a wrong key": {
        "error.database_key_wrong": ("test_a_key_that_does_not_fit_is_said_and_harms_nothing",),
    },
    "a missing key": {
        "error.master_key_missing": ("test_bad_input_is_one_sentence_and_a_code",),
    },
    "a second process": {
        "error.database_in_use": (
            "test_a_second_process_is_refused_with_a_code",
            "test_every_verb_works_beside_a_running_server",
        ),
    },
    "a clock that jumps": {
        "health.steadiness.jumped_ahead": ("test_the_health_page_says_so_and_what_to_do",),
        "health.steadiness.jumped_back": ("test_the_health_page_says_so_and_what_to_do",),
        "health.clock.wrong": ("test_a_clock_that_is_wrong_shows",),
    },
    "an interrupted upgrade": {
        "error.upgrade_taken_back": ("test_an_upgrade_broken_off_half_way_has_not_happened",),
        "error.schema_older": ("test_what_was_not_upgraded_yet_says_what_to_do",),
    },
    "a forged client_id": {
        "error.foreign_page": ("test_the_number_of_anothers_page_is_refused",),
        "error.page_stale": ("test_an_invented_page_is_none",),
    },
    "a foreign Origin": {
        "error.foreign_origin": (
            "test_a_foreign_page_asks_in_vain",
            "test_a_post_from_a_foreign_page_is_refused",
        ),
    },
    "an oversized body": {
        "error.body_too_large": (
            "test_a_body_that_is_too_large_is_not_taken",
            "test_a_body_too_large_is_refused_while_it_comes_in",
        ),
    },
    "a stale page": {
        "error.page_stale": ("test_a_stale_page_is_told_so_and_its_browser_loads_anew",),
        "error.changed_meanwhile": (
            "test_the_system_administrator_changes_it",
            "test_details_change_and_a_stale_page_does_not",
        ),
    },
    "a reused recovery code": {
        "error.recovery_code_used": (
            "test_a_recovery_code_opens_once_and_says_so_the_second_time",
        ),
    },
}
CELLS = [
    (key, test) for codes in BAD_INPUT.values() for key, tests in codes.items() for test in tests
]


@pytest.mark.parametrize("key", sorted({key for key, _ in CELLS}))
def test_it_is_one_sentence_in_each_language(key: str):
    sentences = {language: say(language, key) for language in LANGUAGES if has(key, language)}
    assert sentences.keys() == set(LANGUAGES)
    assert len(set(sentences.values())) == len(LANGUAGES)
    assert all(len(sentence) < 250 for sentence in sentences.values())


@pytest.fixture(scope="module")
def places() -> dict[str, str]:
    """What each test says itself and in the tables of its file that it names, by its name."""
    found = {}
    for file in (ROOT / "tests").rglob("test_*.py"):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        tables = {
            ast.unparse(node.targets[0]): node for node in body if isinstance(node, ast.Assign)
        }
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                named = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                parts = [node, *(tables[name] for name in tables.keys() & named)]
                found[node.name] = "\n".join(ast.unparse(part) for part in parts)
    return found


@pytest.mark.parametrize(("key", "test"), CELLS)
def test_the_test_that_tries_it_is_there_and_asks_for_the_code(places, key: str, test: str):
    assert test in places, f"{test} has gone: say where this is tried now"
    assert key.rpartition(".")[2] in places[test], f"{test} does not ask for the code"
