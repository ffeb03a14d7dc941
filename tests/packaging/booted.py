"""A small Debian with a systemd of its own, booted beside this machine: nothing outside sees it."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import pytest

from tests.peers import ROOT, need

INSIDE = "systemd,systemd-sysv,systemd-timesyncd,dbus,python3,adduser,ca-certificates,curl"
PATIENCE = 60  # seconds
# The tree is read only, what is written lies above it; all mounts end with the machine.
BOOT = """set -e
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
exec systemd-nspawn --quiet --directory="$2/root" --private-network --register=no --keep-unit \\
    --boot --console=pipe
"""


def debian() -> Path:
    """Return the tree of a bare Debian of this machine's release, made once and kept in build/."""
    release = Path("/etc/os-release").read_text()
    name = next(line for line in release.splitlines() if line.startswith("VERSION_CODENAME="))
    suite = name.partition("=")[2].strip('"')
    tree = ROOT / "build" / f"debian-{suite}"
    if tree.exists():
        return tree
    part = tree.with_name(f"{tree.name}.{os.getpid()}")
    command = [need("debootstrap"), "--variant=minbase", f"--include={INSIDE}", suite, part]
    done = subprocess.run(
        ["unshare", "--mount", *map(str, command)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        cannot(f"debootstrap made no Debian: {(done.stdout + done.stderr).strip()[-300:]}")
    part.rename(tree)
    return tree


def cannot(reason: str) -> None:
    """Skip with the reason at home, fail under CI."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


class Machine:
    """The machine, from its start to its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.papers: dict[str, Any] = {}  # what `xinglin init` printed
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()

    def __enter__(self) -> Self:
        command = ["unshare", "--mount", "sh", "-c", BOOT, "-", str(debian()), str(self._folder)]
        with (self._folder / "console").open("wb") as console:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )
        deadline = time.monotonic() + PATIENCE
        while not self._runs():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                said = (self._folder / "console").read_text(errors="replace")
                cannot(f"No systemd can be booted on this machine: {said.strip()[-300:]}")
            time.sleep(0.2)  # another machine: there is nothing to wait on but its answer
        return self

    def _runs(self) -> bool:
        if self._process.poll() is not None or not self._leader():
            return False
        said = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return said in {"running", "degraded"}

    def _leader(self) -> str:
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return children[0] if children else ""

    def run(
        self, *command: str, check: bool = True, given: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command there as root does after signing in; `given` is what it reads."""
        enter = ["nsenter", "-t", self._leader(), "-m", "-u", "-i", "-n", "-p"]
        clean = ["env", "--chdir=/", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
        done = subprocess.run(
            [*enter, *clean, *command], input=given, capture_output=True, check=False, timeout=300
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert not check or done.returncode == 0, out + err
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    def put(self, place: str, content: bytes) -> None:
        """Write a file there; one that is there keeps its owner and mode."""
        self.run("sh", "-c", 'cat > "$0"', place, given=content)

    def has(self, place: str) -> bool:
        """Tell whether something is there and not empty, or a socket."""
        return (
            self.run("sh", "-c", '[ -s "$0" ] || [ -S "$0" ]', place, check=False).returncode == 0
        )

    def asked(self, *command: str) -> Any:
        """Return a command's answer in JSON, whatever its exit code says."""
        return json.loads(self.run(*command, check=False).stdout)

    def shown(self, name: str) -> str:
        """Return a property of the service."""
        said = self.run("systemctl", "show", "--value", f"--property={name}", "xinglin")
        return said.stdout.strip()

    def settle(self, settings: str) -> None:
        """Set the machine's settings and start the service with them; wait how that ends."""
        self.put("/etc/xinglin/xinglin.env", settings.encode())
        self.run("systemctl", "restart", "xinglin")
        deadline = time.monotonic() + PATIENCE
        while self.shown("ActiveState") == "active" and not self.has(
            "/var/lib/xinglin/control.sock"
        ):
            assert time.monotonic() < deadline, self.run("journalctl", "-u", "xinglin").stdout
            time.sleep(0.2)  # as above

    def __exit__(self, *_: object) -> None:
        self.run("systemctl", "poweroff", check=False)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
