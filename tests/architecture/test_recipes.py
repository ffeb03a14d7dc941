"""The recipes of CONTRIBUTING.md can be followed, and end in sentences where they go wrong."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers import ROOT, need

ROW = "| `{name}` | {why} | ? | ? | ? | ? |\n"


def test_every_tool_of_ours_is_named_where_it_is_looked_for():
    """A script that neither `make` nor a recipe names is written once more by the next person."""
    told = (ROOT / "CONTRIBUTING.md").read_text() + (ROOT / "Makefile").read_text()
    scripts = [each for each in (ROOT / "scripts").glob("*.py") if "def main(" in each.read_text()]
    names = sorted(each.stem for each in scripts)
    assert len(names) > 5
    named = [each for each in names if f"scripts.{each}" in told or f"scripts/{each}" in told]
    assert named == names


@pytest.fixture
def checkout(tmp_path) -> Path:
    """As much of a checkout as the lock is made of, with a package in it that is not installed."""
    (tmp_path / "docs" / "adr").mkdir(parents=True)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    page = ROOT / "docs" / "adr" / "0002-dependencies.md"
    project = (ROOT / "pyproject.toml").read_text()
    known = '    "acme>=5,<6",\n'
    wanted = project.replace(known, f'{known}    "segno-unheard-of>=9",\n')
    assert wanted != project
    (tmp_path / "pyproject.toml").write_text(wanted)
    (tmp_path / "docs" / "adr" / page.name).write_text(page.read_text())
    return tmp_path


def ran(checkout: Path, module: str, **told: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=checkout,
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_package_without_a_reason_is_named(checkout):
    done = ran(checkout, "scripts.dependencies")
    assert done.returncode == 1
    assert "gives no reason for: segno-unheard-of." in done.stdout


def test_a_package_that_is_not_installed_yet_is_named(checkout):
    page = checkout / "docs" / "adr" / "0002-dependencies.md"
    text = page.read_text()
    page.write_text(text + ROW.format(name="segno-unheard-of", why="draws what nobody reads"))
    done = ran(checkout, "scripts.dependencies")
    assert done.returncode == 1
    assert "not installed: segno-unheard-of. Please run: make lock" in done.stdout


def test_a_lock_that_cannot_be_compiled_ends_in_what_the_installer_says(checkout):
    away = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(checkout / "cache")}
    done = ran(checkout, "scripts.lock", **away)
    assert done.returncode == 1
    assert "could not be compiled" in done.stderr


def test_what_was_locked_is_installed_before_its_page_is_written():
    """The page tells size and licence, which are read off the installed package."""
    steps = subprocess.run(
        [need("make"), "--dry-run", "--no-print-directory", "lock"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    [compiled] = [at for at, step in enumerate(steps) if step.endswith("-m scripts.lock ")]
    [written] = [at for at, step in enumerate(steps) if "scripts.dependencies --dates" in step]
    between = steps[compiled:written]
    assert any(step.endswith("scripts/bootstrap.py dev") for step in between), steps
