"""One name in site-packages, one version, locks that hold for every machine and name none."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.peers import ROOT

OURS = ("app", "pages", "services", "media", "devices", "integrations", "jobs", "data")
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
# An address, a path of a machine, an option of the installer: none belongs into a lock.
FOREIGN = re.compile(r"https?://|file:|^--(?!hash)|^\s*-[a-z]\b|(?<![\w-])/(?:home|root|opt|tmp)/")


def test_no_installed_package_claims_one_of_our_names():
    """A rival `data` in site-packages would be imported instead of ours, silently."""
    claims = importlib.metadata.packages_distributions()
    rivals = {name: claims[name] for name in OURS if set(claims.get(name, [])) - {"xinglin"}}
    assert rivals == {}


def test_the_wheel_puts_everything_into_one_folder(built_wheel: Path):
    names = zipfile.ZipFile(built_wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"xinglin"}
    assert {name.split("/")[1].removesuffix(".py") for name in names} >= set(OURS)


def test_the_wheel_carries_every_file_of_our_folders_and_nothing_else(built_wheel: Path):
    """Catalogues, styles and migrations are files too: one left out is found in a hospital."""
    inside = {
        name.removeprefix("xinglin/")
        for name in zipfile.ZipFile(built_wheel).namelist()
        if name.split("/")[1] in OURS
    }
    outside = {
        str(path.relative_to(ROOT))
        for top in OURS
        for path in (ROOT / top).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert inside - {"app.py"} == outside


def test_an_editable_install_copies_nothing():
    """It would be the copy that runs, and an edit would change nothing."""
    files = importlib.metadata.distribution("xinglin").files or []
    assert [str(file) for file in files if str(file).endswith("app.py")] == []


def test_the_version_stands_in_one_place():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert importlib.metadata.version("xinglin") == declared
    code = [ROOT / "app.py", *(path for top in OURS for path in (ROOT / top).rglob("*.py"))]
    assert [path for path in code if path.exists() and f'"{declared}"' in path.read_text()] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_names_no_address_and_no_machine(lock: Path):
    lines = lock.read_text().splitlines()
    assert [line for line in lines if FOREIGN.search(line)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_locked_package_has_hashes(lock: Path):
    packages = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert len(packages) > 1
    assert [each.split()[0] for each in packages if "--hash=sha256:" not in each] == []


def test_a_compiled_package_is_locked_for_other_machines_too():
    """A lock made on an Intel machine must install on an ARM server and a newer Python."""
    text = (ROOT / "requirements" / "runtime.lock").read_text()
    entry = re.search(r"^pydantic-core==.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    assert entry
    assert entry.group().count("--hash") > 40


def test_the_locks_agree():
    """What is tested is what is installed: one version of a package in all locks."""
    runtime, dev, tools = (_versions(ROOT / "requirements" / f"{name}.lock") for name in WHOLE)
    assert runtime <= dev
    assert tools <= dev


def test_every_declared_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = project["project"]["dependencies"]
    names = {re.split(r"[\[<>=;!~ ]", each)[0].lower() for each in declared}
    locked = {name for name, _ in _versions(ROOT / "requirements" / "runtime.lock")}
    assert names - locked == set()


def test_the_npm_lock_names_no_address():
    lock = json.loads((ROOT / "tests" / "e2e" / "package-lock.json").read_text())
    entries = [entry for name, entry in lock["packages"].items() if name]
    assert entries
    assert all("resolved" not in entry and "integrity" in entry for entry in entries)


WHOLE = ("runtime", "dev", "tools")


def _versions(lock: Path) -> set[tuple[str, str]]:
    return set(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE))


def test_bare_make_explains_every_target():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    declared = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared
    assert re.findall(r"^  make (\w+) ", done.stdout, re.MULTILINE) == declared.group(1).split()


@pytest.mark.parametrize("version", ["3.8", "3.10"])
def test_an_old_python_is_refused_with_a_sentence(tmp_path: Path, version: str):
    """R091: a missing tool is a clear sentence, never a traceback."""
    for name in ("python3", "python"):
        fake = tmp_path / name
        fake.write_text(f"#!/bin/sh\necho {version} is too old; exit 1\n")
        fake.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "python.sh")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "needs Python 3.11 or newer" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_part_that_is_not_written_is_said_in_one_sentence():
    command = [sys.executable, "-m", "scripts.hook", "benchmarks.nothing"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == "benchmarks.nothing is not written yet."
