"""Calling the command in this process, and a server of the real program in another."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

import app
from jobs.commands import run
from tests.peers import ROOT, free_port

COMPOSITION = app.COMPOSITION
NAME, USCC = "示范县人民医院", "121101019999000038"
INIT = ("init", "--yes", "--name", NAME, "--uscc", USCC, "--admin-name", "王安全")


@dataclass(frozen=True, slots=True)
class Done:
    """How a call of the command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict:
        """What a machine reads."""
        return json.loads(self.out)


class Command:
    """`xinglin` for one hospital, in this process."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        root = logging.getLogger()
        level, handlers = root.level, list(root.handlers)
        code = run(COMPOSITION, [*arguments, "--home", str(self.home)])
        root.setLevel(level)
        root.handlers[:] = handlers  # a process of its own would end here
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err + said.out, said.err
        return Done(code, said.out, said.err)


class Server:
    """The whole program, serving a home; ended with the test."""

    def __init__(self, home: Path, *arguments: str, within: Sequence[str] = ()) -> None:
        """`within` is a command that runs it: in another view of the machine, as systemd does."""
        self.port, self.tls_port = free_port(), free_port()
        place = {
            "XINGLIN_SERVER__PORT": str(self.port),
            "XINGLIN_SERVER__TLS_PORT": str(self.tls_port),
            "PYTHONUNBUFFERED": "1",
        }
        self.home = home
        command = [
            *within,
            sys.executable,
            "app.py",
            *(arguments or ("serve",)),
            "--home",
            str(home),
        ]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **place},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 60
        while not (self.home / "control.sock").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                pytest.fail("the server did not start: " + "".join(self.process.communicate()))
            time.sleep(0.05)  # another process: there is nothing to wait on but its socket
        return self

    def stop(self) -> Done:
        """End it as systemd does and return what it said."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            out, err = self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail("the server did not stop: " + "".join(self.process.communicate()))
        return Done(self.process.returncode, out, err)

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
