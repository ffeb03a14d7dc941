"""The anchor lies outside the database, stays small, and is never the reason to trust less."""

import json
from datetime import timedelta

import pytest

from data.audit import FIRST
from data.errors import Invalid
from data.keyring import KeyFile
from jobs.schedule import Chores
from services.anchors import FULL, Anchors
from services.findings import Level
from services.policy import HOUSE, Role
from services.tasks import Search
from tests.conftest import MASTER
from tests.factories import MONDAY, an_actor
from tests.services.test_trail import found

KEYS = KeyFile(((1, MASTER),)).keys()


def filled(path, lines, full=300):
    anchors = Anchors(path, full)
    for number in range(1, lines + 1):
        anchors.write(number, "a" * 64, MONDAY + timedelta(minutes=number))
    return anchors


def test_a_full_file_gets_a_date_and_every_line_is_kept(tmp_path):
    """S-AUD-1."""
    anchors = filled(tmp_path / "audit.jsonl", 10)

    files = [*anchors.rolled(), anchors.path]
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert len(files) > 2
    assert [line["seq"] for line in lines] == list(range(1, 11))
    assert max(file.stat().st_size for file in files) < 300 + 200
    assert anchors.highest(KEYS) == (10, "a" * 64)


def test_without_the_newest_file_the_one_before_speaks(tmp_path):
    anchors = filled(tmp_path / "audit.jsonl", 10)
    anchors.path.unlink()
    last = json.loads(anchors.rolled()[-1].read_text().splitlines()[-1])

    assert anchors.highest(KEYS) == (last["seq"], "a" * 64)


def test_a_lower_line_does_not_lower_what_is_known(tmp_path):
    """Whoever can write the file by hand leaves a trace, and hides nothing."""
    anchors = filled(tmp_path / "audit.jsonl", 10, full=FULL)
    with anchors.path.open("a") as file:
        file.write(json.dumps({"seq": 4, "mac": "b" * 64, "at": MONDAY.isoformat()}) + "\n")
    assert anchors.last()["seq"] == 4
    assert anchors.highest(KEYS) == (10, "a" * 64)


def test_a_house_that_went_back_in_time_says_so_and_begins_anew(tmp_path):
    anchors = filled(tmp_path / "audit.jsonl", 10, full=FULL)
    anchors.go_back("restored", MONDAY + timedelta(hours=1), KEYS)
    assert anchors.highest(KEYS) == (0, FIRST)
    anchors.write(5, "c" * 64, MONDAY + timedelta(hours=2))
    assert anchors.highest(KEYS) == (5, "c" * 64)
    assert '"why": "restored"' in anchors.path.read_text()
    rotated = KeyFile(((1, MASTER),)).rotated().keys()
    assert anchors.highest(rotated) == (5, "c" * 64), "also after the keys were rotated"


@pytest.mark.parametrize("more", [{}, {"proof": "0" * 64}, {"key": 9, "proof": None}, {"key": "x"}])
def test_only_who_has_the_keys_says_that_the_house_went_back(tmp_path, more):
    """Red before: one line that anybody could add made a shortened trail whole."""
    anchors = filled(tmp_path / "audit.jsonl", 10, full=FULL)
    forged = {"seq": 0, "mac": FIRST, "at": MONDAY.isoformat(), "why": "restored", "key": 1}
    with anchors.path.open("a") as file:
        file.write(json.dumps({**forged, **more}) + "\n")
    with pytest.raises(Invalid, match="audit_anchor_damaged"):
        anchors.highest(KEYS)


def test_a_line_that_was_torn_is_passed_over_and_the_next_is_whole(tmp_path):
    """Bad input: a full disk. Red before: nothing was ever anchored again."""
    anchors = filled(tmp_path / "audit.jsonl", 3, full=FULL)
    with anchors.path.open("a") as file:
        file.write('{"seq": 4, "mac": "aa')
    assert anchors.highest(KEYS) == (3, "a" * 64)
    anchors.write(5, "a" * 64, MONDAY + timedelta(hours=1))
    assert anchors.highest(KEYS) == (5, "a" * 64)


def test_wherever_a_line_is_torn_the_next_is_whole(tmp_path):
    """Red before: a line that lacked nothing but its end was an alarm for good."""
    anchors = filled(tmp_path / "audit.jsonl", 3, full=FULL)
    whole = anchors.path.read_bytes()
    for cut in range(1, len(whole.splitlines()[-1]) + 2):
        anchors.path.write_bytes(whole[:-cut])
        anchors.write(5, "a" * 64, MONDAY + timedelta(hours=1))
        assert anchors.highest(KEYS) == (5, "a" * 64), cut


