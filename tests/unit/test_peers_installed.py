"""What the tests need is installed as far as the machine's distribution has it."""

from scripts import peers
from tests.peers import need, need_root


def test_one_name_that_apt_does_not_know_keeps_no_other_away(capsys):
    """Debian renames packages from one release to the next; apt then installs none of a list."""
    need("apt-get")
    need_root()
    peers.install(["apt", "xinglin-has-no-such-package"])  # the first is there already
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("apt could not install xinglin-has-no-such-package.")
