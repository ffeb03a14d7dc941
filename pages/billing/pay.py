"""A bill, in front of whoever pays it: what for, how much, until when, and one button. (支付)"""

import asyncio
from contextlib import suppress
from uuid import UUID

from nicegui import context, ui

from data.errors import DomainError
from pages import kit
from pages.kit.element import Html
from pages.live import on_event
from pages.nameplate import Nameplate
from pages.qr import qr_code
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import action_bar, patient_frame
from pages.words import clock, language, local, money, t
from services.billing.orders import Bill, OrderState
from services.billing.refunds import RefundState
from services.clinic import Clinic
from services.policy import Action
from services.visit_events import OrderClosed, OrderPaid, OrderRefunded

PAY = "/pay/{order_id}"
HOME = "/"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/pay/{order_id}`."""
    plate = Nameplate(clinic)

    @routes.page(PAY, action=Action.BILL_PAY, title="pay.title")
    async def pay_page(order_id: UUID) -> None:
        bill = await clinic.bills.one(current_actor(), order_id)
        family = await clinic.patients.family(current_actor())
        names = {each.patient_id: each.name for each in family}
        page = PayPage(clinic, bill, names.get(bill.patient_id, ""))
        with patient_frame("pay.title", back=HOME, phone=await plate.phone()):
            page.build()
        context.client.on_connect(page.look_again)
        on_event(
            clinic.bus,
            *(OrderPaid, OrderClosed, OrderRefunded),
            do=page.load,
            when=lambda event: event.order_id == order_id,
        )


class PayPage:
    """One bill; what has become of it stands above, what to do now below."""

    def __init__(self, clinic: Clinic, bill: Bill, patient: str) -> None:
        self._clinic = clinic
        self._bill = bill
        self._patient = patient

    def build(self) -> None:
        """Make the elements, and show what the bill is now."""
        self._state = Html("div", "stack").attribute("aria-live", "polite")
        with kit.card(self._bill.title(language()), lift=True):
            Html("p", "price", money(self._bill.fen))
            lines = self._bill.lines if len(self._bill.lines) > 1 else ()
            facts = [(line.name(language()), money(line.fen)) for line in lines]
            if self._patient:
                facts.append((t("pay.patient"), self._patient))
            facts.append((t("pay.opened"), local(self._bill.created_at)))
            kit.facts(facts)
        self._code = Html("div", "stack")
        with action_bar(t("pay.total"), money(self._bill.fen)):
            self._pay = kit.button("primary", t("pay.pay"), self._go, block=True, large=True)
            self._check = kit.button("line", t("pay.check"), self._ask)
            self._home = kit.link_button("primary", t("pay.home"), HOME, block=True, large=True)
        self._show()

    async def load(self) -> None:
        """Bring the page up to date."""
        self._bill = await self._clinic.bills.one(current_actor(), self._bill.order_id)
        self._show()

    async def look_again(self) -> None:
        """Ask the channel ourselves when the payer comes back from it: its notice may be late."""
        if self._bill.state is OrderState.PAYING:
            with suppress(DomainError):  # it does not answer: whoever wants to know can ask again
                order_id = self._bill.order_id
                self._bill = await self._clinic.bills.check(current_actor(), order_id)
                self._show()

    def _show(self) -> None:
        now, bill = self._clinic.clock.now(), self._bill
        waits = bill.is_payable(now)
        self._pay.set_visibility(waits)
        self._check.set_visibility(waits and bill.state is OrderState.PAYING)
        self._home.set_visibility(not waits)
        self._state.clear()
        with self._state:
            if waits:
                with kit.banner("info", t("pay.until", time=clock(bill.pay_until))):
                    kit.when(bill.pay_until, now=now)
            else:
                self._code.clear()
                _said(bill)

    async def _go(self) -> None:
        with kit.told():
            try:
                request = await self._clinic.bills.pay(current_actor(), self._bill.order_id)
            finally:
                await self.load()
            if request.url:
                ui.navigate.to(request.url)
                return
            picture = await asyncio.to_thread(qr_code, request.qr)
            self._code.clear()
            with self._code, kit.card(t("pay.scan")):
                Html("img", "qr", src=picture, alt=t("pay.scan"))

    async def _ask(self) -> None:
        with kit.told():
            self._bill = await self._clinic.bills.check(current_actor(), self._bill.order_id)
            self._show()
            if self._bill.state is OrderState.PAYING:
                kit.toast(t("pay.not_yet"))


def _said(bill: Bill) -> None:
    """Say in words what has become of a bill that waits for nothing."""
    if bill.refunds:
        back = sum(each.fen for each in bill.refunds)
        if all(each.state is RefundState.SUCCESS for each in bill.refunds):
            kit.banner("ok", t("pay.refunded", amount=money(back)), t("pay.refunded_text"))
        else:
            kit.banner("info", t("pay.refunding", amount=money(back)), t("pay.refunding_text"))
    elif bill.paid_at is not None:
        kit.banner("ok", t("pay.paid"), t("pay.paid_text", time=local(bill.paid_at)))
    elif bill.closed_at is not None and bill.closed_at < bill.pay_until:
        kit.banner("info", t("pay.dropped"), t("pay.dropped_text"))
    else:
        kit.banner("warn", t("pay.closed"), t("pay.closed_text"))