@pytest.mark.parametrize("instead", ["rubbish\n", "rubbish", "\0" * 64, "{}\n", '["seq"]\n'])
@pytest.mark.parametrize("kept", [True, False])
def test_what_was_never_ours_is_not_taken_for_a_torn_line(tmp_path, instead, kept):
    """S-AUD-1. Red before: a file of rubbish was one in which nothing had ever been anchored."""
    anchors = filled(tmp_path / "audit.jsonl", 10)
    anchors.path.write_text((anchors.path.read_text() if kept else "") + instead)
    with pytest.raises(Invalid, match="audit_anchor_damaged"):
        anchors.highest(KEYS)
    with pytest.raises(Invalid, match="audit_anchor_damaged"):
        anchors.last()


def test_a_full_file_is_read_as_strictly_as_the_newest(tmp_path):
    """Red before: with the newest file gone, a lower or forged line of the one before counted."""
    anchors = filled(tmp_path / "audit.jsonl", 10)
    anchors.path.unlink()
    newest = anchors.rolled()[-1]
    known = anchors.highest(KEYS)
    lower = {"seq": 1, "mac": "b" * 64, "at": MONDAY.isoformat()}
    with newest.open("a") as file:
        file.write(json.dumps(lower) + "\n")
    assert anchors.highest(KEYS) == known
    with newest.open("a") as file:
        file.write(json.dumps({**lower, "seq": 0, "mac": FIRST, "why": "restored"}) + "\n")
    with pytest.raises(Invalid, match="audit_anchor_damaged"):
        anchors.highest(KEYS)


async def test_a_spoilt_anchor_is_told_as_what_it_is(clinic, clock):
    """S-AUD-1. Red before: it was told as a trail that is broken at entry 0, and as no anchor."""
    await found(clinic)
    chores, auditor = Chores(clinic, None), an_actor(Role.AUDIT_ADMIN)
    await chores.anchor()
    clinic.settings.anchor_file.write_text("rubbish\n")
    for work in (chores.anchor, chores.verify_audit):
        clock.forward(days=1)
        with pytest.raises(Invalid, match="audit_anchor_damaged"):
            await work()

    tasks, _ = await clinic.tasks.page(auditor, Search())
    assert [(task.kind, task.values) for task in tasks] == [("anchor_damaged", {})]
    looked = {each.check: each for each in await clinic.health.look(HOUSE)}
    assert (looked["anchor"].level, looked["anchor"].code) == (Level.RED, "damaged")
    assert looked["trail"].code == "not_verified", "nobody knows whether it is whole"

    await clinic.tasks.close(auditor, tasks[0].id, "moved aside")
    clock.forward(minutes=1)
    with pytest.raises(Invalid, match="audit_anchor_damaged"):
        await chores.anchor()
    assert (await clinic.tasks.page(auditor, Search()))[1] == 1, "it is still so: asked again"


async def test_a_trail_without_an_anchor_is_not_said_to_agree_with_one(clinic):
    """S-AUD-1. Red before: whoever took all files away saw "in keeping with the anchor"."""
    await found(clinic)
    assert (await clinic.audit.verify(HOUSE)).anchored == 0
    last = await clinic.audit.anchor(HOUSE)
    verdict = await clinic.audit.verify(HOUSE)
    assert (verdict.whole, verdict.anchored) == (True, last)


def test_a_place_that_only_lets_us_append_is_told_of_and_goes_on(tmp_path, caplog, monkeypatch):
    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.rename", refused)  # as the kernel does after `chattr +a`
    anchors = filled(tmp_path / "audit.jsonl", 10)

    assert len(anchors.path.read_text().splitlines()) == 10
    assert anchors.rolled() == []
    assert anchors.is_overfull()
    assert "cannot be renamed: Operation not permitted" in caplog.text


async def test_an_anchor_file_that_grows_without_end_shows_among_the_checks(clinic):
    await found(clinic)
    await clinic.audit.anchor(HOUSE)
    with clinic.settings.anchor_file.open("r+b") as file:
        line = file.read()
        file.truncate(0)
        file.seek(2 * FULL)  # a file with a hole: large, and it takes no time
        file.write(b"\n" + line)

    [found_] = [each for each in await clinic.health.look(HOUSE) if each.check == "anchor"]
    assert (found_.level, found_.code) == (Level.WARN, "large")


async def test_a_trail_is_held_against_the_newest_anchor_after_the_file_was_full(clinic, clock):
    """S-AUD-1: also just after the roll, when the new file has a single line."""
    await found(clinic)
    clinic.audit._anchors._full = 1
    for _ in range(3):
        clock.forward(minutes=1)
        await clinic.audit.verify(HOUSE)  # each is itself an entry
        await clinic.audit.anchor(HOUSE)
    assert len(clinic.audit._anchors.rolled()) == 2
    assert (await clinic.audit.verify(HOUSE)).whole

    line = json.loads(clinic.settings.anchor_file.read_text())
    clinic.settings.anchor_file.write_text(json.dumps({**line, "seq": 10_000}) + "\n")
    assert (await clinic.audit.verify(HOUSE)).beyond_anchor
