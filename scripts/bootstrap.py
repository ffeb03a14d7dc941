"""Builds `.venv` from the hash-pinned locks; run by make with any Python 3.11 or newer.

    python3 scripts/bootstrap.py runtime|dev

Only the standard library: it runs before anything is installed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = ROOT / "requirements"
INTERRUPTED = 130  # as a shell says it


class Impossible(Exception):
    """The set-up cannot go on; the message is a sentence for the person at the keyboard."""


def main() -> int:
    """Make `.venv`, install the wanted lock and this checkout into it."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "runtime"
    try:
        make_venv()
        install_tools()
        install(LOCKS / f"{wanted}.lock")
        install_checkout()
    except Impossible as reason:
        print(f"\n{reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; make goes on from here when it is run again.", file=sys.stderr)
        return INTERRUPTED
    return 0


def make_venv() -> None:
    """Make the environment, anew where the old one is half made, or its Python gone or too old."""
    if _is_usable():
        return
    if VENV.exists():
        print("The Python of .venv is gone or not whole: building it anew.", flush=True)
        _take_away()
    print(f"Making .venv with Python {sys.version.split()[0]} ...", flush=True)
    if _works([sys.executable, "-m", "venv", str(VENV)]):
        return
    shutil.rmtree(VENV, ignore_errors=True)
    _install_debian_venv()
    _run(
        [sys.executable, "-m", "venv", str(VENV)],
        f"{sys.executable} cannot make a virtual environment: its modules venv and ensurepip "
        "are missing or broken.",
    )


def _is_usable() -> bool:
    """Tell whether `.venv` has a Python, and what installs: pip, or what pip has installed."""
    if not _works([str(PYTHON), "-c", "import sys; assert sys.version_info > (3, 11)"]):
        return False
    return _has_tools() or _works([str(PYTHON), "-m", "pip", "--version"])


def _take_away() -> None:
    try:
        shutil.rmtree(VENV)
    except OSError as error:
        raise Impossible(
            f"The old .venv cannot be taken away ({error.strerror}); another user may have made "
            "it. Please remove it: sudo rm -r .venv"
        ) from None


def _has_tools() -> bool:
    return _works([str(VENV / "bin" / "uv"), "--version"]) and _works(
        [str(PYTHON), "-c", "import hatchling"]
    )


def install_tools() -> None:
    """Install uv and the wheel builder, with pip, by hash."""
    lock = LOCKS / "tools.lock"
    if _has_tools():
        return
    command = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    _run(
        [*command, "--require-hashes", "-r", str(lock)],
        "The installer could not be fetched. Is there a network, or a mirror in pip's settings "
        "(pip config set global.index-url ...)?",
    )


def install(lock: Path) -> None:
    """Install every package of a lock; each must have one of the hashes the lock names."""
    print(
        f"Installing {lock.relative_to(ROOT)} (every package checked by its hash) ...", flush=True
    )
    _run(
        [*_uv_install(), "--require-hashes", "-r", str(lock)],
        f"Not every package of {lock.relative_to(ROOT)} could be installed: see above.",
    )


def install_checkout() -> None:
    """Install this folder in place, so that `.venv/bin/xinglin` runs what is edited."""
    _run(
        [*_uv_install(), "--no-deps", "--no-build-isolation", "-e", str(ROOT)],
        "The checkout could not be installed into .venv: see above.",
    )


def _uv_install() -> list[str]:
    # Compiled once here: where Python may write no bytecode, every start would compile it all.
    options = ["--quiet", "--compile-bytecode", "--python", str(PYTHON)]
    return [str(VENV / "bin" / "uv"), "pip", "install", *options]


def environment() -> dict[str, str]:
    """Return our environment, and in it for uv the mirror that pip was told of."""
    known = dict(os.environ)
    if not PYTHON.exists() or "UV_DEFAULT_INDEX" in known or "UV_INDEX_URL" in known:
        return known
    if told := known.get("PIP_INDEX_URL"):  # pip puts it before its settings
        return {**known, "UV_DEFAULT_INDEX": told}
    asked = subprocess.run(
        [str(PYTHON), "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode == 0 and asked.stdout.strip():
        known["UV_DEFAULT_INDEX"] = asked.stdout.strip()
    return known


def _install_debian_venv() -> None:
    """Debian keeps `ensurepip` in a package of its own."""
    package = f"python3.{sys.version_info.minor}-venv"
    if not shutil.which("apt-get"):
        return
    if os.geteuid() != 0:
        raise Impossible(
            f"Python's venv module is not installed. Please run: sudo apt install {package}"
        )
    print(f"Installing {package} ...", flush=True)
    _works(["apt-get", "update", "-qq"])
    if not _works(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]):
        raise Impossible(f"apt could not install {package}; try it by hand and run make again.")


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run(command: list[str], sentence: str) -> None:
    try:
        if (
            subprocess.run(
                command, env=environment(), stdin=subprocess.DEVNULL, check=False
            ).returncode
            == 0
        ):
            return
    except OSError as error:
        sentence = f"{sentence} ({error})"
    raise Impossible(sentence)


if __name__ == "__main__":
    sys.exit(main())
