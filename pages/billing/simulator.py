"""The checkout of the sandbox channel: says that it is one, and lets a person pretend to pay."""

from nicegui import ui

from pages import kit
from pages.kit.element import Html
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import action_bar, patient_frame
from pages.words import clock, money, t
from services.billing.simulator import Checkout
from services.clinic import Clinic
from services.policy import Action
from services.ports import PaymentStatus

CHECKOUT = "/sandbox/pay/{reference}"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/sandbox/pay/{reference}`, in a demo and nowhere else."""
    if not clinic.settings.demo:
        return

    @routes.page(CHECKOUT, action=Action.PAYMENT_SIMULATE, title="simulator.title")
    async def checkout_page(reference: str) -> None:
        found = await clinic.simulator.look(current_actor(), reference)
        with patient_frame("simulator.title"):
            _build(clinic, found)


def _build(clinic: Clinic, found: Checkout) -> None:
    kit.banner("warn", "SIMULATOR 模拟", t("simulator.text"))
    with kit.card(found.description, lift=True):
        Html("p", "price", money(found.fen))
        kit.facts(
            [
                (t("simulator.status"), t(f"simulator.status.{found.status}")),
                (t("simulator.until"), clock(found.pay_until)),
                (t("simulator.number"), found.reference[-8:]),
            ]
        )
    back = f"/pay/{found.order_id}" if found.order_id else "/"

    async def pay() -> None:
        with kit.told():
            await clinic.simulator.pay(current_actor(), found.reference)
            ui.navigate.to(back)

    with action_bar():
        if found.status is PaymentStatus.OPEN:
            kit.button("primary", t("simulator.pay"), pay, block=True, large=True)
            kit.link_button("line", t("simulator.back"), back, large=True)
        else:
            kit.link_button("primary", t("simulator.back"), back, block=True, large=True)
