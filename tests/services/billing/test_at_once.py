"""What happens to one bill at the same moment: each money once. (R033)"""

import asyncio

from data.billing import OrderState, RefundState
from services.visit_events import AppointmentCancelled, OrderPaid


async def test_ten_notices_at_once_are_one_payment(house):
    visit, number = await house.asked()
    await house.channel.pretend(number)
    heard = await asyncio.gather(*(house.hear(number) for _ in range(10)))
    assert heard == ["OK"] * 10
    assert len(house.told_of(OrderPaid)) == 1
    assert (await house.bill(visit)).state is OrderState.PAID


async def test_ten_taps_on_pay_are_one_request(house):
    visit = await house.hold()
    order_id = (await house.bill(visit)).order_id
    asked = await asyncio.gather(
        *(house.clinic.bills.pay(house.payer, order_id) for _ in range(10))
    )
    assert len({each.url for each in asked}) == 1
    assert len(await house.payments()) == 1


async def test_paid_and_called_off_at_once_the_money_is_back(house):
    visit, number = await house.asked()
    await house.channel.pretend(number)
    place = (await house.orders())[0]
    event = AppointmentCancelled(
        appointment_id=visit,
        patient_id=place.patient_id,
        account_id=None,
        clinician_id=place.id,
        by="hospital",
        refund=True,
        institution_id=place.institution_id,
        site_id=None,
    )
    acts = [house.hear(number), house.clinic.bills.give_back(event), house.hear(number)]
    await asyncio.gather(*acts, house.clinic.bills.give_back(event))
    await house.follow()
    assert (await house.bill(visit)).state is OrderState.REFUNDED
    assert [each.state for each in await house.refunds()] == [RefundState.SUCCESS]


async def test_closed_and_paid_at_once_ends_one_way_or_the_other(house, clock):
    """Either the money counts, or it goes back; never neither."""
    visit, number = await house.asked()
    clock.forward(minutes=15)
    await house.channel.pretend(number)
    await asyncio.gather(house.follow(), house.hear(number))
    await house.follow()
    bill = await house.bill(visit)
    kept = bill.state is OrderState.PAID and not bill.refunds
    back = bill.state is OrderState.CLOSED and bill.refunds[0].state is RefundState.SUCCESS
    assert kept or back
