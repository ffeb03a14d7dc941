"""The verbs, on a hospital on the disk: what they do, what they say, and how they fail."""

import json
import os
import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import tomllib
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from data.keyring import Keyring, Share
from jobs.commands import run
from jobs.commands.orders import ORDERS
from services.anchors import Anchors
from tests.jobs.houses import COMPOSITION, INIT, NAME, Command, Server
from tests.peers import ROOT, need_root


def test_init_founds_a_hospital_and_prints_what_is_kept_on_paper(nowhere):
    """R091: one command; password and recovery share are shown, once."""
    done = nowhere(*INIT[:-2], "--admin", "anquan", "--admin-name", "王安全")

    assert done.code == 0, done.err
    assert re.search(r"User name anquan, temporary password \S{14}", done.out)
    groups = re.findall(r"\b[0-9A-Z]{5}\b", done.out)
    share = next(
        "-".join(groups[at : at + 14])
        for at in range(len(groups))
        if _is_share("-".join(groups[at : at + 14]))
    )
    keyring = Keyring(nowhere.home / "master.key")
    assert keyring.verify(share) == keyring.load(), "the printed share opens the key"
    assert "█" in done.out, "and so does its QR code"


def _is_share(text: str) -> bool:
    try:
        return bool(Share.read(text))
    except Exception:  # noqa: BLE001 - these groups were something else
        return False


def test_what_init_makes_is_for_its_owner_alone(home):
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for path in home.rglob("*"):
        if path.name not in {"authority.pem", "server.pem"}:  # shown to every phone
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


def test_after_init_nothing_of_a_demo_is_there(xinglin):
    """R043: no demo account, demo password or sandbox adapter."""
    found = {each["check"]: each for each in xinglin("doctor", "--json").answer["findings"]}
    assert found["pretence"]["level"] == "ok"
    settings = tomllib.loads((xinglin.home / "xinglin.toml").read_text())
    assert "demo" not in json.dumps(settings)


def test_the_settings_file_explains_every_setting(home):
    text = (home / "xinglin.toml").read_text()
    assert "# tls_port = 8443" in text
    assert tomllib.loads(text)["server"] == {}, "only the sections are in force"


def test_init_goes_on_where_it_was_interrupted(nowhere):
    """A key and half a hospital lie there: nothing is made twice, and the share is a new one."""
    assert nowhere(*INIT).code == 0
    key = (nowhere.home / "master.key").read_bytes()
    for name in ("xinglin.db", "xinglin.toml", "server.pem"):
        (nowhere.home / name).unlink()

    done = nowhere(*INIT)

    assert done.code == 0, done.err
    assert (nowhere.home / "master.key").read_bytes() == key
    assert "Recovery share" in done.out


def test_init_is_not_done_twice(xinglin):
    before = (xinglin.home / "recovery.json").read_bytes()
    done = xinglin(*INIT)
    assert (done.code, done.out) == (3, "")
    assert "[institution_founded_already]" in done.err
    assert (xinglin.home / "recovery.json").read_bytes() == before, "the old share still counts"


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("init", "--yes"), "init_incomplete"),
        (
            ("init", "--yes", "--name", NAME, "--uscc", "121101019999000039"),
            "uscc_check_digit_wrong",
        ),
        (("init", "--yes", "--name", NAME, "--uscc", "12"), "uscc_malformed"),
    ],
)
def test_init_refuses_what_cannot_be_before_it_makes_anything(nowhere, flags, code):
    done = nowhere(*flags)
    assert (done.code, done.out) == (3, "")
    assert f"[{code}]" in done.err
    assert not nowhere.home.exists()


def test_the_wizard_asks_and_asks_again(tmp_path):
    """Without flags it is a conversation; a mistyped code is asked for once more."""
    answers = f"{NAME}\n121101019999000083\n121101019999000038\n\n王安全\n"
    done = subprocess.run(
        [sys.executable, "app.py", "init", "--home", str(tmp_path / "h")],
        cwd=ROOT,
        input=answers,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XINGLIN_LANGUAGE": "zh"},
    )
    assert done.returncode == 0, done.stderr
    assert "医疗机构全称" in done.stdout
    assert "这不是有效的统一社会信用代码" in done.stdout
    assert "账号 security，临时密码" in done.stdout


def test_init_in_a_folder_that_others_may_read_is_refused(nowhere):
    nowhere.home.mkdir(mode=0o755)
    nowhere.home.chmod(0o755)
    (nowhere.home / "something").write_text("")
    done = nowhere(*INIT)
    assert "[home_open_to_others]" in done.err
    assert not (nowhere.home / "master.key").exists()


