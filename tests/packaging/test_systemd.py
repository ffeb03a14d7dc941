"""The package under a systemd: its sandbox, its restarts and its settings as they really are.

Takes two minutes, the first time a minute more, so it runs by --soak only (`make soak`).
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from xinglin.machine import understood

from jobs.commands.voice import Ending
from tests.packaging.booted import Machine, debian
from tests.packaging.conftest import NEW, build_package
from tests.peers import need, need_root
from tests.unit.test_machine_settings import GRAMMAR

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
FOUND = ("init", "--yes", "--name", "Example", "--uscc", "91350100M000100Y43", "--json")


@pytest.fixture(scope="module")
def machine(built_wheel: Path, soak: bool) -> Iterator[Machine]:
    """Boot, install, found a hospital, start: as an administrator does."""
    if not soak:
        pytest.skip("Boots a Debian with a systemd of its own, minutes long: run it by --soak.")
    need_root()
    for tool in ("dpkg-deb", "unshare", "nsenter", "systemd-nspawn"):
        need(tool)
    debian()
    with tempfile.TemporaryDirectory(prefix="xinglin-machine-") as folder:
        package = build_package(built_wheel, Path(folder) / "deb")
        with Machine(Path(folder)) as booted:
            booted.put("/root/xinglin.deb", package.read_bytes())
            booted.run("dpkg", "--force-unsafe-io", "--install", "/root/xinglin.deb")
            booted.papers = booted.asked("xinglin", *FOUND)
            booted.settle("")
            yield booted


def test_the_service_serves_as_its_own_user_with_one_power(machine: Machine):
    """CAP_NET_BIND_SERVICE is the tenth, counted from nought."""
    assert machine.shown("ActiveState") == "active"
    assert machine.shown("UnitFileState") == "enabled"
    for address in ("http://localhost:8080/readyz", "https://localhost:8443/readyz"):
        assert '"ready":true' in machine.run("curl", "-sk", address).stdout
    status = machine.run("cat", f"/proc/{machine.shown('MainPID')}/status").stdout
    told = dict(line.split(":\t", 1) for line in status.splitlines())
    user = machine.run("id", "-u", "xinglin").stdout.strip()
    assert set(told["Uid"].split()) == {user}
    assert {int(told[name], 16) for name in ("CapEff", "CapBnd", "CapAmb")} == {1 << 10}
    assert machine.asked("xinglin", "version", "--json")["version"] == NEW


def test_the_doctor_hears_from_systemd_who_keeps_the_clock(machine: Machine):
    """The service asks timedatectl from inside its sandbox; here nobody keeps the clock."""
    found = {
        each["check"]: each for each in machine.asked("xinglin", "doctor", "--json")["findings"]
    }
    assert "timedatectl" in found["clock"]["what"], found["clock"]


def test_copies_go_to_another_disk(machine: Machine):
    machine.run("mkdir", "-p", "/srv/xinglin")
    machine.run("mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", "/srv/xinglin")
    machine.run("chown", "xinglin:xinglin", "/srv/xinglin")
    assert "same_disk" in codes(machine)

    machine.settle("XINGLIN_BACKUP__TARGET=/srv/xinglin/backup\n")

    assert machine.asked("xinglin", "backup", "--drill", "--json")["place"] == "/srv/xinglin/backup"
    assert "same_disk" not in codes(machine)


def codes(machine: Machine) -> set[str]:
    return {each["code"] for each in machine.asked("xinglin", "doctor", "--json")["findings"]}


def test_what_the_server_cannot_reach_it_says_and_what_it_can_it_writes(machine: Machine):
    """After the test above: /srv/xinglin is there."""
    for folder in ("/tmp/out", "/root/out", "/home/out"):  # noqa: S108 - the service has another
        refused = machine.run("xinglin", "audit", "export", folder, check=False)
        assert refused.returncode == Ending.REFUSED, folder
    machine.run("xinglin", "export", "/srv/xinglin/out", "--reason", "merger", "--yes")
    assert machine.has("/srv/xinglin/out/manifest.json")


def test_settings_mean_what_systemd_takes_them_for(machine: Machine):
    """Our reader beside systemd's own, over every value of the unit test."""
    for number, text in enumerate(GRAMMAR):
        machine.put(f"/root/{number}.env", text.encode())
        run = (
            "systemd-run",
            "--quiet",
            "--pipe",
            "--wait",
            "-p",
            f"EnvironmentFile=/root/{number}.env",
        )
        said = machine.run(*run, "printenv", "X").stdout.removesuffix("\n")
        assert understood(text)["X"] == said, text


def test_what_only_a_person_can_mend_is_not_tried_again(machine: Machine):
    machine.settle("XINGLIN_SERVER__PORT=many\n")
    assert machine.shown("ActiveState") == "failed"
    assert (machine.shown("ExecMainStatus"), machine.shown("NRestarts")) == ("3", "0")

    machine.settle("XINGLIN_DATABASE_URL=postgresql+asyncpg://x@localhost/y\n")
    assert machine.shown("ActiveState") == "activating", "a database may come up yet"
    assert machine.shown("ExecMainStatus") == "4"


def test_a_port_below_1024_is_the_services_too(machine: Machine):
    machine.settle("XINGLIN_SERVER__PORT=80\n")
    assert '"ready":true' in machine.run("curl", "-s", "http://localhost/readyz").stdout


def test_a_lost_machine_comes_back_from_the_other_disk_and_the_paper(machine: Machine):
    """As the READMEs say it: the package is there, and nothing else of the old machine."""
    machine.settle("XINGLIN_BACKUP__TARGET=/srv/xinglin/backup\n")
    machine.run("xinglin", "backup")
    machine.run("systemctl", "stop", "xinglin")
    machine.run("sh", "-c", "rm -r /var/lib/xinglin/* /etc/xinglin/keys/*")
    share = machine.papers["recovery_share"]

    machine.run("xinglin", "restore", "--from", "/srv/xinglin/backup", "--share", share)

    machine.settle("")
    assert '"ready":true' in machine.run("curl", "-s", "http://localhost:8080/readyz").stdout
    machine.run("xinglin", "audit", "verify")


def test_removing_stops_it_and_purging_keeps_the_records(machine: Machine):
    machine.run("dpkg", "--remove", "xinglin")
    assert machine.run("find", "/proc", "-maxdepth", "1", "-user", "xinglin").stdout == ""
    machine.run("dpkg", "--purge", "xinglin")
    assert machine.shown("LoadState") == "not-found"
    assert machine.has("/var/lib/xinglin/xinglin.db")
    assert machine.has("/etc/xinglin/keys/master.key")
