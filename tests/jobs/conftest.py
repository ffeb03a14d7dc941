"""A hospital on the disk, founded once by the command itself and copied for each test."""

import shutil
from pathlib import Path

import pytest

from jobs.commands import run
from tests.jobs.houses import COMPOSITION, INIT, Command


@pytest.fixture(autouse=True)
def in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_LANGUAGE", "en")
    monkeypatch.delenv("XINGLIN_HOME", raising=False)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hospital that `xinglin init` makes."""
    home = tmp_path_factory.mktemp("founded") / "home"
    assert run(COMPOSITION, [*INIT, "--home", str(home)]) == 0
    return home


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    """A copy of it, to do anything with."""
    shutil.copytree(founded, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def xinglin(home: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, for this hospital."""
    return Command(home, capsys)


@pytest.fixture
def nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, where there is no hospital yet."""
    return Command(tmp_path / "new", capsys)
