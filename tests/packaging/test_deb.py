"""The Debian package: installed without a network, upgraded, removed, and no record lost.

R091: little to look after, installed by one command.
"""

import grp
import json
import pwd
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobs.commands.voice import Ending
from tests.counterparts.test_acme import Pebble
from tests.packaging.ahead import beside_systemd, one_step_ahead
from tests.packaging.confined import settings_of
from tests.packaging.conftest import (
    NEW,
    OLD,
    Packages,
    build_package,
    forget_the_machine,
    installed_version,
)
from tests.packaging.installed import (
    HOME,
    KEY,
    SETTINGS,
    UNIT,
    answered,
    field,
    found_hospital,
    install,
    owner,
    settings,
    sh,
    without_payload,
)
from tests.peers import free_port, need

# One machine, one dpkg: no other file may use it, since each file runs in one process of its own
# (--dist loadfile). The first test builds two packages from wheels.
pytestmark = pytest.mark.timeout(900)
CONFINED = Path(__file__).with_name("confined.py")
NEXT = "0.1.1"
EXPOSURE_LIMIT = 20  # of 100, as systemd-analyze counts; an unconfined service has 96


FORBIDDEN = """
import mmap, os, socket
attempts = {
    "writable code": lambda: mmap.mmap(-1, 4096, prot=7),
    "raw packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "another priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, -5),
    "another user": lambda: os.setuid(0),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except PermissionError:
        continue
    print("allowed:", name)
socket.socket().bind(("127.80.80.80", 80))
print("end")
"""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What was said and seen on the way to the installed package."""

    first_words: str
    first_version: str
    upgrade_words: str
    key: bytes
    settings: str
    port: int


@pytest.fixture(scope="module")
def machine(packages: Packages, clean_machine: None) -> Upgraded:
    """Install the version before, found a hospital, upgrade: the machine most tests look at."""
    first = install(packages.old)
    version = sh("/usr/bin/xinglin", "version", "--json").stdout
    port = free_port()
    found_hospital(port, free_port())
    before = KEY.read_bytes(), SETTINGS.read_text()
    return Upgraded(first, version, install(packages.new), *before, port)


def test_the_package_asks_for_the_python_it_was_built_for(packages: Packages):
    """A private interpreter in somebody's home cannot serve a service's user."""
    version = sh("/usr/bin/python3", "-c", "import sys; print(sys.version_info[1])").stdout.strip()
    needs = field(packages.new, "Depends")
    assert f"python3 (>= 3.{version}), python3 (<< 3.{int(version) + 1})" in needs
    assert {"libc6", "ca-certificates"} <= {each.split()[0] for each in needs.split(", ")}
    assert field(packages.new, "Suggests") == "postgresql-client", "its copies need pg_dump"
    assert field(packages.new, "Version") == NEW


def test_no_path_of_the_build_machine_is_inside(packages: Packages, tmp_path: Path):
    sh("dpkg-deb", "--raw-extract", packages.new, tmp_path)
    starter = tmp_path / "opt/xinglin/bin/xinglin"
    assert starter.read_text().startswith("#!/opt/xinglin/bin/python3 -I\n")
    for name in ("python", "python3"):
        assert (tmp_path / "opt/xinglin/bin" / name).readlink().parent == Path("/usr/bin")
    needle = str(packages.new.parent.parent).encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 1000
    assert [str(path) for path in files if needle in path.read_bytes()] == []


def test_the_same_sources_give_the_same_bytes(
    packages: Packages, built_wheel: Path, tmp_path: Path
):
    again = build_package(built_wheel, tmp_path)
    assert again.read_bytes() == packages.new.read_bytes()


def test_installing_makes_a_user_a_home_and_a_place_for_the_key(machine: Upgraded):
    assert "Next: sudo xinglin init" in machine.first_words
    user = pwd.getpwnam("xinglin")
    assert (user.pw_dir, user.pw_shell) == (str(HOME), "/usr/sbin/nologin")
    for folder in (HOME, KEY.parent):
        assert (folder.stat().st_uid, stat.S_IMODE(folder.stat().st_mode)) == (user.pw_uid, 0o700)
    for path, mode in ((SETTINGS.parent, 0o750), (SETTINGS, 0o640)):
        seen = path.stat()
        assert (seen.st_uid, grp.getgrgid(seen.st_gid).gr_name) == (0, "xinglin"), path
        assert stat.S_IMODE(seen.st_mode) == mode


def test_nothing_installed_may_be_changed_by_the_service(machine: Upgraded):
    user = pwd.getpwnam("xinglin")
    installed = [path for path in Path("/opt/xinglin").rglob("*") if not path.is_symlink()]
    assert len(installed) > 1000
    loose = [path for path in installed if path.stat().st_uid or path.stat().st_mode & 0o022]
    assert loose == []
    assert user.pw_uid != 0


def test_what_root_reads_cannot_be_written_by_the_service(machine: Upgraded):
    """Whoever takes the service over gets no further: not by its settings, not by its key."""
    for attempt in (
        f"echo x >> {SETTINGS}",
        f"mv {SETTINGS} /etc/xinglin/o",
        "touch /etc/xinglin/n",
    ):
        become = ("setpriv", "--reuid=xinglin", "--regid=xinglin", "--init-groups")
        assert sh(*become, "sh", "-c", attempt, check=False).returncode, attempt
    assert "LoadCredential" not in settings_of(UNIT), "root would follow a link of the service's"


def test_the_settings_are_read_and_never_run(machine: Upgraded, tmp_path: Path):
    """The command is typed by root; what stands in the file is not his."""
    ran = tmp_path / "ran"
    with settings(f"XINGLIN_MAIL__PASSWORD=$(touch {ran})`touch {ran}`\n"):
        sh("/usr/bin/xinglin", "audit", "verify")
    with settings(f"touch {ran}\n"):
        refused = sh("/usr/bin/xinglin", "audit", "verify", check=False)
    assert not ran.exists()
    assert refused.returncode == Ending.REFUSED
    assert f"Line 3 of {SETTINGS}" in refused.stderr


def test_command_and_service_understand_the_settings_alike(machine: Upgraded):
    """A shell cut an address at its `&`: the command then worked on SQLite beside PostgreSQL."""
    with settings('XINGLIN_CERTIFICATE__NAMES=["a.example", "b.example"]\n'):
        sh("/usr/bin/xinglin", "audit", "verify")
    with settings("XINGLIN_DATABASE_URL=postgresql+asyncpg://x@/y?host=/nowhere&port=1\n"):
        done = sh("/usr/bin/xinglin", "audit", "verify", check=False)
    assert done.returncode not in {0, 127, Ending.DEFECT}, done.stdout + done.stderr
    assert "EnvironmentFile" not in settings_of(UNIT), "one file, one reader"


def test_somebody_else_is_told_to_ask_root(machine: Upgraded):
    become = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    done = sh(*become, "env", "LANG=C.UTF-8", "/usr/bin/xinglin", "doctor", check=False)
    assert done.returncode == Ending.REFUSED
    assert "sudo xinglin" in done.stderr
    for asking in ("--help", "-h"):
        assert "doctor" in sh(*become, "/usr/bin/xinglin", asking).stdout


def test_dpkg_finds_every_file_as_it_was_packed(machine: Upgraded):
    changed = sh("dpkg", "--verify", "xinglin").stdout.splitlines()
    assert [line for line in changed if not line.endswith(f" c {SETTINGS}")] == []


def test_the_command_runs_as_the_services_user(machine: Upgraded):
    """As root it would leave files that the service cannot read."""
    assert NEW in sh("/usr/bin/xinglin", "version", "--json").stdout


def test_a_worker_process_does_not_start_a_second_server(machine: Upgraded):
    """A spawned worker runs the parent's main file under another name before it works."""
    code = "import runpy; runpy.run_path('/opt/xinglin/bin/xinglin', run_name='__mp_main__')"
    done = sh("/opt/xinglin/bin/python3", "-I", "-c", code)
    assert done.stdout + done.stderr == ""


