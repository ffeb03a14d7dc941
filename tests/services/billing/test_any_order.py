"""Whatever happens, in whatever order: in the end the house holds what it may, and no fen more."""

import random

import pytest

from data.billing import OrderState, RefundState
from data.errors import DomainError
from services.policy import Role
from services.ports import PaymentStatus
from services.visit_events import AppointmentExpired
from tests.factories import an_actor
from tests.services.billing.conftest import PRICE

STEPS = 16
CASHIER = an_actor(Role.CASHIER)


class Afternoon:
    """One visit, and everybody who may do something about it, in an order of chance."""

    def __init__(self, house, seed: int) -> None:
        self.house = house
        self.chance = random.Random(seed)
        self.visit = None
        self.ended = False
        self.keeps = False

    async def begin(self) -> None:
        self.visit = await self.house.hold()

    async def step(self) -> None:
        often = (self.tap, self.pay, self.hear, self.line) * 3
        act = self.chance.choice((*often, self.wait, self.wait, self.cancel, self.expire))
        try:
            await act()
        except DomainError:  # a refusal is an answer like any other
            await self.house.follow()

    async def tap(self) -> None:
        bill = await self.house.bill(self.visit)
        await self.house.clinic.bills.pay(self.house.payer, bill.order_id)

    async def pay(self) -> None:
        if trades := self.house.channel._trades:
            await self.house.channel.pretend(self.chance.choice(sorted(trades)))

    async def hear(self) -> None:
        if paid := self.paid():
            await self.house.hear(self.chance.choice(paid))

    async def wait(self) -> None:
        await self.house.later(minutes=self.chance.choice((1, 5, 16)))

    async def line(self) -> None:
        channel = self.house.channel
        channel.deaf, channel.mute = self.chance.choice(
            ((False, False), (True, False), (False, True))
        )

    async def cancel(self) -> None:
        refund = self.chance.random() < 0.8
        self.keeps = self.keeps or not refund
        self.ended = True
        await self.house.cancel(self.visit, refund=refund)

    async def expire(self) -> None:
        self.ended = True
        await self.house.tell(AppointmentExpired(appointment_id=self.visit))

    def paid(self) -> list[str]:
        trades = self.house.channel._trades or {}
        return sorted(
            number for number, each in trades.items() if each.status == PaymentStatus.SUCCEEDED
        )

    def held(self) -> int:
        """What is left of all that was paid, by the channel's own books."""
        trades = (self.house.channel._trades or {}).values()
        return sum(
            each.fen - sum(each.refunds.values())
            for each in trades
            if each.status == PaymentStatus.SUCCEEDED
        )

    async def end(self) -> None:
        """The line is whole again, every notice arrives, and two days pass."""
        self.house.channel.deaf = self.house.channel.mute = False
        for number in self.paid():
            await self.house.hear(number)
        for _ in range(48):
            await self.house.later(hours=1)
        for refund in await self.house.clinic.refunds.page(CASHIER):
            await self.house.clinic.refunds.repeat(CASHIER, refund.id)
        await self.house.follow()


@pytest.mark.parametrize("seed", range(24))
async def test_no_fen_too_much_and_none_too_little(house, seed):
    """Refunds never exceed payments; what the books say is what the channel has."""
    afternoon = Afternoon(house, seed)
    await afternoon.begin()
    for _ in range(STEPS):
        await afternoon.step()
        assert afternoon.held() >= 0
    await afternoon.end()

    bill = await house.bill(afternoon.visit)
    assert bill.state in {OrderState.PAID, OrderState.CLOSED, OrderState.REFUNDED}
    held = PRICE if bill.state is OrderState.PAID else 0
    assert afternoon.held() == held
    assert {each.state for each in bill.refunds} <= {RefundState.SUCCESS}
    if afternoon.ended and not afternoon.keeps:
        assert held == 0, "nobody pays for a visit that does not take place"
