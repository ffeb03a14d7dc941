"""Builds xinglin_VERSION_ARCH.deb: the wheel and its locked dependencies beside Debian's Python.

    python packaging/deb/build.py [--wheel FILE] [--out DIR] [--work DIR]

Run on the Debian release the package is for. The same sources and locks give the same bytes
(SOURCE_DATE_EPOCH, else the last commit's time). Only the standard library; needs uv (from
`.venv`), dpkg-deb and dpkg-shlibdeps.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SYSTEM_PYTHON = Path(
    "/usr/bin/python3"
)  # Debian's own: `apt` patches it, and every user may run it
PREFIX = Path("opt/xinglin")
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
PLACES = {  # file of this folder -> where it goes, and its mode
    "xinglin.service": ("usr/lib/systemd/system/xinglin.service", 0o644),
    "xinglin.env": ("etc/xinglin/xinglin.env", 0o640),
    "xinglin.sh": ("usr/bin/xinglin", 0o755),
    "copyright": ("usr/share/doc/xinglin/copyright", 0o644),
}
# What an installer notes about where a package came from: paths and times of the build machine.
BUILD_TRACES = ("direct_url.json", "uv_build.json", "uv_cache.json", "REQUESTED", "RECORD")
STARTER = """#!/{prefix}/bin/python3 -I
import sys

from xinglin import main

USUAL = {{
    "XINGLIN_HOME": "/var/lib/xinglin",
    "XINGLIN_MASTER_KEY": "/etc/xinglin/keys/master.key",
}}

if __name__ == "__main__":  # a worker process reads this file too, and must not start a server
    sys.exit(main("/etc/xinglin/xinglin.env", USUAL))
"""


class Impossible(Exception):
    """The package cannot be built; the message is a sentence for the person at the keyboard."""


def main() -> int:
    """Build the package and print its path."""
    chosen = _arguments()
    try:
        print(build(chosen.wheel, chosen.out.resolve(), chosen.work.resolve(), chosen.level))
    except Impossible as reason:
        print(f"\n{reason}", file=sys.stderr)
        return 1
    return 0


def build(wheel: Path | None, out: Path, work: Path, level: int) -> Path:
    """Stage the file tree, describe it, pack it."""
    _check_tools()
    epoch = _epoch()
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    os.umask(0o022)  # the builder's own may be stricter; a package's files are for everybody
    out.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    wheel = wheel or _wheel(out)
    version = wheel.name.split("-")[1]
    tree = work / f"xinglin-{version}"
    shutil.rmtree(tree, ignore_errors=True)
    locked = _dependencies(work)
    shutil.copytree(locked / "root", tree, symlinks=True, copy_function=os.link)
    _install_wheel(wheel, tree)
    _place_files(tree, version)
    _describe(tree, version, _depends((locked / "libraries").read_text()))
    _settle_times(tree, epoch)
    target = out / f"xinglin_{version}_{_architecture()}.deb"
    _run(
        [
            "dpkg-deb",
            "--build",
            "--root-owner-group",
            "-Zzstd",
            f"-z{level}",
            str(tree),
            str(target),
        ]
    )
    return target


def _dependencies(work: Path) -> Path:
    """Install the locked packages once for a lock, below `root`; the next package reuses them."""
    lock = ROOT / "requirements" / "runtime.lock"
    mark = hashlib.sha256(lock.read_bytes() + _python_version().encode()).hexdigest()[:12]
    tree = work / f"dependencies-{mark}"
    if (tree / "libraries").exists():
        return tree
    shutil.rmtree(tree, ignore_errors=True)
    venv = tree / "root" / PREFIX
    print(
        f"Installing {lock.relative_to(ROOT)} for {SYSTEM_PYTHON} ...", file=sys.stderr, flush=True
    )
    _run([*_uv(), "venv", "--quiet", "--python", str(SYSTEM_PYTHON), str(venv)])
    _pip_install(venv, "--require-hashes", "-r", str(lock))
    _keep_what_runs(venv)
    _compile(venv, tree / "root")
    (tree / "libraries").write_text(_libraries(tree))
    return tree


def _keep_what_runs(venv: Path) -> None:
    """Drop the packages' own commands: their first line names the build folder."""
    for file in (venv / "bin").iterdir():
        if not file.name.startswith("python"):
            file.unlink()
    for name in ("include", "share", "testing"):  # headers, manuals, a package's own test settings
        shutil.rmtree(venv / name, ignore_errors=True)
    for name in ("python", "python3", f"python{_python_version()}"):
        link = venv / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(f"/usr/bin/python{_python_version()}")
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")


def _install_wheel(wheel: Path, tree: Path) -> None:
    venv = tree / PREFIX
    _pip_install(venv, "--no-deps", "--reinstall", str(wheel.resolve()))
    starter = venv / "bin" / "xinglin"
    starter.unlink()  # the installer's names the build folder
    starter.write_text(STARTER.format(prefix=PREFIX))
    starter.chmod(0o755)
    _compile(venv / "lib" / f"python{_python_version()}" / "site-packages" / "xinglin", tree)
    for trace in BUILD_TRACES:
        for file in venv.rglob(f"*.dist-info/{trace}"):
            file.unlink()


def _compile(folder: Path, root: Path) -> None:
    """Compile ahead, since the service's user may not write here; no file time is consulted."""
    command = [str(SYSTEM_PYTHON), "-I", "-m", "compileall", "-q", "-j", "0"]
    paths = ["-s", str(root), "-p", "/", "--invalidation-mode", "unchecked-hash", str(folder)]
    _run([*command, *paths], env={"PYTHONHASHSEED": "0"})


