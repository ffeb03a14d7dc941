"""Starts the installed application from its own folder, so that it claims one name only."""

import sys
from pathlib import Path


def main() -> None:
    """Run `app.main()`; in a checkout the root is on the path already (editable install)."""
    sys.path.insert(0, str(Path(__file__).parent))
    import app

    app.main()
