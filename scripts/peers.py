"""Installs what the tests talk to: browser, database server, SSH server, certificate authority.

    python -m scripts.peers

As root on Debian or Ubuntu it installs what is missing; for anybody else it says what to install.
Only the standard library.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROWSER_TESTS = ROOT / "tests" / "e2e"
TRIES = 3
APT = (
    *("apt-get", "install", "-y", "-qq", "--no-install-recommends", "--no-upgrade"),
    *("-o", "DPkg::Lock::Timeout=120"),  # the machine may be bringing itself up to date
)


def _found(*programs: str) -> Callable[[], bool]:
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return lambda: all(shutil.which(program, path=places) for program in programs)


def _exists(pattern: str) -> Callable[[], bool]:
    return lambda: any(Path("/").glob(pattern))


# Debian package -> is what we need of it here already?
NEEDED: dict[str, Callable[[], bool]] = {
    "adduser": _found("adduser"),
    "binutils": _found("objdump"),
    "chromium": _found("chromium"),
    "chrony": _found("chronyd"),
    "clamav-daemon": _found("clamd"),
    "dpkg-dev": _found("dpkg-shlibdeps"),
    "e2fsprogs": _found("mkfs.ext4", "e2fsck"),
    "fonts-noto-cjk": _exists("usr/share/fonts/opentype/noto/NotoSansCJK*"),
    "nodejs": _found("node"),
    "npm": _found("npm"),
    "openssh-server": _found("sshd"),
    "pebble": _found("pebble"),
    "libatomic1": _exists("usr/lib/*/libatomic.so.1"),  # the browser tests' own node asks for it
    "libseccomp2": _exists("usr/lib/*/libseccomp.so.2"),
    "postgresql": _exists("usr/lib/postgresql/*/bin/initdb"),
    "python3": _exists("usr/bin/python3"),
    "systemd": _found("systemd-analyze"),
    "util-linux": _found("setpriv"),
}


def main() -> int:
    """Install what is missing, or say it; always ends well: a test without its peer says so."""
    missing = sorted(package for package, here in NEEDED.items() if not here())
    if missing:
        install(missing)
    install_browser_tools()
    return 0


def install(missing: list[str]) -> None:
    """Install Debian packages as root; otherwise tell what to ask the administrator for."""
    names = " ".join(missing)
    if not shutil.which("apt-get"):
        print(f"Not a Debian system: tests that need one of these will be skipped: {names}.")
        return
    if os.geteuid() != 0:
        print(f"Some tests will be skipped. To run them all: sudo apt install {names}")
        return
    print(f"Installing for the tests: {names} ...", flush=True)
    if left := _apt(missing):
        print(f"apt could not install {' '.join(left)}. Tests that need one will say so.")


def _apt(packages: list[str]) -> list[str]:
    """Install them and return those that could not be, after several tries.

    apt installs none of a list with one name in it that this release of the distribution does
    not have: then each is installed alone.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    left = packages
    for _ in range(TRIES):
        _quiet(["apt-get", "update", "-qq"], environment)
        if _quiet([*APT, *left], environment):
            return []
        left = [each for each in left if not _quiet([*APT, each], environment)]
        if not left:
            break
    return left


def install_browser_tools() -> None:
    """Install axe-core, the accessibility checker the browser tests inject into every page."""
    wanted = BROWSER_TESTS / "package-lock.json"
    stamp = BROWSER_TESTS / "node_modules" / ".package-lock.json"
    if not wanted.exists() or not shutil.which("npm"):
        return
    if stamp.exists() and stamp.stat().st_mtime >= wanted.stat().st_mtime:
        return
    print("Installing axe-core for the browser tests ...", flush=True)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    if not _quiet(command, dict(os.environ), BROWSER_TESTS):
        print("npm could not install axe-core: the accessibility tests will say so.")


def _quiet(command: list[str], environment: dict[str, str], folder: Path = ROOT) -> bool:
    """Run without input; show the output's end only where it failed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        print(f"{' '.join(command[:3])} failed:", *done.stdout.splitlines()[-8:], sep="\n  ")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
