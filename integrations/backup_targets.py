"""Chooses where copies go by the setting `backup.target`."""

from pathlib import Path

from integrations.folder import FolderTarget
from integrations.sftp import SftpAccount, SftpTarget
from services.ports import BackupTarget
from services.settings import Settings


def chosen(settings: Settings) -> BackupTarget:
    """Return the target; raise `Invalid` if the address is malformed or keys are missing."""
    backup = settings.backup
    if "://" in backup.target:
        account = SftpAccount.of(backup.target, backup.ssh_key, backup.ssh_known_hosts)
        return SftpTarget(account)
    return FolderTarget(Path(backup.target) if backup.target else settings.home / "backup")
