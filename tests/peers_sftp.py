"""Debian's own openssh-server, run as a process of ours on this machine's loopback."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

import pytest

from tests.peers import START_SECONDS, free_port, need


@dataclass
class Sshd:
    """A server that lets one key in; its host key is in `known_hosts`."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def key(self) -> Path:
        return self.folder / "client"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def root(self) -> Path:
        return self.folder / "copies"

    @property
    def url(self) -> str:
        return f"sftp://{getuser()}@127.0.0.1:{self.port}{self.root}"

    def start(self) -> None:
        command = [str(need("sshd")), "-D", "-e", "-f", str(self.folder / "config")]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(command, stderr=log, stdout=log)
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while b"listening on" not in (self.folder / "log").read_bytes().lower():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"sshd did not start: {(self.folder / 'log').read_text()[-500:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(START_SECONDS)
            self.process = None
            (self.folder / "log").unlink()


def keygen(path: Path) -> str:
    """Make a key pair; return the public half."""
    command = [str(need("ssh-keygen")), "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)
    return path.with_suffix(".pub").read_text().strip()


@contextmanager
def private_sshd(folder: Path) -> Iterator[Sshd]:
    """Serve SFTP only, to one key only, as whoever runs the tests."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Sshd(folder, free_port())
    server.root.mkdir()
    host = keygen(folder / "host")
    (folder / "authorized").write_text(keygen(server.key) + "\n")
    kind, key, *_ = host.split()
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {kind} {key}\n")
    (folder / "config").write_text(
        f"Port {server.port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nPidFile none\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\n"
        "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n"
        "ForceCommand internal-sftp\nLogLevel VERBOSE\n"
    )
    if sys.platform == "linux":
        Path("/run/sshd").mkdir(exist_ok=True)  # where it shuts its unprivileged half in
    server.start()
    try:
        yield server
    finally:
        server.stop()