def _place_files(tree: Path, version: str) -> None:
    for name, (place, mode) in PLACES.items():
        target = tree / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((HERE / name).read_text())
        target.chmod(mode)
    doc = tree / "usr/share/doc/xinglin"
    shutil.copyfile(ROOT / "docs/adr/0002-dependencies.md", doc / "dependencies.md")
    shutil.copyfile(ROOT / "docs/settings.md", doc / "settings.md")
    manual = tree / "usr/share/man/man8/xinglin.8"
    manual.parent.mkdir(parents=True)
    manual.write_text((HERE / "xinglin.8").read_text().replace("@VERSION@", version))
    _run(["gzip", "-9n", str(manual)])
    for name in (".gitignore", ".lock", "CACHEDIR.TAG"):  # the installer's, not ours
        (tree / PREFIX / name).unlink(missing_ok=True)
    _open_to_all(tree / PREFIX, tree / "usr")


def _open_to_all(*folders: Path) -> None:
    """Let everybody read: what the installer copied may carry its cache's stricter modes."""
    for path in (path for folder in folders for path in folder.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)


def _describe(tree: Path, version: str, depends: str) -> None:
    folder = tree / "DEBIAN"
    folder.mkdir()
    size = sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    filled = (HERE / "control").read_text()
    facts = {
        "VERSION": version,
        "ARCHITECTURE": _architecture(),
        "SIZE": str(size),
        "DEPENDS": depends,
    }
    for key, value in facts.items():
        filled = filled.replace(f"@{key}@", value)
    (folder / "control").write_text(filled)
    (folder / "conffiles").write_text("/etc/xinglin/xinglin.env\n")
    for name in SCRIPTS:
        (folder / name).write_text((HERE / name).read_text())
        (folder / name).chmod(0o755)
    files = (path for path in sorted(tree.rglob("*")) if path.is_file() and not path.is_symlink())
    sums = (
        f"{_md5(path)}  {path.relative_to(tree)}" for path in files if folder not in path.parents
    )
    (folder / "md5sums").write_text("\n".join(sums) + "\n")


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()  # what dpkg -V reads


def _libraries(tree: Path) -> str:
    """Name the system libraries that the installed packages link to, as Debian names them."""
    libraries = sorted(tree.rglob("*.so*"))
    private = sorted({f"-l{path.parent}" for path in libraries if ".libs" in path.parent.name})
    place = tree / "debian"
    place.mkdir(exist_ok=True)
    (place / "control").write_text("Source: xinglin\n\nPackage: xinglin\nArchitecture: any\n")
    command = ["dpkg-shlibdeps", "-O", "--warnings=0", "--ignore-missing-info", *private]
    answer = _run([*command, *(f"-e{path}" for path in libraries)], cwd=tree)
    found = re.search(r"shlibs:Depends=(.*)", answer)
    if not found:
        raise Impossible("dpkg-shlibdeps did not say which libraries the package needs.")
    return found.group(1).strip()


def _depends(libraries: str) -> str:
    """Name the Python the wheels were built for, what the package's scripts use, and libraries."""
    major, minor = _python_version().split(".")
    python = [f"python3 (>= {major}.{minor})", f"python3 (<< {major}.{int(minor) + 1})"]
    # ca-certificates: mail servers and gateways are trusted by what the system trusts.
    ours = ["adduser", "ca-certificates", "init-system-helpers (>= 1.54~)"]
    return ", ".join([*python, *ours, libraries])


def _settle_times(tree: Path, epoch: int) -> None:
    for path in tree.rglob("*"):
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def _wheel(out: Path) -> Path:
    for old in out.glob("xinglin-*.whl"):
        old.unlink()
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)], cwd=ROOT)
    return next(out.glob("xinglin-*.whl"))


def _pip_install(venv: Path, *what: str) -> None:
    # Copies, not links: a link into uv's cache would let us alter what others install from it.
    options = [
        "--quiet",
        "--link-mode",
        "copy",
        "--no-config",
        "--python",
        str(venv / "bin/python"),
    ]
    _run([*_uv(), "pip", "install", *options, *what])


def _uv() -> list[str]:
    return [sys.executable, "-m", "uv"]


def _python_version() -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return _run([str(SYSTEM_PYTHON), "-I", "-c", code]).strip()


def _architecture() -> str:
    return _run(["dpkg", "--print-architecture"]).strip()


def _epoch() -> int:
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    asked = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return int(asked.stdout.strip() or 1_767_225_600)  # an unpacked archive: the start of 2026


def _check_tools() -> None:
    for tool, package in (("dpkg-deb", "dpkg"), ("dpkg-shlibdeps", "dpkg-dev"), ("gzip", "gzip")):
        if not shutil.which(tool):
            raise Impossible(f"{tool} is missing. Please run: sudo apt install {package}")
    if not SYSTEM_PYTHON.exists():
        raise Impossible("The package is built against Debian's Python: sudo apt install python3")


def _run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Impossible(f"{' '.join(command[:4])} ... failed:\n{done.stderr[-3000:]}")
    return done.stdout


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--wheel", type=Path, help="a wheel built already (default: build one)")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--level", type=int, default=9, help="how hard to compress: 1 to 19")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "deb")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
