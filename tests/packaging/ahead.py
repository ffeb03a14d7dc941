"""Packages of a program that is one step ahead, and a stand-in that notes what systemd is asked."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from data.schema import VERSIONS
from tests.packaging.installed import sh
from tests.peers import need

STEP = """import sqlalchemy as sa
from alembic import op
revision, down_revision = "{number}", "{before}"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table("novelty_{number}", sa.Column("id", sa.Uuid()))
    {then}
"""
BESIDE_SYSTEMD = """set -e
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
mkdir /run/systemd/system
mount --bind "$1/asked" /usr/bin/deb-systemd-invoke
mount --bind /usr/bin/true /usr/bin/systemctl
exec dpkg --force-unsafe-io "$2" "$3"
"""
ASKED = """#!/bin/sh
copies=$(find /var/lib/xinglin/backup/upgrades -type f 2>/dev/null | wc -l)
echo "$1, copies: $copies" >> "{log}"
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How it went, what was said, and what systemd was asked in which order."""

    code: int
    said: str
    asked: list[str]


def one_step_ahead(package: Path, folder: Path, version: str, then: str) -> Path:
    """Repack a package under another version, with one more migration: a table, and `then`."""
    tree = folder / version
    sh("dpkg-deb", "--raw-extract", package, tree)
    [versions] = tree.glob(
        "opt/xinglin/lib/python3*/site-packages/xinglin/data/migrations/versions"
    )
    before = max(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))
    step = versions / "9000_next.py"
    step.write_text(STEP.format(number="9000", before=before, then=then))
    step.chmod(0o644)
    control = tree / "DEBIAN/control"
    lines = control.read_text().splitlines()
    changed = [f"Version: {version}" if line.startswith("Version:") else line for line in lines]
    control.write_text("\n".join(changed) + "\n")
    target = folder / f"{version}.deb"
    sh("dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, target)
    shutil.rmtree(tree)
    return target


def beside_systemd(folder: Path, order: str, what: str | Path) -> Done:
    """Have dpkg do something as if systemd ran; a script plays its part and takes notes.

    In a mount namespace of its own: nothing outside sees it.
    """
    need("unshare")
    log = folder / "log"
    log.unlink(missing_ok=True)
    log.touch()
    (folder / "asked").write_text(ASKED.format(log=log))
    (folder / "asked").chmod(0o755)
    command = ["unshare", "--net", "--mount", "sh", "-c", BESIDE_SYSTEMD, "-", folder, order, what]
    done = sh(*command, check=False)
    return Done(done.returncode, done.stdout + done.stderr, log.read_text().splitlines())
