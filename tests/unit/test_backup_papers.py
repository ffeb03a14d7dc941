"""Small files of a backup are laid down without the newer `tarfile`, and only where they belong."""

import io
import tarfile

import pytest

from jobs import backup_papers


def packed(*members: tuple[str, bytes, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.mode = kind, len(content), 0o777
            info.linkname = "/etc/passwd"
            tar.addfile(info, io.BytesIO(content))
    return made.getvalue()


def test_plain_files_come_back_for_their_owner_only(tmp_path):
    backup_papers.unpack(packed(("anchors/audit.jsonl", tarfile.REGTYPE, b"line")), tmp_path)

    file = tmp_path / "anchors" / "audit.jsonl"
    assert file.read_bytes() == b"line"
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["../out", "/out-of-house", "a/../../out"])
def test_nothing_lands_outside_the_house(tmp_path, name):
    house = tmp_path / "house"
    house.mkdir()

    backup_papers.unpack(packed((name, tarfile.REGTYPE, b"x")), house)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_links_are_left_out(tmp_path):
    backup_papers.unpack(packed(("link", tarfile.SYMTYPE, b"")), tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_an_early_python_can_restore(tmp_path, monkeypatch):
    """Debian's 3.11.2 has no `filter` in `extractall`, and no `tarfile.data_filter`."""
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    monkeypatch.setattr(tarfile.TarFile, "extractall", None)

    backup_papers.unpack(packed(("a", tarfile.REGTYPE, b"x")), tmp_path)

    assert (tmp_path / "a").read_bytes() == b"x"
