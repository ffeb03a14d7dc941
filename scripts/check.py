"""Runs every check that reads the code and does not run it; says all that is wrong, not the first.

python -m scripts.check [--fix]
"""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

FIXES: dict[str, list[str | Path]] = {
    "lint": [BIN / "ruff", "check", "--fix", "--quiet"],
    "format": [BIN / "ruff", "format", "--quiet"],
}
CHECKS: dict[str, list[str | Path]] = {
    "format": [BIN / "ruff", "format", "--check", "--quiet"],
    "lint": [BIN / "ruff", "check", "--quiet"],
    "types": [BIN / "mypy", "--no-error-summary"],
    "layers": [BIN / "lint-imports", "--no-logo"],
    "docs": [sys.executable, "-m", "scripts.docs", "--check"],
}


def main() -> int:
    """Return how many checks found something."""
    chosen = FIXES if "--fix" in sys.argv else CHECKS
    failed = [name for name, command in chosen.items() if not passes(name, command)]
    print(f"Wrong: {', '.join(failed)}." if failed else "Nothing wrong.", flush=True)
    return len(failed)


def passes(name: str, command: list[str | Path]) -> bool:
    """Run one check; its output is shown only where it found something."""
    if name == "docs" and importlib.util.find_spec("scripts.docs") is None:
        return True
    start = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = "ok" if done.returncode == 0 else "WRONG"
    print(f"{name:<8}{said:<7}{time.monotonic() - start:5.1f} s", flush=True)
    if done.returncode:
        print(done.stdout.rstrip(), flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
