"""The packages under test: built once a run, from the wheel that a hospital would get."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers import ROOT, need, need_root
from tests.plugin import build_wheel

OLD, NEW = "0.0.9", "0.1.0"


@dataclass(frozen=True, slots=True)
class Packages:
    """Two Debian packages of the same tree: the version before, and this one."""

    old: Path
    new: Path


@pytest.fixture(scope="session")
def packages(built_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Build both; they share one tree of dependencies, kept between runs for the same lock."""
    for tool in ("dpkg-deb", "dpkg-shlibdeps", "dpkg"):
        need(tool)
    out = tmp_path_factory.mktemp("deb")
    older = build_wheel(earlier_tree(tmp_path_factory.mktemp("earlier")), out)
    return Packages(build_package(older, out), build_package(built_wheel, out))


def earlier_tree(folder: Path) -> Path:
    """Copy what a wheel is made of, under the version before."""
    names = ["app.py", "pages", "services", "media", "devices", "integrations", "jobs", "data"]
    for name in [*names, "packaging", "README.md", "LICENSE"]:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, folder / name)
    project = (ROOT / "pyproject.toml").read_text()
    changed = project.replace(f'version = "{NEW}"', f'version = "{OLD}"', 1)
    assert changed != project
    (folder / "pyproject.toml").write_text(changed)
    return folder


def build_package(wheel: Path, out: Path, *options: str, epoch: int = 1_767_225_600) -> Path:
    """Run the build script and return the package's path."""
    command = [sys.executable, str(ROOT / "packaging/deb/build.py"), "--wheel", str(wheel)]
    command += ["--level", "1"]  # pressed less than for a hospital; otherwise the same
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    done = subprocess.run(
        [*command, "--out", str(out), *options],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        umask=0o077,  # the strictest there is: the package must not depend on its builder's
    )
    if done.returncode:
        pytest.fail(done.stderr[-3000:], pytrace=False)
    return Path(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def clean_machine() -> Iterator[None]:
    """Let tests install the package; refuses where a real hospital might be installed."""
    need_root()
    need("dpkg")
    if Path("/var/lib/xinglin").exists() or installed_version():
        if not os.environ.get("CI"):
            pytest.skip("Xinglin is installed on this machine: the test would remove it.")
        forget_the_machine()  # left by a run that was killed
    yield
    forget_the_machine()


def installed_version() -> str:
    command = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", "xinglin"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return said[1] if said[:1] == ["installed"] else ""


def forget_the_machine() -> None:
    """Leave the machine as if nothing had ever been installed."""
    subprocess.run(["dpkg", "--purge", "xinglin"], capture_output=True, check=False)
    for folder in ("/var/lib/xinglin", "/etc/xinglin", "/opt/xinglin"):
        shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["deluser", "--quiet", "xinglin"], capture_output=True, check=False)
