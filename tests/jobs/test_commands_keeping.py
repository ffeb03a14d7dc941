"""Backup, restore, upgrade and recovery share, by the command alone. (R041, R091, S-BCK-1)"""

import asyncio
import json
import shutil
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from data.audit import FIRST
from data.clock import new_id
from data.files import FileStore
from data.institution import Institution
from data.keyring import Keyring
from data.schema import VERSIONS
from jobs.commands.call import typist
from jobs.commands.voice import Ending
from services.anchors import Anchors
from services.settings import Settings
from tests.jobs.houses import COMPOSITION, Command, Server
from tests.jobs.living import Placing
from tests.jobs.test_commands import spoil_database


def share_printed(xinglin) -> str:
    """Have a new share printed and read it off the paper."""
    said = xinglin("keys", "share", "--yes").out
    lines = [line.split() for line in said.splitlines() if line.startswith("    ")]
    return "-".join(group for line in lines[:2] for group in line)


def test_a_lost_disk_comes_back_from_backup_and_paper_alone(xinglin, tmp_path, capsys):
    """Nothing of the old machine is left but the target and the printed share."""
    share = share_printed(xinglin)
    made = xinglin("backup", "--json")
    assert made.code == 0, made.err
    shutil.move(xinglin.home / "backup", tmp_path / "target")
    shutil.rmtree(xinglin.home)

    again = Command(tmp_path / "again", capsys)
    done = again("restore", "--from", str(tmp_path / "target"), "--share", share)

    assert done.code == 0, done.err
    assert again("audit", "verify").code == 0
    assert again("doctor").code == 0
    assert again("audit", "export", str(tmp_path)).code == 0
    [file] = tmp_path.glob("audit-*.jsonl")
    [entry] = [line for line in file.read_text().splitlines() if "backup:restore" in line]
    assert f'"console:{typist()}"' in entry
    assert str(tmp_path / "target") in entry


def handed_over(text: str, how: str, folder: Path, monkeypatch) -> None:
    """Hand the master key over as a container or systemd does."""
    if how == "variable":
        monkeypatch.setenv("XINGLIN_MASTER", text)
        return
    folder.mkdir()
    (folder / "master.key").write_text(text)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))


@pytest.mark.parametrize("how", ["variable", "credential"])
def test_a_house_whose_key_comes_from_outside_is_restored_without_a_key_file(
    xinglin, tmp_path, capsys, monkeypatch, how
):
    """S-CRY-2. Red before: refused whatever the key was."""
    share = share_printed(xinglin)
    assert xinglin("backup").code == 0
    text = (xinglin.home / "master.key").read_text()
    shutil.move(xinglin.home / "backup", tmp_path / "target")
    shutil.rmtree(xinglin.home)
    handed_over(text, how, tmp_path / "credentials", monkeypatch)

    done = xinglin("restore", "--from", str(tmp_path / "target"), "--share", share)

    assert done.code == 0, done.err
    assert not (xinglin.home / "master.key").exists()
    assert xinglin("audit", "verify").code == 0
    assert xinglin("backup").code == 0
    again = Command(tmp_path / "again", capsys)
    once_more = ("restore", "--from", str(xinglin.home / "backup"), "--share", share)
    assert again(*once_more).code == 0, "the paper goes on being good"


