"""A broken machine: one code each, nothing answered that is not kept, and on again afterwards."""

import asyncio
import os
import random
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from data.crypto import Keys
from data.database import Database
from data.errors import Conflict, DomainError, Invalid, NotFound, Unavailable
from tests.data_layer.seats import Own, Room, build, failures, take, taken, together
from tests.peers import need, need_root, private_postgresql

KEY = Keys(bytes(range(32))).key("db")


async def a_database(folder: Path, key: bytes | None = KEY) -> Database:
    return await Database(f"sqlite:///{folder / 'xinglin.db'}", key).open()


@contextmanager
def small_disk(folder: Path, size: str = "3m"):
    """Mount a disk of that size and yield how to mount it anew with other options."""
    need_root()
    mount = str(need("mount"))

    def mounted(*options: str) -> None:
        subprocess.run([mount, "-o", ",".join(options), str(folder)], check=True)

    folder.mkdir()
    subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)  # an error of before is told


async def test_an_encrypted_file_tells_nothing(tmp_path):
    """R014, R041, S-CRY-1: neither the file nor its log shows a name that is in it."""
    database = await a_database(tmp_path)
    [room] = await build(database, Room(seats=9))
    await take(database, room, name="王小明 Wang Xiaoming")
    files = [*tmp_path.glob("xinglin.db"), *tmp_path.glob("xinglin.db-wal")]
    content = b"".join(file.read_bytes() for file in files)
    await database.close()

    assert len(files) == 2
    for secret in ("王小明".encode(), b"Xiaoming", b"test_seat", b"SQLite format"):
        assert secret not in content


@pytest.mark.parametrize("wrong", [bytes(32), None], ids=["another key", "no key"])
async def test_a_key_that_does_not_fit_is_said_and_harms_nothing(tmp_path, wrong):
    database = await a_database(tmp_path)
    [room] = await build(database, Room(seats=2))
    await take(database, room)
    await database.close()

    with pytest.raises(Invalid, match="database_key_wrong"):
        await a_database(tmp_path, wrong)

    database = await a_database(tmp_path)
    assert await taken(database) == 1
    await database.close()


@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff\xe0 a picture" * 999, b"SQLite format 3\0" + bytes(5000)]
)
async def test_a_file_that_is_no_database_of_ours_is_said_and_left_alone(tmp_path, content):
    (tmp_path / "xinglin.db").write_bytes(content)

    with pytest.raises(Invalid, match="database_key_wrong"):
        await a_database(tmp_path)

    assert (tmp_path / "xinglin.db").read_bytes() == content


async def test_a_damaged_page_is_said_where_it_is_met(tmp_path):
    database = await a_database(tmp_path)
    [room] = await build(database, Room(seats=5000))
    for _ in range(5):
        await asyncio.gather(*(take(database, room, name="x" * 500) for _ in range(64)))
    await database.close()
    spoil(tmp_path / "xinglin.db")

    database = await a_database(tmp_path)
    with pytest.raises(Unavailable, match="database_damaged"):
        await taken(database)
    results = await together(*(take(database, room) for _ in range(9)))
    await database.close()

    assert failures(results)
    assert {error.code for error in results} <= {"database_damaged", "rolled_back"}


def spoil(file: Path) -> None:
    """Flip one bit in every page but the first, which the key is tried on."""
    content, chance = bytearray(file.read_bytes()), random.Random(4)
    for page in range(4096, len(content), 4096):
        content[page + chance.randrange(4000)] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


async def test_a_folder_that_is_missing_is_said(tmp_path):
    with pytest.raises(NotFound, match="database_folder_missing"):
        await a_database(tmp_path / "nowhere")


async def test_two_in_one_process_are_refused_too(tmp_path):
    first = await a_database(tmp_path)
    with pytest.raises(Conflict, match="database_in_use"):
        await a_database(tmp_path)
    await first.close()


async def test_a_refused_opening_leaves_the_file_free(tmp_path):
    await (await a_database(tmp_path)).close()
    with pytest.raises(Invalid):
        await a_database(tmp_path, bytes(32))
    await (await a_database(tmp_path)).close()


async def test_a_full_disk_is_said_and_nothing_that_was_answered_is_lost(tmp_path):
    """R034: reads go on, and so do writes once there is room, without a restart."""
    with small_disk(tmp_path / "small") as mounted:
        database = await a_database(tmp_path / "small")
        [room] = await build(database, Room(seats=100_000))
        answered, refused = 0, []
        while len(refused) < 50:
            results = await together(*(take(database, room, "x" * 2000) for _ in range(50)))
            answered += 50 - len(failures(results))
            refused += [result for result in results if isinstance(result, BaseException)]

        assert {error.code for error in refused if isinstance(error, DomainError)} <= {
            "disk_full",
            "disk_failed",
            "rolled_back",
        }
        assert all(isinstance(error, DomainError) for error in refused), refused
        assert "disk_full" in {error.code for error in refused}
        assert await taken(database) == answered > 0

        mounted("remount", "size=30m")
        await take(database, room)
        assert await taken(database) == answered + 1
        await database.close()

        database = await a_database(tmp_path / "small")
        assert await taken(database) == answered + 1
        await database.close()