def test_serve_without_a_hospital_says_how_to_found_one(nowhere):
    nowhere.home.mkdir()
    done = nowhere("serve")
    assert done.code == 3
    assert "xinglin init" in done.err
    assert list(nowhere.home.iterdir()) == [], "nothing is made by accident"


def test_the_trail_is_verified_and_its_damage_is_found(xinglin):
    """R016: exits 1, for a monitor."""
    assert "no anchor yet" in xinglin("audit", "verify").out
    verdict = xinglin("audit", "verify", "--json").answer
    assert verdict["whole"]

    anchors = xinglin.home / "anchors"
    Anchors(anchors / "audit.jsonl").write(verdict["entries"], verdict["head"], datetime.now(UTC))
    assert "trail is whole: " in xinglin("audit", "verify").out

    (anchors / "audit.jsonl").write_text('{"seq": 10000, "mac": "", "at": ""}\n')
    done = xinglin("audit", "verify")

    assert done.code == 1
    assert "cut off" in done.err


def test_the_trail_tells_what_was_done_at_the_machine_and_by_whom(xinglin, tmp_path):
    done = xinglin("audit", "export", str(tmp_path / "out"))
    assert done.code == 0
    last = json.loads(next((tmp_path / "out").iterdir()).read_text().splitlines()[-1])
    assert last["action"] == "audit:export"
    assert last["address"].startswith("console:")


def test_everything_is_exported_for_a_successor(xinglin, tmp_path):
    """R-REC-7."""
    done = xinglin("export", str(tmp_path / "out"), "--reason", "merger", "--yes")
    assert done.code == 0, done.err
    assert "not encrypted" in done.out
    institution = (tmp_path / "out" / "tables" / "institution.jsonl").read_text()
    assert json.loads(institution)["name"] == NAME


def test_an_administrator_is_let_back_in_from_the_machine(xinglin):
    """The only security administrator has forgotten everything."""
    done = xinglin("staff", "unlock", "security", "--yes", "--json")
    assert done.code == 0, done.err
    assert re.fullmatch(r"\S{4}-\S{4}-\S{4}", done.answer["temporary_password"])

    done = xinglin("staff", "add-admin", "audit1", "--role", "audit_admin", "--name", "李审计")
    assert "temporary password" in done.out
    assert "[username_taken]" in xinglin("staff", "add-admin", "audit1").err
    assert "[username_unknown]" in xinglin("staff", "unlock", "nobody", "--yes").err
    assert "[role_not_for_console]" in xinglin("staff", "add-admin", "x12", "--role", "doctor").err


def test_the_version_is_the_package_s(xinglin):
    assert xinglin("version", "--json").answer == {"version": "0.1.0", "serving": None}


@pytest.fixture
def served(home):
    with Server(home) as server:
        yield server


def test_every_verb_works_beside_a_running_server(served, xinglin, tmp_path):
    """Decision 25: the same orders over the command socket; the server keeps the database."""
    assert xinglin("version", "--json").answer["serving"] == "0.1.0"
    assert xinglin("audit", "verify", "--json").answer["whole"]
    assert xinglin("doctor", "--json").answer["worst"] != "red"
    assert xinglin("audit", "export", str(tmp_path / "audit")).code == 0
    assert xinglin("export", str(tmp_path / "out"), "--reason", "merger", "--yes").code == 0
    assert "temporary password" in xinglin("staff", "unlock", "security", "--yes").out
    assert xinglin("backup").code == 0
    assert (tmp_path / "out" / "manifest.json").exists()

    refused = xinglin("serve")
    assert refused.code == 3
    assert "[database_in_use]" in refused.err

    said = served.stop()
    assert said.code == 0
    assert "https://" in said.out
    assert xinglin("audit", "verify").code == 0, "and without it again"


def spoil_key(home):
    (home / "master.key").chmod(0o600)
    (home / "master.key").write_text("ff" * 32)
    (home / "master.key").chmod(0o400)


def spoil_database(home):
    content = bytearray((home / "xinglin.db").read_bytes())
    content[4096 * 3 : 4096 * 40] = os.urandom(4096 * 37)
    (home / "xinglin.db").write_bytes(content)


def foreign_database(home):
    (home / "xinglin.db").unlink()
    other = sqlite3.connect(home / "xinglin.db")
    other.execute("CREATE TABLE cows (name TEXT)")
    other.commit()
    other.close()


