"""The machine's own clock: asked of the real kernel, of systemd, and of a real PostgreSQL."""

import ctypes
import subprocess
import sys
from datetime import timedelta

import pytest

import app
from data.clock import SystemClock
from data.database import Database
from integrations.timekeeping import (
    Timekeeper,
    ahead_of,
    from_kernel,
    from_timedatectl,
    is_elsewhere,
    judged,
)
from services.findings import Level
from services.health_machine import Timekeeping
from services.policy import HOUSE
from services.settings import Settings
from tests.peers import ROOT

LARGEST = 16  # seconds: where Linux stops counting its error (NTP_PHASE_LIMIT)
FORBIDDEN = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.seccomp_init.restype = ctypes.c_void_p
rules = ctypes.c_void_p(library.seccomp_init(0x7FFF0000))
for name in (b"adjtimex", b"clock_adjtime"):
    library.seccomp_rule_add(rules, 0x00050001, library.seccomp_syscall_resolve_name(name), 0)
assert library.seccomp_load(rules) == 0
from integrations.timekeeping import from_kernel
print(from_kernel())
"""


class Fast(SystemClock):
    """A clock that is forty seconds ahead."""

    def now(self):
        return super().now() + timedelta(seconds=40)


def test_the_kernel_says_whether_anybody_keeps_its_clock():
    told = from_kernel()
    assert told is not None
    assert told.source == "kernel"
    assert 0 <= told.within <= LARGEST
    assert told.kept in {True, False}


@pytest.mark.parametrize(
    ("state", "status", "kept"),
    [(0, 0x2001, True), (1, 0x2011, True), (5, 0x40, False), (0, 0x40, False), (0, 0x1000, False)],
)
def test_an_unsynchronized_kernel_is_told_from_one_that_is_kept(state, status, kept):
    """adjtimex(2): TIME_OK with STA_PLL and STA_NANO, a leap second to come, STA_UNSYNC, ..."""
    assert judged(state, status, 175_500) == Timekeeping(kept, 0.1755, "kernel")


def test_where_the_kernel_may_not_be_asked_it_has_said_nothing():
    """The package's unit says ProtectClock=true: reading fails there with EPERM."""
    name = "libseccomp.so.2"
    try:
        ctypes.CDLL(name)
    except OSError:
        pytest.skip("libseccomp2 is not here: sudo apt install libseccomp2.")
    done = subprocess.run(
        [sys.executable, "-c", FORBIDDEN, name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "None\n"


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("echo yes", True),
        ("echo no", False),
        ("echo 'Failed to connect to bus' >&2; exit 1", None),
        ("exec sleep 60", None),
    ],
)
async def test_systemd_is_believed_when_it_answers(tmp_path, monkeypatch, body, kept):
    """A stand-in prints what timedatectl(1) prints; its own needs a running systemd."""
    monkeypatch.setattr("integrations.timekeeping.PATIENCE_SECONDS", 0.5)
    program = tmp_path / "timedatectl"
    question = "show --property=NTPSynchronized --value"
    program.write_text(f'#!/bin/sh\n[ "$*" = "{question}" ] || exit 2\n{body}\n')
    program.chmod(0o755)
    told = await from_timedatectl(str(program))
    assert told == (None if kept is None else Timekeeping(kept, None, "timedatectl"))


async def test_where_there_is_no_systemd_nobody_has_said_anything(tmp_path):
    assert await from_timedatectl(str(tmp_path / "timedatectl")) is None


@pytest.mark.postgresql
async def test_a_database_server_has_a_clock_to_compare_with(database):
    assert abs(await ahead_of(database, SystemClock())) < 1
    assert await ahead_of(database, Fast()) == pytest.approx(40, abs=1)
    assert (await Timekeeper(database, Fast()).look()).apart is None, "it is on this machine"


@pytest.mark.parametrize(
    ("url", "elsewhere"),
    [
        ("sqlite:////tmp/xinglin.db", False),
        ("postgresql+asyncpg://xinglin@/xinglin?host=/run/postgresql", False),
        ("postgresql+asyncpg://xinglin@localhost/xinglin", False),
        ("postgresql+asyncpg://xinglin@db.example/xinglin", True),
    ],
)
async def test_only_a_server_elsewhere_has_another_clock(url, elsewhere):
    database = Database(url)
    assert is_elsewhere(database) is elsewhere
    await database.engine.dispose()


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "house"
    house = ["--name", "Example Hospital", "--uscc", "91350100M000100Y43", "--admin", "security"]
    command = [sys.executable, "-m", "app", "init", *house, "--yes", "--json", "--home", str(home)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return home


async def test_an_opened_house_knows_without_anything_being_set(home):
    """Health and `xinglin doctor` say what the machine knows: no time server is set here."""
    async with app.open_clinic(Settings(home=home)) as clinic:
        [clock] = [each for each in await clinic.health.look(HOUSE) if each.check == "clock"]
    assert clock.level is not Level.UNKNOWN
    assert clock.code in {"kept_within", "loose", "not_kept"}
