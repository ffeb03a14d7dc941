"""Installs a package, founds a hospital with it and asks it things: what test_deb.py does often."""

import http.client
import json
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers import need

UNIT = Path("/usr/lib/systemd/system/xinglin.service")
KEY = Path("/etc/xinglin/keys/master.key")
HOME = Path("/var/lib/xinglin")
SETTINGS = Path("/etc/xinglin/xinglin.env")


def sh(*command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def install(package: Path) -> str:
    """Install in a network namespace with no interface but its own loopback."""
    need("unshare")
    # Not waiting for the disk after each of 9,000 files is the one thing a hospital does not do.
    return sh("unshare", "--net", "dpkg", "--force-unsafe-io", "--install", package).stdout


def found_hospital(port: int, tls_port: int) -> dict[str, str]:
    """Found one as an administrator does: a setting changed, then `sudo xinglin init`."""
    SETTINGS.write_text(f"XINGLIN_SERVER__PORT={port}\nXINGLIN_SERVER__TLS_PORT={tls_port}\n")
    house = ["--name", "Example Hospital", "--uscc", "91350100M000100Y43"]
    done = sh("/usr/bin/xinglin", "init", *house, "--admin", "security", "--yes", "--json")
    return dict(json.loads(done.stdout))


def field(package: Path, name: str) -> str:
    return sh("dpkg-deb", "--field", package, name).stdout.strip()


@contextmanager
def settings(text: str) -> Iterator[None]:
    before = SETTINGS.read_text()
    SETTINGS.write_text(before + text)
    try:
        yield
    finally:
        SETTINGS.write_text(before)


def without_payload(package: Path, folder: Path) -> Path:
    sh("dpkg-deb", "--raw-extract", package, folder / "tree")
    shutil.rmtree(folder / "tree/opt")
    sh("dpkg-deb", "--build", "--root-owner-group", folder / "tree", folder / "hollow.deb")
    return folder / "hollow.deb"


def answered(port: int, server: subprocess.Popen[bytes]) -> int | None:
    """Ask until somebody answers; return the status, or nothing if the server gave up."""
    deadline = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/", headers={"Host": f"localhost:{port}"})
            return connection.getresponse().status
        except OSError:
            time.sleep(0.1)  # another process: there is nothing to wait on but its answer
        finally:
            connection.close()
    return None


def owner(pid: int) -> str:
    return pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name
