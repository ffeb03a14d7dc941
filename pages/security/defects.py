"""What happens when a page's handler breaks: its reader is told, we learn why under a number."""

import logging
import secrets
from contextlib import suppress

from nicegui import context, core

from pages.kit.tell import toast
from pages.words import t

log = logging.getLogger(__name__)


def install() -> None:
    """Take the place of NiceGUI's own answer, which is silent towards whoever has clicked."""
    core.app._exception_handlers[:] = [tell]  # noqa: SLF001 - `on_exception` only adds


def tell(error: Exception) -> None:
    """Log a defect, and show its number on the page it happened on, if there is one."""
    reference = secrets.token_hex(4)
    log.error("defect %s in a page", reference, exc_info=error)
    with suppress(RuntimeError):  # no page: a timer of the house, or one that has been closed
        client = context.client
        if not client.is_deleted:
            with client:
                toast(t("error.unexpected"), code=f"unexpected {reference}")
