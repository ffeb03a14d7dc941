"""Tells the wheel builder where the folders of the checkout go in an installed program.

A table in pyproject.toml (`force-include`) would say the same in fewer lines, but an editable
install obeys it too: it would copy the code into `.venv`, and edits would change nothing.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("pages", "services", "media", "devices", "integrations", "jobs", "data")


class OneFolder(BuildHookInterface):  # type: ignore[type-arg] - its generic is not public
    """Puts everything under `xinglin/` in a wheel, and nothing in an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fill the builder's map; called by hatchling before it writes the wheel."""
        if version == "editable":
            return
        root = Path(self.root)
        wanted = {root / "packaging" / "xinglin": "xinglin", root / "app.py": "xinglin/app.py"}
        wanted |= {root / folder: f"xinglin/{folder}" for folder in FOLDERS}
        build_data["force_include"] |= {str(path): place for path, place in wanted.items()}