@pytest.mark.parametrize("how", ["variable", "credential"])
def test_a_key_from_outside_that_is_another_is_told_apart(xinglin, tmp_path, monkeypatch, how):
    share = share_printed(xinglin)
    assert xinglin("backup").code == 0
    shutil.move(xinglin.home / "backup", tmp_path / "target")
    shutil.rmtree(xinglin.home)
    handed_over("7a" * 32, how, tmp_path / "credentials", monkeypatch)

    restore = ("restore", "--from", str(tmp_path / "target"), "--share", share)
    done = xinglin(*restore)
    assert (done.code, "[master_key_outside_differs]" in done.err) == (3, True)
    assert "XINGLIN_MASTER" in done.err
    assert not xinglin.home.exists()

    monkeypatch.delenv("XINGLIN_MASTER", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert xinglin(*restore).code == 0, "as the sentence says"
    assert (xinglin.home / "master.key").exists()


def test_anchors_on_another_disk_are_told_of_a_restore_and_not_of_a_trial(
    xinglin, tmp_path, capsys, monkeypatch
):
    """S-AUD-1: they outlive the disk, and know more than the copy."""
    far = Anchors(tmp_path / "far" / "audit.jsonl")
    monkeypatch.setenv("XINGLIN_ANCHORS", str(far.path.parent))
    monkeypatch.setenv("XINGLIN_HOME", str(xinglin.home))
    share = share_printed(xinglin)
    keys = Keyring(xinglin.home / "master.key", {}).load().keys()
    assert xinglin("backup").code == 0
    verdict = xinglin("audit", "verify", "--json").answer
    far.write(verdict["entries"] + 1, "a" * 64, datetime.now(UTC))
    shutil.move(xinglin.home / "backup", tmp_path / "target")
    restore = ("restore", "--from", str(tmp_path / "target"), "--share", share)

    assert Command(tmp_path / "trial", capsys)(*restore).code == 0
    assert far.highest(keys) == (verdict["entries"] + 1, "a" * 64)
    shutil.rmtree(xinglin.home)
    assert xinglin(*restore).code == 0
    assert far.highest(keys) == (0, FIRST)
    assert xinglin("audit", "verify").code == 0


def test_a_backup_is_tried_when_asked_to(xinglin):
    done = xinglin("backup", "--drill")
    assert done.code == 0, done.err
    assert "restored on trial" in done.out


def test_the_newest_copy_is_checked_without_making_or_restoring_any(xinglin):
    assert "[backup_none]" in xinglin("backup", "--verify").err
    assert xinglin("backup").code == 0
    before = sorted((xinglin.home / "backup").rglob("*"))
    done = xinglin("backup", "--verify", "--json")
    assert (done.code, done.err) == (0, "")
    [night] = (xinglin.home / "backup" / "nights").iterdir()
    assert (done.answer["night"], done.answer["files_missing"]) == (night.name, 0)
    assert [path for path in before if path.parent.name != "log"] == [
        path for path in sorted((xinglin.home / "backup").rglob("*")) if path.parent.name != "log"
    ]
    assert night.name in xinglin("backup", "--verify").out
    assert not list(xinglin.home.glob("work-*"))


def test_a_copy_that_rotted_is_found_by_checking_it(xinglin):
    assert xinglin("backup").code == 0
    [base] = xinglin.home.glob("backup/nights/*/base")
    content = bytearray(base.read_bytes())
    content[len(content) // 2] ^= 1
    base.write_bytes(content)
    done = xinglin("backup", "--verify")
    assert (done.code, "[backup_damaged]" in done.err) == (3, True)


async def keep_letter(home: Path) -> None:
    async def letter():
        yield b"letter" * 1000

    async with COMPOSITION.open_clinic(Settings.load(home)) as clinic:
        store = FileStore(clinic.settings.files, clinic.keys)
        async with clinic.database.transaction(write=True) as session:
            institution = await session.scalar(select(Institution.id))
        stored = await store.put(letter(), institution)
        async with clinic.database.transaction(write=True) as session:
            await store.keep(session, stored, Placing(new_id()), clinic.clock.now())


def test_a_copy_whose_files_are_gone_is_told_and_made_whole_again(xinglin):
    asyncio.run(keep_letter(xinglin.home))
    assert xinglin("backup").code == 0
    [file] = xinglin.home.glob("backup/files/*/*")
    file.unlink()
    done = xinglin("backup", "--verify")
    assert done.code == Ending.FINDINGS
    assert "1 file of this backup is missing" in done.err
    assert xinglin("backup").code == 0
    assert xinglin("backup", "--verify").code == 0


def test_the_newest_copy_is_tried_without_making_another(xinglin):
    assert xinglin("backup").code == 0
    done = xinglin("backup", "--verify", "--drill", "--json")
    assert (done.code, done.answer["drill"]["ok"]) == (0, True)
    assert len(list((xinglin.home / "backup" / "nights").iterdir())) == 1


def test_older_copies_that_cannot_be_let_go_of_are_named(xinglin):
    assert xinglin("backup").code == 0
    [manifest] = xinglin.home.glob("backup/nights/*/manifest")
    manifest.write_text("{}")
    done = xinglin("backup")
    assert done.code == 0
    assert f"backup_damaged: {manifest.parent.name}/manifest" in done.err


def test_a_share_with_a_typo_names_the_group(xinglin, tmp_path, capsys):
    share = share_printed(xinglin)
    assert xinglin("backup").code == 0
    wrong = ("0" if share[7] != "0" else "1").join((share[:7], share[8:]))
    again = Command(tmp_path / "again", capsys)
    done = again("restore", "--from", str(xinglin.home / "backup"), "--share", wrong)
    assert done.code == 3
    assert "[recovery_share_typo]" in done.err
    assert not (tmp_path / "again").exists()


def test_a_living_hospital_is_not_restored_over(xinglin):
    share = share_printed(xinglin)
    assert xinglin("backup").code == 0
    done = xinglin("restore", "--from", str(xinglin.home / "backup"), "--share", share)
    assert (done.code, "[home_not_empty]" in done.err) == (3, True)


def test_a_new_share_opens_the_key_and_the_old_one_no_more(xinglin):
    old, new = share_printed(xinglin), share_printed(xinglin)
    keyring = Keyring(xinglin.home / "master.key")
    assert keyring.verify(new) == keyring.load()
    with pytest.raises(Exception, match="recovery_share_wrong"):
        keyring.verify(old)


def test_a_hospital_that_is_up_to_date_needs_no_upgrade(xinglin):
    done = xinglin("migrate")
    assert (done.code, done.err) == (0, "")
    assert "already" in done.out
    assert not (xinglin.home / "backup" / "upgrades").exists()


@pytest.fixture
def next_version(monkeypatch, tmp_path):
    """A program that is one step ahead of the hospital."""
    folder = tmp_path / "versions"
    shutil.copytree(VERSIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    head = max(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))
    step = (
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision = '9000'\ndown_revision = '{head}'\nbranch_labels = depends_on = None\n\n\n"
        "def upgrade() -> None:\n    op.create_table('novelty', sa.Column('id', sa.Uuid()))\n"
    )
    (folder / "9000_next.py").write_text(step)
    monkeypatch.setattr("data.schema.Schema.__init__.__defaults__", (folder,))
    return folder


def test_an_upgrade_keeps_a_copy_of_what_was(xinglin, next_version, capsys, tmp_path):
    """Upgrades back up first; the copy opens with the same key and is the hospital as it was."""
    assert "[schema_older]" in xinglin("audit", "verify").err

    done = xinglin("migrate", "--json")

    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert (answer["state"], answer["known"]) == ("older", "9000")
    assert xinglin("audit", "verify").code == 0
    back = xinglin("migrate", "--back", answer["backup"], "--json")
    assert back.code == 0, back.err
    assert "[schema_older]" in xinglin("audit", "verify").err
    assert xinglin("migrate", "--back", back.answer["set_aside"]).code == 0, "and forth"
    assert xinglin("audit", "verify").code == 0
    assert not list(xinglin.home.glob("work-*"))


def test_the_way_back_is_told_and_does_not_look_like_tampering(
    xinglin, next_version, monkeypatch, tmp_path
):
    """S-AUD-1: the trail is shorter than what was anchored, and says why."""
    copy = json.loads(xinglin("migrate", "--json").out)["backup"]
    anchors = Anchors(xinglin.home / "anchors" / "audit.jsonl")
    for _ in range(3):
        verdict = xinglin("audit", "verify", "--json").answer
        anchors.write(verdict["entries"], verdict["head"], datetime.now(UTC))

    assert xinglin("migrate", "--back", copy).code == 0

    monkeypatch.setattr("data.schema.Schema.__init__.__defaults__", (VERSIONS,))
    done = xinglin("audit", "verify")
    assert done.code == 0, done.err
    assert "migrate --back" in anchors.path.read_text()
    assert xinglin("audit", "export", str(tmp_path / "out")).code == 0
    [exported] = (tmp_path / "out").iterdir()
    assert '"backup:restore"' in exported.read_text()


def test_a_copy_that_is_none_does_not_take_the_place_of_the_database(xinglin, tmp_path):
    before = (xinglin.home / "xinglin.db").read_bytes()
    (tmp_path / "other.db").write_bytes(before[:5000])
    for copy in (tmp_path / "other.db", tmp_path / "nowhere.db", xinglin.home / "xinglin.toml"):
        done = xinglin("migrate", "--back", str(copy))
        assert done.code == 3, done.err
    assert (xinglin.home / "xinglin.db").read_bytes() == before
    assert xinglin("audit", "verify").code == 0


def test_a_damaged_database_is_not_upgraded(xinglin, next_version):
    spoil_database(xinglin.home)
    done = xinglin("migrate")
    assert done.code in {3, 4}
    assert done.out == ""


def test_the_master_key_is_changed_and_all_stays_readable(xinglin, tmp_path, capsys):
    """Also a backup that was made before: the older key stays in the key file."""
    before = (xinglin.home / "master.key").read_text()
    assert xinglin("backup").code == 0

    done = xinglin("keys", "rotate", "--yes")

    assert done.code == 0, done.err
    assert "Recovery share" in done.out
    assert (xinglin.home / "master.key").read_text() != before
    assert xinglin("audit", "verify").code == 0
    again = Command(tmp_path / "again", capsys)
    key_file = str(xinglin.home / "master.key")
    taken = again("restore", "--from", str(xinglin.home / "backup"), "--key-file", key_file)
    assert taken.code == 0, taken.err


@pytest.mark.parametrize("verb", [("migrate",), ("keys", "rotate", "--yes")])
def test_what_needs_a_closed_house_is_refused_beside_a_server(xinglin, verb):
    with Server(xinglin.home):
        done = xinglin(*verb)
    assert (done.code, "[server_runs]" in done.err) == (3, True)


def test_a_server_told_to_stop_while_it_opens_closes_in_order(home):
    """The moment its port listens is before the house is at work: systemd may ask just then."""
    server = Server(home)
    while not answers(server.port):
        assert server.process.poll() is None, server.process.communicate()
    done = server.stop()
    assert done.code == 0, done.err
    assert not (home / "control.sock").exists()


def answers(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0