SPOILERS = {
    "a wrong key": (spoil_key, "database_key_wrong"),
    "no key": (lambda home: (home / "master.key").unlink(), "master_key_missing"),
    "a garbled key": (
        lambda home: [(home / "master.key").unlink(), (home / "master.key").write_text("hello")],
        "master_key",
    ),
    "a damaged database": (spoil_database, "database"),
    "another program's database": (foreign_database, "database_key_wrong"),
    "an empty database": (lambda home: (home / "xinglin.db").unlink(), "schema_empty"),
    "settings that are no TOML": (
        lambda home: (home / "xinglin.toml").write_text("[server"),
        "settings_unreadable",
    ),
    "a setting of the wrong kind": (
        lambda home: (home / "xinglin.toml").write_text('[server]\nport = "eighty"\n'),
        "settings_invalid",
    ),
    "a setting that cannot be": (
        lambda home: (home / "xinglin.toml").write_text('[backup]\nat = "25:99"\n'),
        "settings_invalid",
    ),
    "a setting that does not exist": (
        lambda home: (home / "xinglin.toml").write_text("colour = 'red'\n"),
        "settings_invalid",
    ),
}


def held(home):
    """What a hospital cannot do without: database, keys and settings."""
    names = ("xinglin.db", "master.key", "xinglin.toml")
    return {name: (home / name).read_bytes() for name in names if (home / name).exists()}


@pytest.mark.parametrize("what", SPOILERS)
def test_bad_input_is_one_sentence_and_a_code(xinglin, what):
    """Bad input: never a traceback, and nothing is changed."""
    spoil, code = SPOILERS[what]
    spoil(xinglin.home)
    before = held(xinglin.home)
    done = xinglin("audit", "verify")
    assert done.code in {3, 4}
    assert re.search(rf"\[{code}\w*\]$", done.err.strip()), done.err
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1
    assert before.items() <= held(xinglin.home).items()


@pytest.mark.parametrize("what", SPOILERS)
def test_the_doctor_says_what_is_wrong_even_with_the_house_itself(xinglin, what):
    spoil, code = SPOILERS[what]
    spoil(xinglin.home)
    done = xinglin("doctor")
    assert done.code == 1
    assert f"[{code}" in done.out
    assert done.err == ""


@pytest.fixture
def small_disk(home, tmp_path):
    """The hospital on a disk of its own with little room; as root only."""
    need_root()
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o700)
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) // 1024 + 200
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k,mode=0700", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("This machine lets nobody mount a disk.")
    shutil.copytree(home, disk / "home")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_said_to_be_full_and_nothing_is_lost(small_disk, capsys):
    xinglin = Command(small_disk / "home", capsys)
    with suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))  # until it is full
    done = xinglin("staff", "unlock", "security", "--yes")
    assert done.code == 4, done.out
    assert re.search(r"\[disk_\w+\]$", done.err.strip()), done.err

    (small_disk / "ballast").unlink()
    assert xinglin("audit", "verify").code == 0


def test_a_read_only_disk_is_said_to_be_one(small_disk, capsys):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = Command(small_disk / "home", capsys)("audit", "verify")
    assert done.code == 4
    assert "[disk_read_only]" in done.err


def test_a_port_that_is_taken_is_a_sentence(home, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = {"XINGLIN_SERVER__PORT": str(taken.getsockname()[1])}
        done = subprocess.run(
            [sys.executable, "app.py", "serve", "--home", str(home)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **place, "XINGLIN_SERVER__TLS_PORT": "0"},
        )
    assert done.returncode == 4, done.stderr
    assert "[port_taken]" in done.stderr
    assert f"127.0.0.1:{place['XINGLIN_SERVER__PORT']}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_home_is_a_sentence(tmp_path, capsys):
    done = Command(tmp_path / "nowhere", capsys)("audit", "verify")
    assert (done.code, "[home_missing]" in done.err) == (3, True)


def test_an_unknown_verb_exits_2(xinglin):
    assert xinglin("dance").code == 2


def test_a_defect_is_a_sentence_and_its_traceback_is_in_the_log(xinglin, monkeypatch):
    async def broken(house, arguments):
        raise ZeroDivisionError("a defect")

    monkeypatch.setitem(ORDERS, "audit.verify", broken)
    done = xinglin("audit", "verify")
    assert done.code == 70
    assert "commands.log" in done.err
    log = (xinglin.home / "commands.log").read_text()
    assert "ZeroDivisionError: a defect" in log
    assert stat.S_IMODE((xinglin.home / "commands.log").stat().st_mode) == 0o600


def test_help_names_every_verb(capsys):
    assert run(COMPOSITION, ["--help"]) == 0
    said = capsys.readouterr().out
    for verb in ("init", "serve", "doctor", "export", "audit", "staff", "version"):
        assert re.search(rf"^  {verb} ", said, re.MULTILINE), verb


def test_a_copy_of_a_hospital_elsewhere_still_opens(home, tmp_path, capsys):
    """Nothing in it names the folder it was made in."""
    shutil.move(home, tmp_path / "moved")
    assert Command(tmp_path / "moved", capsys)("audit", "verify").code == 0
