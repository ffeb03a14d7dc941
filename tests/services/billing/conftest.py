"""A hospital with a price list and a sandbox channel; its visits are announced, not booked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from sqlalchemy import select

from data.billing import Order, Payment, Refund
from data.clock import new_id
from data.errors import Unavailable
from data.institution import Institution
from data.tasks import Task
from integrations.sandbox.payments import SandboxPayments
from services.billing.orders import Bill
from services.billing.tariff import NewPrice
from services.clinic import Clinic
from services.events import Event
from services.policy import HOUSE, Actor, Role
from services.ports import Ports, RefundAnswer
from services.visit_events import AppointmentCancelled
from tests.factories import INSTITUTION, MONDAY, an_actor
from tests.services.billing.scenarios import a_place_is_kept

PRICE = 2000


class Channel(SandboxPayments):
    """The sandbox, on a line that can be cut: before it hears, or before we hear its answer."""

    def __init__(self, clock) -> None:
        super().__init__(clock)
        self.deaf = False
        self.mute = False
        self.stubborn = False
        """Whether it lets people pay who are at it, whatever we say."""
        self.asked: list[str] = []
        self.refunding: Callable[[], RefundAnswer] | None = None

    def _line(self) -> None:
        if self.deaf:
            raise Unavailable("payment_channel_silent")

    def _answer(self, answer):
        if self.mute:
            raise Unavailable("payment_channel_silent")
        return answer

    async def ask(self, reference, amount_fen, description, pay_until):
        self._line()
        self.asked.append(reference)
        return self._answer(await super().ask(reference, amount_fen, description, pay_until))

    async def query(self, reference):
        self._line()
        return self._answer(await super().query(reference))

    async def close(self, reference):
        self._line()
        if self.stubborn:
            return await super().query(reference)
        return self._answer(await super().close(reference))

    async def refund(self, reference, refund_reference, amount_fen):
        self._line()
        if self.refunding is not None:
            return self.refunding()
        return self._answer(await super().refund(reference, refund_reference, amount_fen))


@dataclass
class House:
    """The hospital, somebody who pays, and what was announced."""

    clinic: Clinic
    channel: Channel
    clock: object
    payer: Actor
    events: list[Event] = field(default_factory=list)

    async def hold(self, fen: int = PRICE, **more) -> UUID:
        """Keep a place for the payer, and let everything follow; return the appointment."""
        visit, _ = await a_place_is_kept(self.clinic, self.payer, price_fen=fen, **more)
        await self.follow()
        return visit

    async def bill(self, appointment_id: UUID) -> Bill:
        found = await self.clinic.bills.of_visit(self.payer, appointment_id)
        assert found
        return found

    async def asked(self, fen: int = PRICE) -> tuple[UUID, str]:
        """A place whose payment was asked for; return the appointment and the trade number."""
        visit = await self.hold(fen)
        bill = await self.bill(visit)
        request = await self.clinic.bills.pay(self.payer, bill.order_id)
        return visit, request.url.rpartition("/")[2]

    async def paid(self, fen: int = PRICE) -> UUID:
        """A visit that was paid; return the appointment."""
        visit, number = await self.asked(fen)
        await self.notice(number)
        await self.follow()
        return visit

    async def notice(self, number: str, **instead) -> str:
        """Somebody pays at the channel, which tells us."""
        await self.channel.pretend(number)
        return await self.hear(number, **instead)

    async def hear(self, number: str, **instead) -> str:
        return await self.clinic.settlement.hear(*self.channel.notice(number, **instead))

    async def cancel(self, visit: UUID, *, refund: bool = True) -> None:
        await self.tell(
            AppointmentCancelled(
                appointment_id=visit,
                patient_id=next(iter(self.payer.patient_ids)),
                account_id=self.payer.user_id,
                clinician_id=new_id(),
                by="patient",
                refund=refund,
                institution_id=INSTITUTION,
                site_id=None,
            )
        )

    async def tell(self, event: Event) -> None:
        async with self.clinic.transactions.open(HOUSE) as tx:
            tx.go_unnoted("a test")
            tx.announce(event)
        await self.follow()

    async def follow(self) -> None:
        """See what follows through, as far as it can be now."""
        await self.clinic.bus.ring()
        await self.clinic.bus.deliver()

    async def later(self, **by: float) -> None:
        self.clock.forward(**by)
        await self.follow()

    async def rows(self, kind):
        async with self.clinic.database.transaction(write=False) as session:
            return list(await session.scalars(select(kind).order_by(kind.id)))

    async def payments(self) -> list[Payment]:
        return await self.rows(Payment)

    async def refunds(self) -> list[Refund]:
        return await self.rows(Refund)

    async def orders(self) -> list[Order]:
        return await self.rows(Order)

    async def tasks(self, kind: str) -> list[Task]:
        return [each for each in await self.rows(Task) if each.kind == kind]

    def told_of(self, kind: type[Event]) -> list[Event]:
        return [each for each in self.events if isinstance(each, kind)]


@pytest.fixture
async def house(database, clock, keys, settings):
    channel = Channel(clock)
    demo = settings.model_copy(update={"demo": True})
    clinic = Clinic.open(database, clock, keys, demo, Ports(payments=channel))
    async with database.transaction(write=True) as session:
        session.add(Institution(id=INSTITUTION, name="甲", uscc="1", created_at=MONDAY))
    await clinic.policy.load()
    affairs = an_actor(Role.MEDICAL_AFFAIRS)
    await clinic.tariffs.set_price(affairs, NewPrice("visit.video", PRICE))
    payer = an_actor(Role.PATIENT, patient_ids=frozenset({new_id()}))
    found = House(clinic, channel, clock, payer)
    clinic.bus.watch(found.events.append)
    yield found
    await clinic.close()
