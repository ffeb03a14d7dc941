"""Gives NiceGUI's own scripts the nonce of their answer, without which a browser runs none. (CSP)

The mark stands in NiceGUI's template, before anything is filled in. A script that reaches a page
with what was filled in, by whatever defect, has no nonce. Our own scripts are files of our own
origin and need none.
"""

import re
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from nicegui import client

SCRIPT = re.compile(r"<script(?=[\s>])", re.IGNORECASE)
MARKED = '<script nonce="{{ request.state.nonce }}"'
"""The gate puts a new nonce into each request's state; without a gate there is none to put."""

Source = tuple[str, str, Callable[[], bool]]


class MarkedTemplates(FileSystemLoader):
    """NiceGUI's templates, as they lie in its package, with a place for the nonce."""

    def get_source(self, environment: Environment, template: str) -> Source:
        """Return the text of a template with every script tag of its own marked."""
        text, name, is_current = super().get_source(environment, template)
        return SCRIPT.sub(MARKED, text), name, is_current


def mark_scripts() -> None:
    """Have NiceGUI build its pages from marked templates; calling it again changes nothing."""
    client.templates.env.loader = MarkedTemplates(Path(client.__file__).parent / "templates")
