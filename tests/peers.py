"""The programs our tests talk to: found, or missed in one sentence (skip at home, fail in CI)."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
START_SECONDS = 30


def need(name: str) -> Path:
    """Return where a peer is; without it skip the test, or fail it under CI.

    Names: chromium, postgres (the folder of its programs), sshd, pebble, systemd-analyze,
    dpkg-deb, dpkg, axe (the script), setpriv, or any program on PATH.
    """
    found = find(name)
    if found:
        return found
    package = PACKAGES.get(name, name)
    sentence = f"{name} is not here. Debian and Ubuntu have it: sudo apt install {package}."
    if name == "axe":
        sentence = "axe-core is not here: `make test` installs it with npm."
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def need_root() -> None:
    """Skip a test that installs packages or becomes another user where we are not root."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        pytest.fail("CI runs this test as root.", pytrace=False)
    pytest.skip("This test installs a package or becomes another user: it runs as root only.")


PACKAGES = {
    "chronyd": "chrony",
    "clamd": "clamav-daemon",
    "dpkg-shlibdeps": "dpkg-dev",
    "e2fsck": "e2fsprogs",
    "mkfs.ext4": "e2fsprogs",
    "node": "nodejs",
    "postgres": "postgresql",
    "setpriv": "util-linux",
    "sshd": "openssh-server",
    "systemd-analyze": "systemd",
    "systemd-nspawn": "systemd-container",
}


@cache
def find(name: str) -> Path | None:
    """Return the peer's path, or nothing."""
    if name == "postgres":
        return _newest_postgresql()
    if name == "axe":
        script = ROOT / "tests" / "e2e" / "node_modules" / "axe-core" / "axe.min.js"
        return script if script.exists() else None
    names = ("chromium", "chromium-browser", "google-chrome") if name == "chromium" else (name,)
    paths = (shutil.which(each, path=PLACES) for each in names)
    return next((Path(path) for path in paths if path), None)


def _newest_postgresql() -> Path | None:
    """Debian keeps the server's programs off PATH, a folder a version."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    whole = [folder for folder in folders if (folder / "initdb").exists()]
    if whole:
        return max(whole, key=lambda folder: int("0" + "".join(filter(str.isdigit, str(folder)))))
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A private server: nothing listens on the network, its folder goes when it does."""

    programs: Path
    folder: Path
    _process: subprocess.Popen[bytes] = field(repr=False)

    def url(self, database: str = "postgres") -> str:
        """Return an SQLAlchemy address for asyncpg, over the Unix socket."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self.folder}"

    def stop(self) -> None:
        """End it: sessions are cut off, what is due is written."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(START_SECONDS)

    def sql(self, statement: str) -> str:
        """Run one statement by psql and return what it prints."""
        command = [str(self.programs / "psql"), "-h", str(self.folder), "-U", "postgres", "-XAtq"]
        done = subprocess.run(
            [*command, "-c", statement], check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout.strip()


@contextmanager
def private_postgresql(place: Path | None = None, **settings: str) -> Iterator[PostgreSQL]:
    """Make a cluster, run a server on it, end both. Durable (fsync on) unless told otherwise.

    `place` is where its files lie, by default the folder for temporary files.

    As root the server runs as Debian's user `postgres`, since it refuses to run as root. It dies
    with this process, however that ends.
    """
    programs = need("postgres")
    setpriv = need("setpriv")
    # Short: a socket's path is limited.
    folder = Path(tempfile.mkdtemp(prefix="xinglin-pg-", dir=place))
    become = [str(setpriv), "--pdeathsig", "TERM"]
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        become += ["--reuid", "postgres", "--regid", "postgres", "--init-groups"]
    server = None
    try:
        _init(become, programs, folder)
        server = PostgreSQL(programs, folder, _start(become, programs, folder, settings))
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def memory_folder() -> Path | None:
    """Return a file system in memory with a gigabyte free, if this machine has one."""
    shared = Path("/dev/shm")  # noqa: S108 - only a place to look for
    roomy = os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 1 << 30
    return shared if roomy else None


def _init(become: list[str], programs: Path, folder: Path) -> None:
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", "postgres"]
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run(
        [*become, *command, *options], check=True, capture_output=True, cwd=folder, timeout=60
    )


def _start(
    become: list[str], programs: Path, folder: Path, settings: dict[str, str]
) -> subprocess.Popen[bytes]:
    chosen = {"listen_addresses": "", "unix_socket_directories": str(folder), **settings}
    options = [part for key, value in chosen.items() for part in ("-c", f"{key}={value}")]
    command = [*become, str(programs / "postgres"), "-D", str(folder / "data"), *options]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    ready = [str(programs / "pg_isready"), "-q", "-h", str(folder)]
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run(ready, check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"PostgreSQL did not start: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.05)  # another process: there is nothing to wait on but its answer
    return server


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