def test_the_unit_is_sound(machine: Upgraded):
    """Not run under systemd here, verified only: test_systemd.py runs it."""
    need("systemd-analyze")
    done = sh("systemd-analyze", "verify", "--man=no", UNIT)
    assert done.stdout + done.stderr == ""


def test_the_unit_gives_up_what_it_does_not_need(machine: Upgraded):
    need("systemd-analyze")
    limit = f"--threshold={EXPOSURE_LIMIT}"
    done = sh(
        "systemd-analyze", "--no-pager", "security", "--offline=true", limit, UNIT, check=False
    )
    assert done.returncode == 0, done.stdout[-300:]
    assert re.search(r"exposure level for xinglin.service: [01]\.\d OK", done.stdout)


def test_the_units_sandbox_forbids_what_it_says(machine: Upgraded):
    """confined.py's imitation of systemd bites; else serving under it would prove nothing."""
    need("systemd-analyze")
    program = f"""
import sys; sys.path.insert(0, {str(CONFINED.parent)!r})
import confined, pathlib
confined.confine(confined.settings_of(pathlib.Path({str(UNIT)!r})))
{FORBIDDEN}"""
    assert sh("/usr/bin/python3", "-c", program).stdout == "end\n"


def test_the_unit_tries_again_only_what_may_get_better(machine: Upgraded):
    unit = settings_of(UNIT)
    ends = {int(each) for each in unit["RestartPreventExitStatus"][0].split()}
    assert ends == {Ending.USAGE, Ending.REFUSED}
    tries, pause = int(unit["StartLimitBurst"][0]), int(unit["RestartSec"][0])
    assert unit["StartLimitIntervalSec"] == ["1h"]
    assert 300 <= tries * pause <= 1800, "a database may need minutes; nothing heals in hours"


