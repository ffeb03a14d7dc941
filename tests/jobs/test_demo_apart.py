"""A demo keeps to its own folder, whatever is set for this machine's hospital, and is let be."""

import httpx
import pytest

from data.keyring import KeyFile
from services.settings import Settings
from tests.jobs.houses import Command, Server


@pytest.fixture
def hospitals(tmp_path, monkeypatch):
    """Where the machine's owner keeps a real hospital, all of it said in the environment."""
    folder = tmp_path / "hospital"
    credentials = tmp_path / "credentials"
    folder.mkdir()
    credentials.mkdir()
    (credentials / "master.key").write_text(KeyFile.new().text())
    told = {
        "XINGLIN_HOME": str(folder),
        "XINGLIN_MASTER_KEY": str(folder / "master.key"),
        "XINGLIN_MASTER": KeyFile.new().text(),
        "CREDENTIALS_DIRECTORY": str(credentials),
        "xinglin_database_url": f"sqlite:///{folder}/hospital.db",  # the case of a name is free
        "XINGLIN_ANCHORS": str(folder / "anchors"),
        "XINGLIN_BACKUP__TARGET": str(folder / "backup"),
        "XINGLIN_CRYPTO_PROFILE": "gm",
        "XINGLIN_DEMO": "false",
        "XINGLIN_PROVIDERS__MAILER": "smtp",
        "XINGLIN_PROVIDERS__SMS": "http",
        "XINGLIN_CERTIFICATE__SOURCE": "acme",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return folder


def test_a_demo_takes_nothing_of_the_hospitals_environment(hospitals, tmp_path, capsys):
    """Its key, database, anchors, copies and messages are its own; only the ports are told it."""
    home = tmp_path / "demo"
    done = Command(home, capsys)("demo", "--build-only")
    assert done.code == 0, done.err
    assert list(hospitals.iterdir()) == []
    assert {"xinglin.db", "master.key", "recovery.json", "anchors"} <= {
        path.name for path in home.iterdir()
    }

    with Server(home, "demo") as server:
        assert httpx.get(f"http://localhost:{server.port}/sign-in").status_code == 200
        assert (home / "authority.pem").exists(), "its certificate is from its own authority"
        server.stop()
    assert list(hospitals.iterdir()) == []
    assert (home / "backup").exists()


def test_the_hospital_founded_after_a_demo_gets_a_key_of_its_own(tmp_path, capsys, monkeypatch):
    key = tmp_path / "etc" / "master.key"
    monkeypatch.setenv("XINGLIN_MASTER_KEY", str(key))
    assert Command(tmp_path / "demo", capsys)("demo", "--build-only").code == 0
    assert not key.exists()
    assert Settings().master_key == key, "what was hidden from the demo is there again"
    assert Command(tmp_path / "demo", capsys)("demo", "--build-only", "--anew").code == 0


@pytest.mark.parametrize("how", ["demo", "serve"])
def test_a_demo_that_is_at_work_is_not_thrown_away(how, tmp_path, capsys):
    home = tmp_path / "demo"
    again = Command(home, capsys)
    if how == "serve":
        assert again("demo", "--build-only").code == 0
    with Server(home, how) as server:
        database = (home / "xinglin.db").stat().st_ino
        done = again("demo", "--anew", "--build-only")
        assert (done.code, "[demo_runs]" in done.err) == (3, True), done
        assert str(home) in done.err
        assert (home / "xinglin.db").stat().st_ino == database
        assert (home / "control.sock").exists()
        assert httpx.get(f"http://localhost:{server.port}/sign-in").status_code == 200
        ended = server.stop()
    assert (ended.code, "disk_failed" in ended.err) == (0, False)


def test_what_a_demo_that_broke_off_has_left_is_cleared_away(tmp_path, capsys):
    home = tmp_path / "demo"
    again = Command(home, capsys)
    assert again("demo", "--build-only").code == 0
    (home / "xinglin.db").write_bytes(b"half a database")
    assert again("demo", "--build-only", "--anew").code == 0
    assert (home / "xinglin.db").stat().st_size > 10_000
