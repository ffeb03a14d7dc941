"""Keeps the table of docs/adr/0002-dependencies.md true: version, size, licence, last release.

    python -m scripts.dependencies [--check | --dates]

Version, size and licence come from what is installed; the date of the release comes from the
package index (`--dates`, part of `make lock`). The reason for each package is written by hand in
the table and kept.
"""

import importlib.metadata
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.lock import environment

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "adr" / "0002-dependencies.md"
HEAD = "| package | why | version | released | MB | licence |\n|---|---|---|---|---|---|"
ROW = re.compile(
    r"^\| `(?P<name>[^`]+)` \| (?P<why>.*?) \| (?P<version>\S+) \| (?P<date>\S*) "
    r"\|(?: (?P<size>[\d.]+) \|)?"
)
# Where a package's metadata names no licence, its licence file does; read by hand.
LICENCE_KEYS = ("License-Expression", "License")
READ_BY_HAND = {"apsw": "any OSI licence", "sqlcipher3": "Zlib", "segno": "BSD-3-Clause"}


@dataclass(frozen=True, slots=True)
class Known:
    """What the table says of a package beyond what can be read off the installed one."""

    why: str
    version: str
    released: str
    size: str | None


def main() -> int:
    """Write the page, or with --check say whether it is true."""
    text = PAGE.read_text()
    known = _known(text)
    missing = [name for group in _declared().values() for name in group if name not in known]
    if missing:
        print(f"{PAGE.relative_to(ROOT)} gives no reason for: {', '.join(missing)}.")
        return 1
    absent = [name for group in _declared().values() for name in group if not _is_here(name)]
    if absent:
        print(f"Wanted and not installed: {', '.join(absent)}. Please run: make lock")
        return 1
    dates = _release_dates() if "--dates" in sys.argv else {}
    wanted = _filled(text, known, dates)
    if "--check" not in sys.argv:
        PAGE.write_text(wanted)
    elif wanted != text:
        print(f"{PAGE.relative_to(ROOT)} is out of date: make docs")
        return 1
    return 0


def _declared() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = {"runtime": project["project"]["dependencies"], **project["dependency-groups"]}
    both = groups["dev"] + [each for each in groups["tools"] if each not in groups["dev"]]
    return {"runtime": _names(groups["runtime"]), "dev": _names(both)}


def _names(requirements: list[str]) -> list[str]:
    return sorted(re.split(r"[\[<>=;!~ ]", each)[0] for each in requirements)


def _known(text: str) -> dict[str, Known]:
    found = (ROW.match(line) for line in text.splitlines())
    return {
        row["name"]: Known(row["why"], row["version"], row["date"], row["size"])
        for row in found
        if row
    }


def _is_here(name: str) -> bool:
    return any(importlib.metadata.distributions(name=name))


def _filled(text: str, known: dict[str, Known], dates: dict[str, str]) -> str:
    for group, names in _declared().items():
        rows = "\n".join(_row(name, known[name], dates) for name in names)
        table = f"<!-- {group} -->\n{HEAD}\n{rows}\n<!-- end -->"
        text = re.sub(rf"<!-- {group} -->.*?<!-- end -->", lambda _: table, text, flags=re.DOTALL)  # noqa: B023 - called at once
    return text


def _row(name: str, known: Known, dates: dict[str, str]) -> str:
    package = importlib.metadata.distribution(name)
    same = known.version == package.version
    # A wheel for another processor has another size: one is enough to know what is heavy.
    measured = f"{sum(file.size or 0 for file in package.files or []) / 1_000_000:.1f}"
    size = (known.size if same else None) or measured
    released = dates.get(name) or (known.released if same else "?")
    licence = licence_of(package)
    return f"| `{name}` | {known.why} | {package.version} | {released} | {size} | {licence} |"


def licence_of(package: importlib.metadata.Distribution) -> str:
    """Return the licence a package declares, in the newest of the three ways to declare it."""
    name = package.name.lower()
    stated = next((package.metadata[key] for key in LICENCE_KEYS if key in package.metadata), "")
    if stated and len(stated) < 60 and name not in READ_BY_HAND:  # noqa: PLR2004 - not a whole text
        return stated.removesuffix(" License")
    kinds = package.metadata.get_all("Classifier") or []
    named = [kind.split("::")[-1].strip() for kind in kinds if kind.startswith("License ::")]
    return READ_BY_HAND.get(name) or ", ".join(named).removesuffix(" License") or "?"


def _release_dates() -> dict[str, str]:
    """Ask the index when the locked releases came out, in the one format that tells."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "pylock.toml"
        command = [sys.executable, "-m", "uv", "pip", "compile", "--format", "pylock.toml", "-q"]
        what = ["requirements/dev.lock", "--universal", "--python-version=3.11", "--no-header"]
        command += [*what, "-o", str(target)]
        if subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode:
            print("The index did not say when the packages were released: see above.")
            return {}
        packages = tomllib.loads(target.read_text())["packages"]
    return {each["name"]: _date(each) for each in packages if "wheels" in each or "sdist" in each}


def _date(package: dict[str, Any]) -> str:
    files = package.get("wheels") or [package["sdist"]]
    times = [str(file["upload-time"]) for file in files if "upload-time" in file]
    return min(times)[:10] if times else "?"


if __name__ == "__main__":
    sys.exit(main())