class OnPort80(Pebble):
    """An authority as the world's are: it asks port 80 and no other."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.check_port = 80


def test_init_gets_a_public_certificate_through_port_80(machine: Upgraded, tmp_path: Path):
    """`sudo xinglin init --public-name`, as a hospital types it; the user xinglin has no root."""
    need("pebble")
    if shutil.which("ss") and ":80 " in sh("ss", "-Hltn").stdout:
        pytest.skip("Another program listens on port 80 of this machine.")
    second, trust = HOME / "second", HOME / "authority.pem"
    with OnPort80(tmp_path) as pebble:
        trust.write_bytes(pebble.tls.authority.read_bytes())
        trust.chmod(0o644)
        found = sh(
            *("env", f"XINGLIN_CERTIFICATE__ACME_TRUST={trust}", f"XINGLIN_HOME={second}"),
            *(f"XINGLIN_MASTER_KEY={second}/master.key", "/usr/bin/xinglin", "init"),
            *("--name", "Example", "--uscc", "91350100M000100Y43", "--yes", "--json"),
            *("--public-name", "localhost", "--acme-directory", pebble.directory),
        )
    told = json.loads(found.stdout)
    assert (told["certificate_names"], told["authority"]) == (["localhost"], "")
    shutil.rmtree(second)


def test_the_unit_serves_as_its_own_user_in_its_sandbox(machine: Upgraded, tmp_path: Path):
    """ExecStart, started as systemd would; under systemd itself: test_systemd.py."""
    need("systemd-analyze")
    command = ["/usr/bin/python3", str(CONFINED), str(UNIT)]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        status = answered(machine.port, server)
        said = (tmp_path / "log").read_text()[-2000:]
        assert status is not None, said
        assert status < 500, said
        assert owner(server.pid) == "xinglin"
        server.terminate()
        assert server.wait(30) == 0, (tmp_path / "log").read_text()[-2000:]
    finally:
        server.kill()
        server.wait()


def test_an_upgrade_keeps_the_hospital_and_its_settings(machine: Upgraded):
    assert OLD in machine.first_version
    assert NEW in sh("/usr/bin/xinglin", "version", "--json").stdout
    assert installed_version() == NEW
    assert (HOME / "xinglin.db").stat().st_size
    assert KEY.read_bytes() == machine.key
    assert SETTINGS.read_text() == machine.settings
    assert "xinglin init" not in machine.upgrade_words


def test_an_upgrade_copies_then_migrates_then_serves_or_leaves_all_as_it_was(
    machine: Upgraded, packages: Packages, tmp_path: Path
):
    """R041; bad input: an upgrade that breaks off. First something is in the way, then it is gone.

    That the program of before goes on with what is left: tests/jobs/test_broken_upgrade.py.
    """
    in_the_way = HOME / "in-the-way"
    in_the_way.touch()
    then = f"import os; assert not os.path.exists({str(in_the_way)!r})"
    package = one_step_ahead(packages.new, tmp_path, NEXT, then)

    failed = beside_systemd(tmp_path, "--install", package)

    assert failed.code != 0
    assert failed.asked == ["stop, copies: 0"], "a hospital that does not fit is not started"
    assert "[upgrade_taken_back]" in failed.said
    assert "sudo dpkg --configure xinglin" in failed.said
    assert f"version before, {NEW}" in failed.said
    still = sh("/usr/bin/xinglin", "audit", "verify", check=False).stderr
    assert "[schema_older]" in still

    in_the_way.unlink()
    done = beside_systemd(tmp_path, "--configure", "xinglin")

    assert done.code == 0, done.said
    assert done.asked == ["start, copies: 2"]
    standing = json.loads(sh("/usr/bin/xinglin", "migrate", "--json").stdout)
    assert (standing["state"], standing["known"]) == ("current", "9000")
    sh("/usr/bin/xinglin", "audit", "verify")
    for copy in (HOME / "backup/upgrades").iterdir():
        assert copy.owner() == "xinglin"
        assert stat.S_IMODE(copy.stat().st_mode) & 0o077 == 0


def test_an_upgrade_brings_the_key_of_the_old_layout_into_its_folder(
    machine: Upgraded, tmp_path: Path
):
    """The service's user could write beside the settings then: what lies there is not trusted."""
    for name in ("master.key", "recovery.json"):
        (KEY.parent / name).rename(SETTINGS.with_name(name))
    KEY.parent.rmdir()
    KEY.parent.symlink_to(tmp_path)
    shutil.chown(SETTINGS.parent, "root", "xinglin")
    SETTINGS.parent.chmod(0o770)

    script = "/var/lib/dpkg/info/xinglin.postinst"
    sh("env", "DPKG_MAINTSCRIPT_PACKAGE=xinglin", script, "configure", OLD)

    assert KEY.read_bytes() == machine.key
    assert KEY.with_name("recovery.json").exists()
    assert not KEY.parent.is_symlink()
    assert (KEY.parent.owner(), stat.S_IMODE(SETTINGS.parent.stat().st_mode)) == ("xinglin", 0o750)
    assert tmp_path.owner() == "root", "a link that the service left was followed"


def test_neither_removing_nor_purging_destroys_a_hospitals_records(machine: Upgraded):
    """The law has them kept for decades; a package manager is not the one to end that."""
    sh("dpkg", "--remove", "xinglin")
    assert not Path("/opt/xinglin").exists()
    assert not UNIT.exists()
    assert SETTINGS.exists()

    said = sh("dpkg", "--purge", "xinglin").stdout

    assert (HOME / "xinglin.db").stat().st_size
    assert KEY.read_bytes() == machine.key
    assert not SETTINGS.exists()
    assert "Kept: the hospital in /var/lib/xinglin" in said


def test_purging_an_installation_without_a_hospital_leaves_nothing(
    packages: Packages, clean_machine: None, tmp_path: Path
):
    """With the real package's scripts; its 9,000 files are left out, they were removed above."""
    forget_the_machine()
    install(without_payload(packages.new, tmp_path))
    assert HOME.exists()
    sh("dpkg", "--purge", "xinglin")
    left = [path for path in (HOME, KEY.parent, Path("/opt/xinglin"), UNIT) if path.exists()]
    assert left == []
    assert installed_version() == ""
