"""Every adapter of the port `BackupTarget`, each with the other end of its line: one line joins."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

from integrations.folder import FolderTarget
from integrations.sftp import SftpAccount, SftpTarget
from services.ports import BackupTarget
from tests.peers import need
from tests.peers_sftp import private_sshd


@dataclass
class Bench:
    """A target, the same one at a slow pace, and where its files are at the other end."""

    target: BackupTarget
    slow: BackupTarget
    there: Path
    is_gone: Callable[[], None]
    """Makes the place stop answering."""


SLOW = 200_000  # bytes a second


@asynccontextmanager
async def folder(tmp_path: Path) -> AsyncIterator[Bench]:
    there = tmp_path / "copies"

    def gone() -> None:
        there.rename(tmp_path / "unplugged")
        there.write_text("a file where the folder was")

    yield Bench(FolderTarget(there), FolderTarget(there, SLOW), there, gone)


@asynccontextmanager
async def sftp(tmp_path: Path) -> AsyncIterator[Bench]:
    """Debian's own sshd, which lets one key in."""
    need("ssh-keygen")
    need("sshd")
    with private_sshd(tmp_path / "sshd") as server:
        there = tmp_path / "copies"
        url = f"sftp://{getuser()}@127.0.0.1:{server.port}{there}"
        account = SftpAccount.of(url, server.key, server.known_hosts)
        target, slow = SftpTarget(account), SftpTarget(account, SLOW)
        yield Bench(target, slow, there, server.stop)
        await slow.close()
        await target.close()


ADAPTERS: dict[str, Callable[[Path], AbstractAsyncContextManager[Bench]]] = {
    "folder": folder,
    "sftp": sftp,
}
