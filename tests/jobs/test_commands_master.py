"""The master key and its paper, by the command: printed, checked once a year, changed."""

import re

import pytest

from data.keyring import Share
from tests.jobs.houses import INIT, NAME
from tests.jobs.test_commands_keeping import share_printed


def groups_on(page: str) -> str:
    return "-".join(re.findall(r"<td><small>\d+</small>(\w+)</td>", page))


def test_the_paper_is_checked_with_the_command_that_it_names(xinglin):
    """S-CRY-2: whoever keeps it in a safe learns that it is good before the day it is needed."""
    share = share_printed(xinglin)
    done = xinglin("keys", "verify", "--share", share.lower().replace("-", " "))
    assert done.code == 0, done.err
    assert Share.read(share).number in done.out
    assert xinglin("keys", "verify", "--share", share, "--json").answer["good"] is True


def test_a_paper_that_a_new_one_has_replaced_is_told_apart(xinglin):
    old = share_printed(xinglin)
    share_printed(xinglin)
    done = xinglin("keys", "verify", "--share", old)
    assert (done.code, "[recovery_share_wrong]" in done.err) == (3, True)


def test_a_typo_is_told_by_its_group(xinglin):
    share = share_printed(xinglin)
    wrong = ("0" if share[7] != "0" else "1").join((share[:7], share[8:]))
    done = xinglin("keys", "verify", "--share", wrong)
    assert (done.code, "[recovery_share_typo]" in done.err) == (3, True)
    assert " 2." in done.err


@pytest.mark.parametrize("verb", [("keys", "share"), ("keys", "rotate")])
def test_a_page_to_print_is_written_for_its_owner_alone(xinglin, tmp_path, verb):
    page = tmp_path / "sheet.html"
    done = xinglin(*verb, "--yes", "--sheet", str(page))
    assert done.code == 0, done.err
    assert page.stat().st_mode & 0o077 == 0
    text = page.read_text()
    assert NAME in text
    assert xinglin("keys", "verify", "--share", groups_on(text)).code == 0


def test_the_first_paper_can_be_a_page_as_well(nowhere, tmp_path):
    page = tmp_path / "sheet.html"
    assert nowhere(*INIT, "--sheet", str(page)).code == 0
    assert nowhere("keys", "verify", "--share", groups_on(page.read_text())).code == 0


def test_a_machine_that_reads_gets_the_page_as_well(nowhere, tmp_path):
    page = tmp_path / "sheet.html"
    done = nowhere(*INIT, "--json", "--sheet", str(page))
    assert done.code == 0, done.err
    assert groups_on(page.read_text()) == done.answer["recovery_share"]
    assert done.answer["sheet"] == str(page)


@pytest.mark.parametrize("verb", [("keys", "share"), ("keys", "rotate")])
@pytest.mark.parametrize("place", ["missing", "file"])
def test_a_page_that_has_no_place_is_refused_before_the_share_is_replaced(
    xinglin, tmp_path, verb, place
):
    share = share_printed(xinglin)
    (tmp_path / "file").write_text("")
    done = xinglin(*verb, "--yes", "--sheet", str(tmp_path / place / "sheet.html"))
    assert (done.code, done.out) == (3, "")
    assert "[path_is_no_folder]" in done.err
    assert xinglin("keys", "verify", "--share", share).code == 0


def test_a_page_that_has_no_place_is_refused_before_anything_is_made(nowhere, tmp_path):
    done = nowhere(*INIT, "--sheet", str(tmp_path / "missing" / "sheet.html"))
    assert (done.code, "[path_is_no_folder]" in done.err) == (3, True)
    assert not nowhere.home.exists()


def test_nothing_is_written_over_and_the_old_paper_stays_good(xinglin, tmp_path):
    share = share_printed(xinglin)
    page = tmp_path / "letter.html"
    page.write_text("a letter")
    done = xinglin("keys", "share", "--yes", "--sheet", str(page))
    assert (done.code, "[file_exists]" in done.err) == (3, True)
    assert page.read_text() == "a letter"
    assert xinglin("keys", "verify", "--share", share).code == 0


def test_a_new_paper_stands_in_the_trail_by_its_number_alone(xinglin, tmp_path):
    """R016: who printed what opens everything is noted; what opens everything is not."""
    share = share_printed(xinglin)
    assert xinglin("audit", "export", str(tmp_path)).code == 0
    [file] = tmp_path.glob("audit-*.jsonl")
    [entry] = [line for line in file.read_text().splitlines() if "recovery_share" in line]
    assert f"recovery_share:{Share.read(share).number}" in entry
    assert "console:" in entry
    assert not any(group in entry for group in share.split("-"))


def test_a_paper_is_printed_even_where_the_database_does_not_open(xinglin):
    (xinglin.home / "xinglin.db").write_bytes(b"not a database")
    done = xinglin("keys", "share", "--yes")
    assert done.code == 0
    assert "could not be noted" in done.err
    assert "Recovery share" in done.out
