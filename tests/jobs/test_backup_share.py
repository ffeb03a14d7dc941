"""The sheet that brings a house back can be printed in both languages, and asks for no network."""

import re
import shutil
import subprocess

import pytest

from data.keyring import Share
from jobs.backup_share import sheet
from tests.factories import MONDAY
from tests.peers import need


@pytest.mark.parametrize(("language", "word"), [("zh_CN", "恢复份额"), ("en", "Recovery share")])
def test_what_is_on_the_sheet_can_be_typed_from_it(language, word):
    share = Share.new()
    page = sheet(share, "示范县人民医院 <测试>", MONDAY, language, "Asia/Shanghai")

    typed = " ".join(re.findall(r"<td><small>\d+</small>(\w+)</td>", page))
    assert Share.read(typed) == share
    assert word in page
    assert share.number in page
    assert "2026-03-02 16:00" in page
    assert "&lt;测试&gt;" in page
    assert "share.sheet" not in page


def test_the_sheet_fetches_nothing_and_runs_nothing():
    page = sheet(Share.new(), "x", MONDAY, "zh_CN", "Asia/Shanghai")
    assert "<script" not in page
    assert not re.search(r"(src|href)=|url\(|@import", page)


def test_the_sheet_fits_on_one_page(tmp_path):
    """Printed by a real browser."""
    chromium = need("chromium")
    path = tmp_path / "sheet.html"
    path.write_text(sheet(Share.new(), "示范县人民医院", MONDAY, "zh_CN", "Asia/Shanghai"))
    command = [str(chromium), "--headless", "--no-sandbox", "--disable-gpu"]
    options = [f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={tmp_path / 'p.pdf'}"]
    subprocess.run([*command, *options, path.as_uri()], check=True, capture_output=True, timeout=60)
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)
    assert (tmp_path / "p.pdf").read_bytes().count(b"/Type /Page\n") == 1
