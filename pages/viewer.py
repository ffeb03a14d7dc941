"""Who looks at a page, as far as its frame needs to know."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nicegui import Client, context
from starlette.requests import Request

from services.policy import Action
from services.tasks import Counts

if TYPE_CHECKING:
    from pages.glass import Glass
    from pages.news import News

NOTHING = Counts(open=0, mine=0, overdue=0, urgent=0)


@dataclass(frozen=True, slots=True)
class Tastes:
    """How a person wants pages to look: kept in plain cookies, nothing of it personal."""

    theme: str = "auto"
    """auto (as the device), light or dark."""
    elder: int = 0
    """How large pages are written: 0 as designed, 1 to 3 growing; for patients and at the door
    that is the elder edition (长辈版)."""

    @classmethod
    def of(cls, request: Request) -> "Tastes":
        """Read the cookies, taking anything unknown as not said."""
        theme = request.cookies.get("xl_theme", "auto")
        elder = request.cookies.get("xl_elder", "0")
        return cls(
            theme=theme if theme in {"light", "dark"} else "auto",
            elder=int(elder) if elder in {"1", "2", "3"} else 0,
        )

    @classmethod
    def at(cls, client: Client) -> "Tastes":
        """Read those of who looks at a page: what a person has chosen goes before the cookie."""
        tastes = cls.of(client.request)
        who: Viewer | None = getattr(client.request.state, "viewer", None)
        chosen = who.text_size if who else None
        return tastes if chosen is None else replace(tastes, elder=chosen)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in person in front of a page; the guard of pages makes it."""

    display_name: str
    number: str
    """Staff number (工号), shown in the watermark with the name."""
    can: Callable[[Action], bool]
    """Whether this person may do this at all: what cannot be done is not offered."""
    opened: str = ""
    """When the page was opened, in words (`words.local`), for the watermark."""
    roles: tuple[str, ...] = ()
    institution: str = ""
    is_demo: bool = False
    emergency: "Glass | None" = None
    """What they have broken open; None for people who may not break glass at all."""
    work: Counts = NOTHING
    """What waits for them, as it was when the page was opened."""
    notices: int = 0
    news: "News | None" = None
    """Tells when either has changed; None: they stay as they were."""
    text_size: int | None = None
    """How large this person wants pages written; None: as their browser has been set."""
    write_larger: Callable[[int], Awaitable[None]] | None = None
    """Keeps another size for this person."""


def viewer() -> Viewer:
    """Return who looks at the page being built or handled; pages without a guard have nobody."""
    found = viewer_or_none()
    if found is None:
        raise RuntimeError("this page has no guard that says who looks at it")
    return found


def viewer_or_none() -> Viewer | None:
    """Return who looks at the page, or nothing before sign-in."""
    found: Viewer | None = getattr(context.client.request.state, "viewer", None)
    return found
