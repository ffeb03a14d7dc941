"""Each import contract of pyproject.toml breaks when it is violated: seen red, not believed.

R056, R057: modules of their own, which meet in events only.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers import ROOT

FOLDERS = ("pages", "services", "media", "devices", "integrations", "jobs", "data")
VIOLATIONS = {
    "Layers": ("services/rule.py", "import media\n"),
    "Layers: adapters": ("media/room.py", "import pages\n"),
    "The eight modules": ("services/billing/bill.py", "import services.pharmacy\n"),
    "Pages see services": ("pages/list.py", "import sqlalchemy\n"),
    "Pages see services, never": ("pages/list.py", "import data.base\n"),
    "A module touches its own": ("services/billing/bill.py", "import data.users\n"),
    "An emulator imports": ("integrations/emulators/bank.py", "import integrations.adapter\n"),
    "An emulator imports nothing": ("integrations/emulators/bank.py", "import services\n"),
}
ALLOWED = {
    "pages/list.py": "import data.errors\nimport services\n",
    "services/users/people.py": "import data.users\nimport data.base\n",
    "integrations/emulators/bank.py": "import json\nimport integrations.emulators.shared\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A house of empty rooms under our rules."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    modules = ("users", "appointments", "records", "workbench")
    modules += ("calls", "billing", "pharmacy", "analytics")
    packages = [*FOLDERS, "integrations/emulators", *(f"services/{name}" for name in modules)]
    for package in packages:
        (tmp_path / package).mkdir(parents=True, exist_ok=True)
        (tmp_path / package / "__init__.py").touch()
    for file in ("data/base", "data/errors", "data/users", "integrations/adapter"):
        (tmp_path / f"{file}.py").touch()
    (tmp_path / "integrations/emulators/shared.py").touch()
    return tmp_path


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_what_is_allowed_passes(tree: Path):
    for file, text in ALLOWED.items():
        (tree / file).write_text(text)
    done = lint(tree)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_violated_contract_breaks(tree: Path, contract: str):
    file, text = VIOLATIONS[contract]
    (tree / file).write_text(text)
    done = lint(tree)
    assert done.returncode == 1
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert [line for line in broken if line.startswith(contract)], done.stdout
