"""Who looks at a page, as far as its frame needs to know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nicegui import context
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
    """0 off; 1 to 3: the elder edition (长辈版) in growing sizes."""

    @classmethod
    def of(cls, request: Request) -> "Tastes":
        """Read the cookies, taking anything unknown as not said."""
        theme = request.cookies.get("xl_theme", "auto")
        elder = request.cookies.get("xl_elder", "0")
        return cls(
            theme=theme if theme in {"light", "dark"} else "auto",
            elder=int(elder) if elder in {"1", "2", "3"} else 0,
        )


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
