"""How pages look: the files every page loads, and the tastes its reader chose before."""

import hashlib
from copy import copy
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Literal

from nicegui import context, ui
from nicegui.language import Language

from pages.viewer import Tastes
from pages.words import language

STATIC = Path(__file__).parent / "static"
STYLES = ("style.css", "kit.css", "frame.css")

NICEGUI: dict[str, Any] = {
    "tailwind": False,  # our own CSS: a third less work for a phone at every load
    "dark": None,
    "language": "zh-CN",
    "reconnect_timeout": 60,  # a locked phone comes back to the same page
    "binding_refresh_interval": None,  # nothing is bound by polling
    "message_history_length": 200,
    "show_welcome_message": False,
    "favicon": STATIC / "logo.svg",
    "viewport": "width=device-width, initial-scale=1, viewport-fit=cover",
}
"""What `ui.run_with` is given, besides the title and the secret."""

QUASAR: dict[str, Language] = {"zh_CN": "zh-CN", "en": "en-US"}
"""The language of Quasar's own words, which is also the one `<html>` names."""

Scale = Literal["staff", "patient"]


@cache
def static(name: str) -> str:
    """Return the address of a file of ours; it changes with the file, so browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def dress(scale: Scale, title: str) -> Tastes:
    """Give the page being built its language, its style and its scripts; return its tastes.

    The scripts stand in the head and block, so that no page flashes in the wrong theme. None is
    inline: the content security policy needs no exception for them.
    """
    client = context.client
    tastes = Tastes.at(client)
    client.page = copy(client.page)  # shared by all who see the page, and this is about one
    client.page.language = QUASAR[language()]
    client.page.dark = {"dark": True, "light": False}.get(tastes.theme)
    ui.page_title(title)
    links = [f'<link rel="stylesheet" href="{static(name)}">' for name in STYLES]
    ui.add_head_html("\n".join([_head_script(scale, tastes.elder), *links, *_installable()]))
    return tastes


def _head_script(scale: Scale, size: int) -> str:
    floor = f'<script src="{static("floor.js")}"></script>'
    facts = f'data-scale="{scale}" data-size="{size}" data-icons="{escape(static("icons.svg"))}"'
    rest = f'<script src="{static("drafts.js")}" defer></script>'
    return f'{floor}<script src="{static("theme.js")}" {facts}></script>{rest}'


def _installable() -> list[str]:
    """What a phone needs to put the house on its home screen."""
    return [
        f'<link rel="manifest" href="{static("manifest.webmanifest")}">',
        f'<link rel="icon" type="image/svg+xml" href="{static("logo.svg")}">',
        f'<link rel="apple-touch-icon" href="{static("logo-180.png")}">',
        '<meta name="theme-color" content="#F8FAF9" media="(prefers-color-scheme: light)">',
        '<meta name="theme-color" content="#0D1412" media="(prefers-color-scheme: dark)">',
    ]
