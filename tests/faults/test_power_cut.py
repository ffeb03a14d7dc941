"""R033, R034: what was answered is still there after the power is cut, at whatever moment.

The statements are those our writer really sends for real units of work, on SQLite without
encryption (SQLCipher writes the same pages at the same moments; kills prove that side).
"""

import asyncio
import random
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest
from sqlalchemy import event

from benchmarks.ward import Slot, Ward
from data.clock import SystemClock
from data.crypto import Keys
from data.database import Database
from data.sqlite_file import PRAGMAS, SqliteFile
from services.clinic import Clinic
from services.settings import Settings
from tests.faults.power import Disk, RecordingVfs

UNITS = 240
CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"
STATE = (
    "SELECT (SELECT count(*) FROM bench_appointment), (SELECT sum(taken) FROM bench_slot), "
    "(SELECT count(*) FROM outbox_delivery), "
    "(SELECT mac FROM audit_entry ORDER BY seq DESC LIMIT 1)"
)


@dataclass(slots=True)
class Script:
    """What the writer sent, in order."""

    lines: list[tuple[str, object]] = field(default_factory=list)

    def listen(self, database: Database) -> None:
        """Note all that goes to the one connection that writes."""
        engine = database._writer._engine
        event.listen(engine, "before_cursor_execute", self._note)
        event.listen(engine, "commit", lambda _: self.lines.append(("COMMIT", ())))
        event.listen(engine, "rollback", lambda _: self.lines.append(("ROLLBACK", ())))

    def tidy(self, raw) -> None:
        """Make a checkpoint, and note it before anybody else goes on."""
        raw.execute(CHECKPOINT).fetchall()
        self.lines.append((CHECKPOINT, ()))

    def _note(self, _connection, _cursor, statement, parameters, _context, many) -> None:
        for each in parameters if many else [parameters]:
            self.lines.append((statement, each))


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> Script:
    return asyncio.run(a_day_at_work(tmp_path_factory.mktemp("recorded")))


async def a_day_at_work(folder: Path) -> Script:
    """Book with eight clients, fail now and then, and tidy the log away as its shipper does."""
    database = await Database(f"sqlite:///{folder / 'plain.db'}").open()
    recorded = Script()
    recorded.listen(database)
    await database.create_tables()
    clinic = Clinic.open(database, SystemClock(), Keys(bytes(range(32))), Settings(home=folder))
    ward = await Ward.furnish(clinic, slots=40)

    async def client(number: int) -> None:
        for turn in range(UNITS // 8):
            await ward.book()
            if turn % 5 == number % 5:
                await asyncio.gather(book_and_fail(clinic, ward), return_exceptions=True)
            if turn % 10 == 9 and number == 0:
                await database.between_groups(recorded.tidy)

    await asyncio.gather(*(client(number) for number in range(8)))
    await ward.check()
    await database.close()
    return recorded


async def book_and_fail(clinic: Clinic, ward: Ward) -> None:
    """Take a seat, write it, and think better of it."""
    async with clinic.database.transaction(write=True) as session:
        (await session.get_one(Slot, ward.slots[0])).taken += 1
        await session.flush()
        raise ZeroDivisionError


@dataclass(slots=True)
class Replay:
    """A disk on which the script ran, and what had been answered by when."""

    disk: Disk
    answered: list[tuple[int, object]]
    """After how many steps each COMMIT came back, and the state it made."""


def replay(script: Script, path: Path, pragmas: tuple[str, ...]) -> Replay:
    vfs = RecordingVfs(f"recording-{path.name}")
    answered: list[tuple[int, object]] = []
    with closing(apsw.Connection(str(path), vfs=f"recording-{path.name}")) as connection:
        for pragma in pragmas:
            list(connection.execute(f"PRAGMA {pragma}"))
        connection.execute("PRAGMA wal_autocheckpoint=100")  # many more than at work
        for statement, parameters in script.lines:
            list(connection.execute(statement, parameters))
            if statement == "COMMIT":
                moment = len(vfs.disk.steps)
                made = any(
                    connection.execute("SELECT 1 FROM sqlite_master WHERE name='bench_slot'")
                )
                answered.append((moment, next(connection.execute(STATE)) if made else None))
    return Replay(vfs.disk, answered)


def verdict(done: Replay, moment: int, folder: Path, chance: random.Random) -> str:
    """Cut the power at that moment, start again, and say what became of what was answered."""
    folder.mkdir()
    for name, content in done.disk.image(moment, chance).items():
        if not name.endswith("-shm"):
            (folder / name).write_bytes(content)
    [file] = [each for each in folder.iterdir() if each.suffix == ".db"]
    promised = sum(at <= moment for at, _ in done.answered)
    try:
        with closing(SqliteFile(file).connect()) as raw:
            if raw.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                return "damaged"
            state = raw.execute(STATE).fetchone()
    except Exception:  # noqa: BLE001 - whatever it is, it cannot be read
        return "damaged"
    states = [made for _, made in done.answered]
    if state not in states:
        return "half"
    return "kept" if states.index(state) + 1 >= promised else "lost"


def verdicts(done: Replay, folder: Path, images: int, seed: int = 7) -> dict[str, int]:
    chance, counted = random.Random(seed), {"kept": 0, "lost": 0, "half": 0, "damaged": 0}
    first = next(at for at, made in done.answered if made is not None)
    for number in range(images):
        moment = chance.randrange(first, len(done.disk.steps) + 1)
        counted[verdict(done, moment, folder / str(number), chance)] += 1
    return counted


@pytest.mark.soak
def test_nothing_that_was_answered_is_lost_when_the_power_is_cut(script, tmp_path, soak):
    images = 10_000 if soak else 200
    done = replay(script, tmp_path / "house.db", PRAGMAS)

    counted = verdicts(done, tmp_path, images)

    assert counted == {"kept": images, "lost": 0, "half": 0, "damaged": 0}


@pytest.mark.parametrize(("instead", "found"), [("NORMAL", "lost"), ("OFF", "damaged")])
def test_the_test_would_find_a_writer_that_does_not_wait_for_the_disk(
    script, tmp_path, instead, found
):
    """Otherwise it would prove nothing."""
    hasty = tuple(each.replace("synchronous=FULL", f"synchronous={instead}") for each in PRAGMAS)
    assert hasty != PRAGMAS
    done = replay(script, tmp_path / f"{instead}.db", hasty)

    counted = verdicts(done, tmp_path, 60)

    assert counted[found] > 0
    assert counted["kept"] < 60


def test_the_units_that_were_recorded_are_real_ones(script):
    words = " ".join(statement for statement, _ in script.lines)
    for part in (
        "BEGIN IMMEDIATE",
        "SAVEPOINT",
        "ROLLBACK TO SAVEPOINT",
        "INSERT INTO audit_entry",
    ):
        assert part in words
    commits = sum(statement == "COMMIT" for statement, _ in script.lines)
    assert 20 < commits < UNITS  # they shared commits, and there were many
