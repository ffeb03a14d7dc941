"""`make` sets `.venv` up; what goes wrong is a sentence, and the next run mends it."""

import http.server
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from tests.peers import ROOT, need, need_root

LOCK = f"segno==1.6.6 --hash=sha256:{'0' * 64}\n"


@pytest.fixture
def checkout(tmp_path) -> Path:
    """As much of a checkout as the set-up looks at."""
    return laid_out(tmp_path)


def laid_out(folder: Path) -> Path:
    (folder / "scripts").mkdir()
    (folder / "requirements").mkdir()
    shutil.copy(ROOT / "scripts" / "bootstrap.py", folder / "scripts")
    for path in (folder / "scripts", folder / "requirements", *(folder / "scripts").iterdir()):
        path.chmod(0o755)  # another user looks at it, whatever this one keeps to itself
    for name in ("tools", "runtime"):
        (folder / "requirements" / f"{name}.lock").write_text(LOCK)
    return folder


def bootstrap_of(checkout: Path):
    place = checkout / "scripts" / "bootstrap.py"
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def has_pip(checkout: Path) -> bool:
    command = [checkout / ".venv" / "bin" / "python", "-m", "pip", "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_an_environment_without_its_installer_is_made_anew(checkout):
    """Ctrl-C, or a full disk, between Python and pip: only the network was blamed for that."""
    made = [sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"]
    subprocess.run(made, check=True)
    assert not has_pip(checkout)
    bootstrap_of(checkout).make_venv()
    assert has_pip(checkout)


def test_an_environment_that_works_is_left_as_it_is(checkout):
    bootstrap = bootstrap_of(checkout)
    bootstrap.make_venv()
    before = (checkout / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    bootstrap.make_venv()
    assert (checkout / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == before


def test_ctrl_c_ends_it_in_a_sentence(checkout):
    command = [sys.executable, "scripts/bootstrap.py", "runtime"]
    with subprocess.Popen(
        command,
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        assert "Making .venv" in run.stdout.readline()
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all of its processes
        _, said = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "Traceback" not in said
    assert "Interrupted" in said


def test_an_environment_that_is_somebody_elses_is_said_to_be(tmp_path):
    """`sudo make demo` once, then `make demo`: what root made, nobody else can take away."""
    need_root()
    python = Path("/usr/bin/python3")
    if not python.exists():
        pytest.skip("Another user needs a Python of the system's own.")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        checkout = laid_out(Path(folder))
        (checkout / ".venv" / "lib").mkdir(parents=True)
        (checkout / ".venv" / "lib" / "left").touch()
        command = [need("setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        run = subprocess.run(
            [*command, python, "scripts/bootstrap.py", "runtime"],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (run.returncode, "Traceback" in run.stderr) == (1, False), run.stderr
    assert ".venv cannot be taken away" in run.stderr


@pytest.mark.parametrize("told", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX"])
def test_packages_come_from_the_mirror_that_pip_was_told_of(checkout, monkeypatch, told):
    """pip hears of it by its settings or by PIP_INDEX_URL; uv would hear of neither."""
    asked = []

    class Mirror(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(checkout / "cache"))
    (checkout / ".venv" / "bin").mkdir(parents=True)
    for name in ("uv", "python"):
        (checkout / ".venv" / "bin" / name).symlink_to(ROOT / ".venv" / "bin" / name)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as mirror:
        threading.Thread(target=mirror.serve_forever, daemon=True).start()
        monkeypatch.setenv(told, f"http://127.0.0.1:{mirror.server_port}/simple")
        bootstrap = bootstrap_of(checkout)
        with pytest.raises(bootstrap.Impossible):
            bootstrap.install(checkout / "requirements" / "runtime.lock")
        mirror.shutdown()
    assert asked == ["/simple/segno/"]
