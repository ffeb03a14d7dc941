"""Bad input: an interrupted upgrade. The hospital is as it was and says what to do. (R041)"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from data.schema import VERSIONS
from jobs.commands.voice import LOG
from services.i18n import LANGUAGES
from tests.peers import ROOT

HALF_WAY = {
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "broken": "raise RuntimeError('in the middle')",
}
MIGRATE = """
import pathlib, sys
from data.schema import Schema
Schema.__init__.__defaults__ = (pathlib.Path(sys.argv[1]),)
import app
from jobs.commands import run
sys.exit(run(app.COMPOSITION, sys.argv[2:]))
"""


def next_version(folder: Path, half_way: str = "pass") -> Path:
    """Make the steps of a program one version ahead; between two changes it does `half_way`."""
    shutil.copytree(VERSIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    head = max(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))
    (folder / "9000_next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision = '9000', '{head}'\nbranch_labels = depends_on = None\n\n\n"
        "def upgrade() -> None:\n"
        "    op.create_table('novelty', sa.Column('id', sa.Uuid()))\n"
        "    op.drop_column('site', 'address')\n"
        f"    {half_way}\n"
    )
    return folder


def migrate(home: Path, versions: Path, language: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", MIGRATE, str(versions), "migrate", "--home", str(home)]
    environment = {"XINGLIN_LANGUAGE": language, "PATH": "/usr/bin:/bin", "PYTHONPATH": "."}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("how", HALF_WAY)
def test_an_upgrade_broken_off_half_way_has_not_happened(xinglin, tmp_path, how, language):
    broken = next_version(tmp_path / "broken", HALF_WAY[how])
    done = migrate(xinglin.home, broken, language)
    if how == "killed":
        assert done.returncode == -signal.SIGKILL
    else:
        assert done.returncode == 4
        assert done.stderr.strip().endswith("[upgrade_taken_back]")
        assert len(done.stderr.strip().splitlines()) == 1
        assert "in the middle" in (xinglin.home / LOG).read_text()

    assert xinglin("audit", "verify").code == 0, "the program of before goes on with it"
    assert xinglin("doctor").code == 0

    done = migrate(xinglin.home, next_version(tmp_path / "whole"), language)
    assert done.returncode == 0, done.stderr
    assert "[schema_newer]" in xinglin("audit", "verify").err


def test_what_was_not_upgraded_yet_says_what_to_do(xinglin, tmp_path, monkeypatch):
    """After a kill somebody starts the new program again: one sentence, and a code."""
    broken = next_version(tmp_path / "broken", HALF_WAY["killed"])
    migrate(xinglin.home, broken, "en")
    whole = next_version(tmp_path / "whole")
    monkeypatch.setattr("data.schema.Schema.__init__.__defaults__", (whole,))
    said = xinglin("audit", "verify").err.strip()
    assert said.endswith("[schema_older]")
    assert "xinglin migrate" in said
    assert len(said.splitlines()) == 1


def test_a_database_that_is_gone_is_not_made_anew_and_empty(xinglin):
    """Red before: an empty hospital opened, and its files were swept as nobody's a day later."""
    (xinglin.home / "xinglin.db").unlink()
    done = xinglin("migrate")
    assert (done.code, "[schema_empty]" in done.err) == (3, True)
    assert "[schema_empty]" in xinglin("audit", "verify").err
