"""Where the link of a message leads: one tap, and the page that it is about is open. (一键直达)

Looking uses nothing up, for programs that preview links look too: the form is handed in by the
page itself, which takes a browser that runs it.
"""

from nicegui import context, ui

from data.errors import DomainError
from pages import kit
from pages.nameplate import Nameplate
from pages.routes import Routes
from pages.security.doors import LINK_DOOR
from pages.session import current_actor
from pages.shell import public_frame
from pages.words import t
from services.clinic import Clinic
from services.policy import ANYBODY
from services.users.entry_links import PAGE, Entry

WHY_PUBLIC = "whoever has the link was sent it; without it the page says nothing"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/go/{token}`."""
    plate = Nameplate(clinic)

    @routes.page(f"{PAGE}/{{token}}", public=WHY_PUBLIC, title="go.title")
    async def go_page(token: str) -> None:
        actor, entry, error = current_actor(), None, ""
        try:
            entry = await clinic.entry_links.look(actor, token)
        except DomainError as refusal:
            error = refusal.code
        if entry is not None and entry.is_mine:
            ui.navigate.to(entry.path)
            return
        name = await plate.name()
        with public_frame("go.title", institution=name, demo=clinic.settings.demo):
            if entry is None:
                _lead_to_door(error, "/")
            elif entry.is_used:
                _lead_to_door("link_used", entry.path)
            elif actor.user_id == ANYBODY.user_id:
                _open(token, entry)
            else:
                _let_out()


def _lead_to_door(error: str, path: str) -> None:
    kit.banner("warn", t("go.not_this"), t(f"error.{error}"))
    # Straight to the page: who is signed in here after all is not asked again. A browser keeps that
    # to itself while another program's link leads to us.
    kit.link_button("primary", t("go.sign_in"), path, block=True)


def _let_out() -> None:
    """Somebody else is signed in here: they leave first, and lose nothing by a link."""
    kit.paragraph(t("go.somebody_else"))
    with kit.form("/auth/sign-out"):
        kit.button("primary", t("shell.sign_out"), submit=True, block=True, large=True)


def _open(token: str, entry: Entry) -> None:
    """Show the way in, and go it at once."""
    kit.paragraph(t("go.opening"))
    with kit.form(LINK_DOOR):
        kit.hidden("token", token)
        kit.hidden("next", entry.path)
        kit.button("primary", t("go.open"), submit=True, block=True, large=True)
    _ = context.client.run_javascript("document.querySelector('main form').requestSubmit()")
