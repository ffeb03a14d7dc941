"""Refunds that wait for a person: large ones to be approved, failed ones to be tried again."""

from pages import kit
from pages.kit.element import Html
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.words import local, money, t
from services.billing.refunds import REFUNDS_PAGE, RefundState, Waiting
from services.clinic import Clinic
from services.events import TaskClosed, TaskRaised
from services.policy import Action
from services.visit_events import OrderRefunded


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/refunds`."""

    @routes.page(REFUNDS_PAGE, action=Action.REFUND_READ, title="nav.refunds")
    async def refunds_page() -> None:
        page = RefundsPage(clinic)
        with frame("nav.refunds", active=REFUNDS_PAGE):
            page.build()
        await page.load()
        on_event(clinic.bus, TaskRaised, TaskClosed, OrderRefunded, do=page.load)


class RefundsPage:
    """One card for each refund."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        kit.paragraph(t("refunds.why"), "muted")
        self._list = Html("div", "stack")

    async def load(self) -> None:
        """Bring the cards up to date."""
        found = await self._clinic.refunds.page(current_actor())
        self._list.clear()
        with self._list:
            for waiting in found:
                self._card(waiting)
            if not found:
                kit.empty(t("refunds.none"), t("refunds.none_text"))

    def _card(self, waiting: Waiting) -> None:
        failed = waiting.state is RefundState.FAILED
        with kit.card(money(waiting.fen)):
            kit.state(t(f"refunds.state.{waiting.state}"), "bad" if failed else "warn")
            facts = [
                (t("refunds.reason"), t(f"refunds.reason.{waiting.reason}")),
                (t("refunds.number"), waiting.number[-8:]),
                (t("refunds.asked_at"), local(waiting.asked_at)),
            ]
            if failed:
                facts.append((t("refunds.tries"), str(waiting.tries)))
            kit.facts(facts)
            if not waiting.is_for_reader:
                kit.paragraph(t("refunds.own"), "muted small")
            elif failed:
                kit.button("primary", t("refunds.repeat"), lambda: self._repeat(waiting))
            else:
                kit.button("primary", t("refunds.approve"), lambda: self._approve(waiting))

    async def _approve(self, waiting: Waiting) -> None:
        self._clinic.transactions.ask_first(current_actor(), Action.REFUND_APPROVE)
        text = t("refunds.approve_text", amount=money(waiting.fen))
        if await kit.confirm(t("refunds.approve_title"), text, t("refunds.approve")):
            await self._clinic.refunds.approve(current_actor(), waiting.id)
            kit.toast(t("refunds.approved"))
            await self.load()

    async def _repeat(self, waiting: Waiting) -> None:
        await self._clinic.refunds.repeat(current_actor(), waiting.id)
        kit.toast(t("refunds.repeated"))
        await self.load()
