"""Compiles the locks from pyproject.toml: hashes of every platform's wheels, no index address."""

import subprocess
import sys
from pathlib import Path

from scripts import bootstrap

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
    # In this order: each constrains the next, so that they agree.
    return 0 if all(compile_lock(name, wanted) for name in WHAT) else 1


def compile_lock(name: str, options: list[str]) -> bool:
    """Compile one lock and tell whether that could be done; what is wrong, uv has said.

    What it holds already stays unless `--upgrade` is among the options.
    """
    lock = LOCKS / f"{name}.lock"
    command = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS, *WHAT[name]]
    command += [*options, "-o", str(lock)]
    if subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode:
        print(f"{lock.relative_to(ROOT)} could not be compiled: see above.", file=sys.stderr)
        return False
    print(f"{lock.relative_to(ROOT)}: {_count(lock)} packages")
    return True


def _count(lock: Path) -> int:
    return sum("==" in line for line in lock.read_text().splitlines())


def environment() -> dict[str, str]:
    """Leave out whatever this machine adds to the index: a lock must not depend on it."""
    dropped = (
        "UV_FIND_LINKS",
        "UV_EXTRA_INDEX_URL",
        "UV_INDEX",
        "PIP_FIND_LINKS",
        "PIP_EXTRA_INDEX_URL",
    )
    return {key: value for key, value in bootstrap.environment().items() if key not in dropped}


if __name__ == "__main__":
    sys.exit(main())
