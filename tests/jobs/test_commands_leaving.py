"""What the hospital hands out lands where the person said, or nowhere. (R-REC-7, S-AUD-1)"""

import pytest

from tests.jobs.houses import Server
from tests.peers import need, need_root

VIEWS = {
    "another": 'mount -t tmpfs tmpfs "$0" && exec "$@"',
    "read-only": 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"',
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_folder_out_of_the_servers_reach_is_refused_before_anything_is_written(
    xinglin, tmp_path, view
):
    """systemd gives the service a /tmp of its own: what it wrote there went with its restart."""
    need_root()
    unshare = need("unshare")
    place = tmp_path / "place"
    place.mkdir()
    within = [str(unshare), "--mount", "sh", "-c", VIEWS[view], str(place)]
    with Server(xinglin.home, within=within):
        for verb in (("audit", "export"), ("export", "--reason", "merger", "--yes")):
            done = xinglin(*verb, str(place / "out"))
            assert done.code == 3, done.out
            assert "[folder_out_of_reach]" in done.err
            assert list(place.iterdir()) == []
        assert xinglin("audit", "export", str(tmp_path / "seen")).code == 0

    assert [each.suffix for each in (tmp_path / "seen").iterdir()] == [".jsonl"]
    assert xinglin("export", str(place / "out"), "--reason", "merger", "--yes").code == 0
