"""The papers of a house go along however large they have grown, and what cannot is told by name."""

import os

from jobs.backup_archive import PAPERS
from jobs.backup_drill import verify
from jobs.backup_papers import PART
from jobs.backup_restore import Wanted
from services.findings import Level
from services.policy import HOUSE
from tests.jobs.living import code_of, everything, restoring


def export(home, size):
    path = home / "anchors" / "audit-20260301T000000Z.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


async def test_a_paper_of_any_size_comes_back_byte_by_byte(house, settings, tmp_path):
    """S-BCK-1: an audit export of a busy year is larger than any limit somebody thought of."""
    paper = export(settings.home, 2 * PART + 12345)
    await house.backup.run()

    await restoring(house, tmp_path / "new").run(Wanted(house.share))

    again = tmp_path / "new" / paper.relative_to(settings.home)
    assert again.read_bytes() == paper.read_bytes()
    assert again.stat().st_mode & 0o077 == 0
    part = paper.read_bytes()[:64]
    assert not [name for name, content in everything(house.copies).items() if part in content]


async def test_of_a_paper_that_only_grows_just_the_end_is_sent(house, settings, clock):
    paper = export(settings.home, PART + 1000)
    await house.backup.run()
    first = set(await house.target.names(PAPERS))
    with paper.open("ab") as file:
        file.write(b"one more line")
    clock.forward(days=1)
    await house.backup.run()

    both = set(await house.target.names(PAPERS))
    assert (len(first), len(both), len(first - both)) == (2, 3, 0)

    for _ in range(house.backup.clinic.settings.backup.keep):
        paper.unlink(missing_ok=True)
        clock.forward(days=1)
        await house.backup.run()
    assert await house.target.names(PAPERS) == []  # no night names them any more


async def test_a_missing_part_of_a_paper_is_found_by_the_check(house, settings, tmp_path):
    export(settings.home, PART)
    await house.backup.run()
    [part] = await house.target.names(PAPERS)
    await house.target.remove(part)
    (tmp_path / "work").mkdir()

    check = verify(house.target, house.backup.keyring.load(), tmp_path / "work")
    assert await code_of(check) == "backup_damaged"


async def test_what_cannot_be_taken_along_is_told_by_name(house, settings, caplog):
    (settings.home / "server.pem").symlink_to("nowhere.pem")

    done = await house.backup.run()

    assert done.left_out == ("server.pem",)
    assert "server.pem is not in the backup" in caplog.text
    [found] = [each for each in await house.clinic.health.look(HOUSE) if each.check == "backup"]
    assert (found.level, found.code) == (Level.WARN, "left_out")
    assert found.values == {"count": 1, "name": "server.pem"}


async def test_no_link_takes_the_master_key_along(house, settings, tmp_path):
    (settings.home / "innocent").symlink_to(settings.key_file)
    await house.backup.run()
    (settings.home / "innocent").unlink()

    await restoring(house, tmp_path / "new").run(Wanted(house.share))
    assert not (tmp_path / "new" / "innocent").exists()
