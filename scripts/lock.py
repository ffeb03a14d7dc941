"""Compiles the locks from pyproject.toml: hashes of every platform's wheels, no index address."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
OPTIONS = [
    "--universal",  # one lock for Linux, macOS and Windows, Intel and ARM, Python 3.11 to 3.14
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-annotate",
    "--no-header",
    "--quiet",
]
WHAT = {
    "runtime": ["pyproject.toml"],
    "dev": [
        *("pyproject.toml", "--group", "dev", "--group", "tools"),
        *("--constraints", "requirements/runtime.lock"),
    ],
    "tools": ["--group", "tools", "--constraints", "requirements/dev.lock"],
}


def main() -> int:
    """Write requirements/{runtime,dev,tools}.lock; `--upgrade` takes newer releases."""
    wanted = sys.argv[1:]
    LOCKS.mkdir(exist_ok=True)
    for name in WHAT:  # in this order: each constrains the next, so that they agree
        compile_lock(name, wanted)
    return 0


def compile_lock(name: str, options: list[str]) -> None:
    """Compile one lock; what it holds already stays unless `--upgrade` is among the options."""
    lock = LOCKS / f"{name}.lock"
    command = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS, *WHAT[name]]
    subprocess.run([*command, *options, "-o", str(lock)], cwd=ROOT, env=_environment(), check=True)
    print(f"{lock.relative_to(ROOT)}: {_count(lock)} packages")


def _count(lock: Path) -> int:
    return sum("==" in line for line in lock.read_text().splitlines())


def _environment() -> dict[str, str]:
    """Leave out whatever this machine adds to the index: a lock must not depend on it."""
    dropped = (
        "UV_FIND_LINKS",
        "UV_EXTRA_INDEX_URL",
        "UV_INDEX",
        "PIP_FIND_LINKS",
        "PIP_EXTRA_INDEX_URL",
    )
    return {key: value for key, value in os.environ.items() if key not in dropped}


if __name__ == "__main__":
    sys.exit(main())
