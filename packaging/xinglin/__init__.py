"""Starts the installed application from its own folder, so that it claims one name only."""

import sys
from collections.abc import Mapping
from pathlib import Path


def main(machine: str = "", usual: Mapping[str, str] | None = None) -> None:
    """Run `app.main()`; in a checkout the root is on the path already (editable install).

    `machine` is a file with this machine's settings, `usual` what is so where it is silent.
    """
    sys.path.insert(0, str(Path(__file__).parent))
    if machine:
        from xinglin.machine import settle

        settle(Path(machine), usual or {})
    import app

    app.main()
