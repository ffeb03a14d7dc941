"""A house whose folder and copies lie in the test's own folder."""

import pytest

from data.keyring import KeyFile, Keyring, Share
from integrations.folder import FolderTarget
from jobs.backup import Backup
from services.settings import Settings
from tests.conftest import MASTER
from tests.jobs.living import NOWHERE, House
from tests.services.test_trail import found


@pytest.fixture
def settings(tmp_path, database_url):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "xinglin.db").rename(home / "xinglin.db")
    (home / "xinglin.toml").write_text('timezone = "Asia/Shanghai"\n')
    return Settings(home=home)


@pytest.fixture
async def house(clinic, settings, tmp_path):
    ring = Keyring(settings.key_file, NOWHERE)
    share = Share.new()
    ring.replace(KeyFile(((1, MASTER),)), share)
    backup = Backup(clinic, FolderTarget(tmp_path / "copies", pace=1 << 40), ring)
    await backup.open()
    await found(clinic)
    yield House(clinic, backup, share, tmp_path / "copies")
    await backup.close()
