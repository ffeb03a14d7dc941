"""`xinglin init` with a public certificate: what fails before the hospital stands is not final."""

import os
import subprocess
import sys
import tomllib

import pytest

from tests.counterparts.test_acme import Pebble
from tests.jobs.houses import INIT
from tests.peers import ROOT, free_port, need, need_root


@pytest.fixture(scope="module")
def pebble(tmp_path_factory):
    with Pebble(tmp_path_factory.mktemp("pebble")) as running:
        yield running


@pytest.fixture
def public(pebble, monkeypatch):
    """The flags of a hospital with a public name; the check is not answered on its port yet."""
    monkeypatch.setenv("XINGLIN_CERTIFICATE__ACME_TRUST", str(pebble.tls.authority))
    return ("--public-name", "localhost", "--acme-directory", pebble.directory)


def settings(command) -> dict:
    return tomllib.loads((command.home / "xinglin.toml").read_text())


def test_an_order_that_failed_is_tried_again_with_the_flags_given_now(nowhere, public, pebble):
    """R091: the wrong port at first, then the right one; the key stays, nothing is made twice."""
    wrong = nowhere(*INIT, *public, "--acme-port", str(free_port()))
    assert (wrong.code, wrong.out) == (4, "")
    assert "[acme_check_failed]" in wrong.err
    assert "xinglin init" in wrong.err, "what to do next"
    key = (nowhere.home / "master.key").read_bytes()

    done = nowhere(*INIT, *public, "--acme-port", str(pebble.check_port))

    assert done.code == 0, done.err
    assert settings(nowhere)["certificate"]["acme_port"] == pebble.check_port
    assert (nowhere.home / "master.key").read_bytes() == key
    assert "Recovery share" in done.out
    assert {path.name for path in nowhere.home.glob("*.pem")} == {"server.pem"}


def test_whoever_gives_up_the_public_name_is_founded_without_it(nowhere):
    nowhere_dir = f"https://127.0.0.1:{free_port()}/dir"
    silent = nowhere(*INIT, "--public-name", "localhost", "--acme-directory", nowhere_dir)
    assert "[acme_not_reachable]" in silent.err
    assert settings(nowhere)["certificate"]["source"] == "acme"

    done = nowhere(*INIT)

    assert done.code == 0, done.err
    assert settings(nowhere)["certificate"] == {}
    assert (nowhere.home / "authority.pem").is_file()


def test_what_somebody_wrote_into_the_settings_is_theirs(nowhere, public):
    assert nowhere(*INIT, *public, "--acme-port", str(free_port())).code == 4
    file = nowhere.home / "xinglin.toml"
    file.write_text('timezone = "Asia/Urumqi"\n')

    done = nowhere(*INIT, *public)

    assert done.code == 0, done.err
    assert "was left as it is" in done.err
    assert file.read_text() == 'timezone = "Asia/Urumqi"\n'


def test_once_it_stands_another_init_changes_no_setting(nowhere, public):
    assert nowhere(*INIT).code == 0
    before = (nowhere.home / "xinglin.toml").read_bytes()
    again = nowhere(*INIT, *public)
    assert "[institution_founded_already]" in again.err
    assert (nowhere.home / "xinglin.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--public-name", "a.example", "--acme-port", "99999"), 2, "--acme-port"),
        (("--public-name", "a b"), 3, "[settings_invalid]"),
        (("--public-name", "a.example", "--acme-directory", "rubbish"), 3, "[settings_invalid]"),
        (("--public-name", "a.example", "--acme-contact", "rubbish"), 3, "[settings_invalid]"),
        (("--database-url", "mysql://root@localhost/x"), 3, "[settings_invalid]"),
        (("--acme-port", "8089"), 3, "--public-name"),
    ],
)
def test_a_flag_that_cannot_be_is_refused_before_anything_is_made(nowhere, flags, code, said):
    done = nowhere(*INIT, *flags)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert not nowhere.home.exists()


def test_a_port_that_is_not_ours_to_open_is_said_with_what_to_do(tmp_path, public):
    """Port 80 without the capability for it; the package grants it to the service and to init."""
    need_root()
    without = [need("setpriv"), "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
    done = subprocess.run(
        [*without, sys.executable, "app.py", *INIT, *public, "--home", str(tmp_path / "house")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XINGLIN_LANGUAGE": "en"},
    )
    assert done.returncode == 3, done.stderr
    assert "[acme_port_not_allowed]" in done.stderr
    assert "--acme-port" in done.stderr


def test_a_house_whose_key_comes_from_outside_is_founded(nowhere, monkeypatch):
    """Red before: it was founded, said that nothing was done, and showed no paper."""
    monkeypatch.setenv("XINGLIN_MASTER", bytes(range(32)).hex())
    done = nowhere(*INIT)
    assert done.code == 0, done.err
    assert "Recovery share" in done.out
