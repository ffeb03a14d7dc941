"""Chooses where copies go by the setting `backup.target`: the scheme of the address names it.

A package of somebody else's offers a target as an entry point in the group `xinglin.backup`, under
the scheme it is for: a callable that takes the `Settings` and returns the adapter.
"""

from collections.abc import Callable
from importlib.metadata import entry_points

from data.errors import Invalid
from integrations.folder import FolderTarget
from integrations.sftp import SftpAccount, SftpTarget
from services.ports import BackupTarget
from services.settings import Settings

Maker = Callable[[Settings], BackupTarget]
FOLDER = "folder"


def _folder(settings: Settings) -> BackupTarget:
    if settings.backup_folder is None:
        raise Invalid("backup_target_malformed")
    return FolderTarget(settings.backup_folder)


def _sftp(settings: Settings) -> BackupTarget:
    backup = settings.backup
    return SftpTarget(SftpAccount.of(backup.target, backup.ssh_key, backup.ssh_known_hosts))


TARGETS: dict[str, Maker] = {FOLDER: _folder, "sftp": _sftp}


def chosen(settings: Settings) -> BackupTarget:
    """Return the target; raise `Invalid` if the address is malformed or keys are missing."""
    scheme, found, _ = settings.backup.target.partition("://")
    name = scheme if found else FOLDER
    maker = TARGETS.get(name) or _installed(name)
    return maker(settings)


def _installed(name: str) -> Maker:
    for entry in entry_points(group="xinglin.backup", name=name):
        maker: Maker = entry.load()
        return maker
    raise Invalid("backup_target_malformed")
