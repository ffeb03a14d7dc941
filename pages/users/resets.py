"""The second key (双人复核): resets of administrators that wait for another person's word."""

from pages import kit
from pages.kit.element import Html
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.users.temporary import show_temporary
from pages.words import local, t
from services.clinic import Clinic
from services.events import ResetAsked, ResetSettled
from services.policy import Action
from services.users.resets import RESETS_PAGE, Waiting


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/staff/resets`."""

    @routes.page(RESETS_PAGE, action=Action.STAFF_RESET_APPROVE, title="resets.page")
    async def resets_page() -> None:
        page = ResetsPage(clinic)
        with frame("resets.page", active="/tasks"):
            page.build()
        await page.load()
        on_event(clinic.bus, ResetAsked, ResetSettled, do=page.load)


class ResetsPage:
    """One card for each reset, and above them the slip of the one that was approved."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        kit.paragraph(t("resets.why"), "muted")
        self._slip = Html("div")
        self._list = Html("div", "stack")

    async def load(self) -> None:
        """Bring the cards up to date; a password that is shown stays."""
        found = await self._clinic.resets.page(current_actor())
        self._list.clear()
        with self._list:
            for waiting in found:
                self._card(waiting)
            if not found:
                kit.empty(t("resets.none"), t("resets.none_text"))

    def _card(self, waiting: Waiting) -> None:
        with kit.card(f"{waiting.name} ({waiting.username})"):
            kit.facts(
                [
                    (t("resets.what"), t(f"resets.{'factors' if waiting.factors else 'password'}")),
                    (t("resets.asked_by"), waiting.asked_by),
                    (t("resets.asked_at"), local(waiting.asked_at)),
                    (t("resets.until"), local(waiting.until)),
                ]
            )
            with kit.side_by_side():
                kit.button("primary", t("resets.approve"), lambda: self._approve(waiting))
                kit.button("line", t("resets.refuse"), lambda: self._refuse(waiting))

    async def _approve(self, waiting: Waiting) -> None:
        self._clinic.transactions.ask_first(current_actor(), Action.STAFF_RESET_APPROVE)
        text = t("resets.approve_text", username=waiting.username)
        if not await kit.confirm(t("resets.approve_title"), text, t("resets.approve")):
            return
        slip = await self._clinic.resets.approve(current_actor(), waiting.id)
        self._slip.clear()
        with self._slip, kit.card():
            said = t("resets.approved")
            show_temporary(self._clinic, said, slip.username, slip.temporary_password)
        await self.load()

    async def _refuse(self, waiting: Waiting) -> None:
        self._clinic.transactions.ask_first(current_actor(), Action.STAFF_RESET_APPROVE)
        answer = await kit.confirm(
            t("resets.refuse_title"),
            t("resets.refuse_text", username=waiting.username),
            t("resets.refuse"),
            reason=t("staff.reason"),
            least=4,
        )
        if answer:
            await self._clinic.resets.refuse(current_actor(), waiting.id, answer.reason)
            kit.toast(t("resets.refused"))
            await self.load()