async def test_a_disk_that_turns_read_only_is_said_and_taken_up_again(tmp_path):
    """As the kernel does after an error of the disk."""
    with small_disk(tmp_path / "small", "30m") as mounted:
        database = await a_database(tmp_path / "small")
        [room] = await build(database, Room(seats=10))
        await take(database, room)
        await database.close()
        mounted("remount", "ro")

        with pytest.raises(Unavailable, match="disk_read_only"):
            await a_database(tmp_path / "small")

        mounted("remount", "rw")
        database = await a_database(tmp_path / "small")
        assert await taken(database) == 1
        await database.close()


@contextmanager
def failing_disk(folder: Path):
    """Mount an ext4 of its own and yield what makes the kernel give it up, and what mends it."""
    need_root()
    mount, check = str(need("mount")), str(need("e2fsck"))
    image = folder.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run([str(need("mkfs.ext4")), "-q", str(image)], check=True)
    folder.mkdir()
    mounting = [mount, "-o", "loop", str(image), str(folder)]

    def give_up() -> None:
        subprocess.run([mount, "-o", "remount,abort", str(folder)], check=True)

    def mend() -> None:
        subprocess.run(["umount", str(folder)], check=True)
        mended = subprocess.run([check, "-p", str(image)], check=False, capture_output=True)
        assert mended.returncode in {0, 1}, mended.stdout
        subprocess.run(mounting, check=True)

    if subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("No file can be mounted as a disk here: most containers have no loop devices.")
    try:
        yield give_up, mend
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_disk_that_fails_under_an_open_writer_loses_nothing_that_was_answered(tmp_path):
    """Bad input: ext4 turns read-only by itself after an error, while the house is open."""
    with failing_disk(tmp_path / "disk") as (give_up, mend):
        database = await a_database(tmp_path / "disk")
        [room] = await build(database, Room(seats=100))
        await together(*(take(database, room) for _ in range(9)))
        give_up()

        refused = [*await together(*(take(database, room) for _ in range(9)))]
        assert await taken(database) == 9, "reads go on"
        await database.close()
        codes = {getattr(each, "code", each) for each in refused}
        assert codes <= {"disk_failed", "disk_read_only", "rolled_back"}
        assert codes != {"rolled_back"}, "why is said"

        mend()
        database = await a_database(tmp_path / "disk")
        await take(database, room)
        assert await taken(database) == 10
        await database.close()


async def test_a_folder_we_may_not_write_to_is_said(tmp_path):
    """Root may write anywhere: this is for all others."""
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere; the test of the read-only disk runs instead")
    await (await a_database(tmp_path)).close()
    (tmp_path / "xinglin.db.lock").unlink()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(Unavailable, match="disk_read_only"):
            await a_database(tmp_path)
    finally:
        tmp_path.chmod(0o700)


async def test_tables_are_made_in_one_go_or_not_at_all(tmp_path):
    """A power cut, or an error, while tables are made leaves no half of them."""
    database = await a_database(tmp_path)

    def halfway(connection):
        Own.metadata.create_all(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(halfway)
    left = await database.between_groups(
        lambda raw: raw.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    )
    await database.close()

    assert left == 0


@pytest.mark.postgresql
async def test_a_postgresql_that_goes_away_is_said(tmp_path):
    """Both to whoever is cut off and to whoever comes afterwards."""
    with private_postgresql() as server:
        database = await Database(server.url()).open()
        [room] = await build(database, Room(seats=9))
        await take(database, room)
        server.stop()
        results = await together(*(take(database, room) for _ in range(3)))
        with pytest.raises(Unavailable, match="database_not_reachable"):
            await take(database, room)
        await database.close()

    assert failures(results) == [Unavailable] * 3
    assert {error.code for error in results} == {"database_not_reachable"}


@pytest.mark.postgresql
async def test_a_postgresql_that_cuts_us_off_is_said_and_taken_up_again():
    with private_postgresql() as server:
        database = await Database(server.url()).open()
        [room] = await build(database, Room(seats=9))
        await take(database, room)
        cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        server.sql(f"{cut} WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")

        first = await together(take(database, room))
        async with asyncio.timeout(10):  # the right to write is taken again first
            while failures(await together(take(database, room))):
                await asyncio.sleep(0.05)
        kept = await taken(database)
        await database.close()

    assert [error.code for error in first] == ["database_not_reachable"]
    assert kept == 2
