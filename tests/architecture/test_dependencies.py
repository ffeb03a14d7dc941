"""Every package has a reason, and the page that says so is true."""

import subprocess
import sys

from tests.peers import ROOT


def test_the_table_of_dependencies_is_true():
    """R154: filled from what is installed; a new package needs a reason in one line first."""
    command = [sys.executable, "-m", "scripts.dependencies", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
