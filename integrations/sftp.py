"""Keeps backups on another machine over SFTP; its host key must be known beforehand. (异地备份)"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast
from urllib.parse import unquote, urlsplit

import asyncssh
from asyncssh import SFTPClient, SSHClientConnection

from data.clock import stopwatch
from data.errors import DomainError, Invalid, NotFound, Unavailable

PIECE = 256 * 1024
PACE = 32 << 20  # bytes a second at most
PATIENCE = 20  # seconds to connect, and for any one answer
PART = ".part"


@dataclass(frozen=True, slots=True)
class SftpAccount:
    """Where and as whom; `key` signs us in, `known_hosts` names the machine we believe in."""

    host: str
    port: int
    user: str
    path: str
    key: Path
    known_hosts: Path

    @classmethod
    def of(cls, url: str, key: Path | None, known_hosts: Path | None) -> "SftpAccount":
        """Read `sftp://user@host[:port]/path`; raise `Invalid("backup_target_malformed")`."""
        try:
            parts = urlsplit(url)
            port = parts.port or 22
        except ValueError:
            raise Invalid("backup_target_malformed") from None
        if parts.scheme != "sftp" or not parts.hostname or not parts.username or parts.password:
            raise Invalid("backup_target_malformed")
        if key is None or known_hosts is None:
            raise Invalid("backup_target_without_keys")
        path = unquote(parts.path) or "/"
        user = unquote(parts.username)
        return cls(parts.hostname, port, user, path, key, known_hosts)


class SftpTarget:
    """A folder of an SFTP account; see `services.ports.BackupTarget`."""

    def __init__(self, account: SftpAccount, pace: int = PACE) -> None:
        self._account = account
        self.place = f"sftp://{account.user}@{account.host}:{account.port}{account.path}"
        self._pace = pace
        self._connection: SSHClientConnection | None = None
        self._client: SFTPClient | None = None
        self._turn = asyncio.Lock()

    async def names(self, folder: str) -> list[str]:
        async with self._session() as sftp:
            found: list[str] = []
            await self._gather(sftp, self._path(folder), found)
            top = self._path("")
            return sorted(str(PurePosixPath(name).relative_to(top)) for name in found)

    async def _gather(self, sftp: SFTPClient, folder: str, found: list[str]) -> None:
        try:
            entries = [entry async for entry in sftp.scandir(folder)]
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return
        for entry in entries:
            name = entry.filename if isinstance(entry.filename, str) else entry.filename.decode()
            if name in {".", ".."} or name.endswith(PART):
                continue
            if entry.attrs.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
                await self._gather(sftp, f"{folder}/{name}", found)
            else:
                found.append(f"{folder}/{name}")

    async def put(self, name: str, source: Path) -> None:
        target = PurePosixPath(self._path(name))
        part = str(target.with_name(f".{target.name}{PART}"))
        async with self._session() as sftp:
            await sftp.makedirs(str(target.parent), exist_ok=True)
            try:
                await self._upload(sftp, source, part)
                await sftp.posix_rename(part, str(target))
            except (asyncssh.SFTPError, asyncio.CancelledError) as error:
                full = await self._is_full(sftp, error, source)
                await self._forget(sftp, part)
                if full:
                    raise Unavailable("backup_target_full", place=self.place) from None
                raise

    async def _upload(self, sftp: SFTPClient, source: Path, part: str) -> None:
        began, copied = stopwatch(), 0
        with source.open("rb") as taken:
            async with sftp.open(part, "wb", asyncssh.SFTPAttrs(permissions=0o600)) as given:
                while piece := await asyncio.to_thread(taken.read, PIECE):
                    await given.write(piece)
                    copied += len(piece)
                    ahead = copied / self._pace - (stopwatch() - began)
                    if ahead > 0:
                        await asyncio.sleep(ahead)
                await _sync(given)

    async def _is_full(self, sftp: SFTPClient, error: BaseException, source: Path) -> bool:
        """Tell a full disk: version 3 of the protocol has no word for it but `failure`."""
        if isinstance(error, (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded)):
            return True
        if not isinstance(error, asyncssh.SFTPFailure):
            return False
        try:
            found = await sftp.statvfs(self._path(""))
        except (asyncssh.Error, OSError):
            return False
        size = (await asyncio.to_thread(source.stat)).st_size
        return int(found.bavail) * int(found.frsize) < size

    @staticmethod
    async def _forget(sftp: SFTPClient, part: str) -> None:
        try:
            await sftp.remove(part)
        except (asyncssh.Error, OSError):
            return  # it is not complete and has a name that says so

    async def fetch(self, name: str, target: Path) -> None:
        async with self._session() as sftp:
            try:
                async with sftp.open(self._path(name), "rb") as taken:
                    with target.open("wb") as given:
                        os.fchmod(given.fileno(), 0o600)
                        while piece := await taken.read(PIECE):
                            await asyncio.to_thread(given.write, cast("bytes", piece))
            except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
                raise NotFound("backup_part_missing", name=name, place=self.place) from None

    async def remove(self, name: str) -> None:
        async with self._session() as sftp:
            path = PurePosixPath(self._path(name))
            try:
                await sftp.remove(str(path))
                await sftp.rmdir(str(path.parent))
            except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPFailure):
                return  # gone, or its folder is not empty
            except asyncssh.SFTPDirNotEmpty:
                return

    async def close(self) -> None:
        if self._client:
            self._client.exit()
        if self._connection:
            self._connection.close()
            await self._connection.wait_closed()
        self._client = self._connection = None

    def _path(self, name: str) -> str:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise Invalid("backup_target_refuses", place=self.place, reason=name)
        return str(PurePosixPath(self._account.path) / path)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[SFTPClient]:
        """Yield the one connection, made when it is needed; name what may go wrong with it."""
        async with self._turn:
            try:
                yield await self._connected()
            except DomainError:
                raise
            except asyncssh.HostKeyNotVerifiable:
                raise Invalid("backup_host_unknown", host=self._account.host) from None
            except (asyncssh.PermissionDenied, asyncssh.SFTPPermissionDenied) as error:
                raise self._refused(str(error.reason)) from None
            except (asyncssh.KeyImportError, PermissionError, FileNotFoundError) as error:
                raise self._refused(str(error)) from None
            except asyncssh.SFTPConnectionLost as error:
                raise await self._lost() from error
            except asyncssh.SFTPError as error:
                raise self._refused(str(error.reason)) from None
            except (asyncssh.Error, OSError, TimeoutError) as error:
                raise await self._lost() from error

    def _refused(self, reason: str) -> Invalid:
        return Invalid("backup_target_refuses", place=self.place, reason=reason)

    async def _lost(self) -> Unavailable:
        await self.close()
        return Unavailable("backup_target_unreachable", place=self.place)

    async def _connected(self) -> SFTPClient:
        if self._client is None:
            account = self._account
            async with asyncio.timeout(PATIENCE):
                self._connection = await asyncssh.connect(
                    account.host,
                    account.port,
                    username=account.user,
                    client_keys=[str(account.key)],
                    known_hosts=str(account.known_hosts),
                    config=None,  # neither our own nor root's ~/.ssh has a say in this
                    agent_path=None,
                    password=None,
                    keepalive_interval=PATIENCE / 2,
                    keepalive_count_max=2,
                )
                self._client = await self._connection.start_sftp_client()
        return self._client


async def _sync(file: asyncssh.SFTPClientFile) -> None:
    try:
        await file.fsync()
    except asyncssh.SFTPOpUnsupported:
        return  # the other side promises nothing: then the rename after it is all there is
