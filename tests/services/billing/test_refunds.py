"""Money that goes back: all of it, once, and never more than was paid. (R-PAY-3)"""

from datetime import timedelta

import pytest

from data.billing import OrderState, RefundState
from data.errors import Conflict, Forbidden, Invalid, Unauthenticated
from services.policy import Role
from services.ports import RefundAnswer, RefundStatus
from services.visit_events import AppointmentExpired, OrderClosed, OrderRefunded, RefundDue
from tests.factories import INSTITUTION, an_actor
from tests.services.billing.conftest import PRICE

LARGE = 50_001
CASHIER = an_actor(Role.CASHIER)


async def states(house):
    return [each.state for each in await house.refunds()]


async def test_a_visit_called_off_gives_all_back_by_itself(house, clock):
    visit = await house.paid()
    await house.cancel(visit)
    bill = await house.bill(visit)
    assert bill.state is OrderState.REFUNDED
    [back] = bill.refunds
    assert (back.fen, back.state, back.settled_at) == (PRICE, RefundState.SUCCESS, clock.now())
    [told] = house.told_of(OrderRefunded)
    assert (told.appointment_id, told.amount_fen) == (visit, PRICE)


async def test_called_off_twice_gives_back_once(house):
    visit = await house.paid()
    await house.cancel(visit)
    await house.cancel(visit)
    assert [each.amount_fen for each in await house.refunds()] == [PRICE]


async def test_where_the_rules_keep_the_money_it_is_kept(house):
    visit = await house.paid()
    await house.cancel(visit, refund=False)
    assert (await house.bill(visit)).state is OrderState.PAID
    assert await house.refunds() == []


async def test_a_visit_called_off_before_it_was_paid_has_its_bill_closed(house):
    visit, number = await house.asked()
    await house.cancel(visit)
    assert (await house.bill(visit)).state is OrderState.CLOSED
    assert len(house.told_of(OrderClosed)) == 1
    with pytest.raises(Conflict, match="bill_closed"):
        await house.channel.pretend(number)


async def test_a_visit_called_off_while_it_is_being_paid_gives_the_money_back(house):
    visit, number = await house.asked()
    await house.channel.pretend(number)  # and the notice is still on its way
    await house.cancel(visit)
    assert (await house.bill(visit)).state is OrderState.REFUNDED
    assert await house.hear(number) == "OK"
    assert [each.amount_fen for each in await house.refunds()] == [PRICE]


async def test_money_that_comes_after_the_bill_was_closed_goes_back(house):
    """A late success refunds itself."""
    visit, number = await house.asked()
    house.channel.deaf = True
    await house.later(minutes=15)  # closed here; there it can still be paid
    house.channel.deaf = False
    await house.notice(number)
    await house.follow()
    bill = await house.bill(visit)
    assert bill.state is OrderState.CLOSED
    assert [(each.fen, each.state) for each in bill.refunds] == [(PRICE, RefundState.SUCCESS)]


async def test_a_payment_that_could_not_be_closed_is_watched_until_it_is(house):
    """It is made after all, and the notice is lost: the money goes back all the same."""
    visit, number = await house.asked()
    house.channel.stubborn = True
    await house.later(minutes=15)
    assert (await house.bill(visit)).state is OrderState.CLOSED
    await house.channel.pretend(number)
    await house.later(hours=1)
    bill = await house.bill(visit)
    assert [(each.fen, each.state) for each in bill.refunds] == [(PRICE, RefundState.SUCCESS)]


async def test_money_paid_for_a_place_that_was_let_go_goes_back(house):
    visit = await house.paid()
    await house.tell(AppointmentExpired(appointment_id=visit))
    assert (await house.bill(visit)).state is OrderState.REFUNDED


async def test_money_paid_twice_goes_back_once_and_the_visit_stays_paid(house):
    """A payment that the channel did not know was made in the end, after another one."""
    visit = await house.hold()
    order_id = (await house.bill(visit)).order_id
    first = (await house.clinic.bills.pay(house.payer, order_id)).url.rpartition("/")[2]
    trades = house.channel._trades
    lost = trades.pop(first)
    await house.clinic.settlement.doubt(first)
    await house.follow()
    second = (await house.clinic.bills.pay(house.payer, order_id)).url.rpartition("/")[2]
    assert second != first
    await house.notice(second)
    trades[first] = lost
    await house.notice(first)
    await house.follow()
    bill = await house.bill(visit)
    assert bill.state is OrderState.PAID
    assert [each.amount_fen for each in await house.refunds()] == [PRICE]
    assert trades[first].refunds
    assert not trades[second].refunds


async def test_a_refund_that_finds_nobody_is_tried_five_times_and_then_a_person_sees_to_it(house):
    visit = await house.paid()
    house.channel.deaf = True
    await house.cancel(visit)
    assert await states(house) == [RefundState.PROCESSING]
    for hours in (1, 1, 1):
        await house.later(hours=hours)
    assert [each.tries for each in await house.refunds()] == [4]
    assert await house.tasks("refund_failed") == []
    await house.later(hours=3)
    assert await states(house) == [RefundState.FAILED]
    [task] = await house.tasks("refund_failed")
    assert (task.role, task.values["amount"]) == ("cashier", "20.00")
    assert (await house.bill(visit)).state is OrderState.PAID, "nothing is said that is not so"

    house.channel.deaf = False
    [waiting] = await house.clinic.refunds.page(CASHIER)
    await house.clinic.refunds.repeat(CASHIER, waiting.id)
    await house.follow()

    assert await states(house) == [RefundState.SUCCESS]
    assert [each.state for each in await house.tasks("refund_failed")] == ["done"]
    assert await house.clinic.refunds.page(CASHIER) == []
    with pytest.raises(Conflict, match="refund_settled"):
        await house.clinic.refunds.repeat(CASHIER, waiting.id)


async def test_a_refund_whose_answer_was_lost_is_made_once(house):
    visit = await house.paid()
    house.channel.mute = True
    await house.cancel(visit)
    house.channel.mute = False
    await house.later(minutes=1)
    [trade] = house.channel._trades.values()
    assert list(trade.refunds.values()) == [PRICE]
    assert (await house.bill(visit)).state is OrderState.REFUNDED


async def test_a_refund_that_takes_days_is_no_failure(house):
    visit = await house.paid()
    house.channel.refunding = lambda: RefundAnswer(RefundStatus.PENDING)
    await house.cancel(visit)
    for _ in range(20):
        await house.later(hours=1)
    assert await states(house) == [RefundState.PROCESSING]
    house.channel.refunding = None
    await house.later(hours=1)
    assert await states(house) == [RefundState.SUCCESS]


async def test_a_refusal_of_the_channel_is_tried_again_too(house):
    visit = await house.paid()
    house.channel.refunding = lambda: RefundAnswer(RefundStatus.REFUSED)  # no balance yet, say
    await house.cancel(visit)
    house.channel.refunding = None
    await house.later(minutes=1)
    assert await states(house) == [RefundState.SUCCESS]


async def test_a_try_that_is_told_again_later_does_nothing(house):
    visit = await house.paid()
    told = []

    def refuse():
        told.append("once")
        return RefundAnswer(RefundStatus.REFUSED)

    house.channel.refunding = refuse
    await house.cancel(visit)
    [row] = await house.refunds()
    await house.clinic.refunds.send(RefundDue(refund_id=row.id, attempt=0))
    assert [each.tries for each in await house.refunds()] == [1]
    assert told == ["once"]


async def test_a_large_sum_waits_for_a_second_person(house):
    visit = await house.paid(LARGE)
    await house.cancel(visit)
    assert await states(house) == [RefundState.REQUESTED]
    [task] = await house.tasks("refund_approval")
    assert (task.role, task.barred_id) == ("cashier", house.payer.user_id)
    [waiting] = await house.clinic.refunds.page(CASHIER)
    assert (waiting.fen, waiting.is_for_reader) == (LARGE, True)

    await house.clinic.refunds.approve(CASHIER, waiting.id)
    await house.follow()

    assert (await house.bill(visit)).state is OrderState.REFUNDED
    assert [each.state for each in await house.tasks("refund_approval")] == ["done"]
    with pytest.raises(Conflict, match="refund_settled"):
        await house.clinic.refunds.approve(CASHIER, waiting.id)


async def test_nobody_approves_what_goes_back_to_themselves(house):
    visit = await house.paid(LARGE)
    await house.cancel(visit)
    [row] = await house.refunds()
    oneself = an_actor(Role.CASHIER, user_id=house.payer.user_id)
    [waiting] = await house.clinic.refunds.page(oneself)
    assert not waiting.is_for_reader
    with pytest.raises(Forbidden):
        await house.clinic.refunds.approve(oneself, row.id)
    assert await states(house) == [RefundState.REQUESTED]


async def test_who_approves_has_shown_who_they_are_a_moment_ago(house, clock):
    visit = await house.paid(LARGE)
    await house.cancel(visit)
    [row] = await house.refunds()
    clock.forward(hours=1)
    with pytest.raises(Unauthenticated, match="confirm_needed"):
        await house.clinic.refunds.approve(CASHIER, row.id)


async def test_a_large_sum_that_was_never_ours_goes_back_at_once(house):
    _, number = await house.asked(LARGE)
    house.channel.deaf = True
    await house.later(minutes=15)
    house.channel.deaf = False
    await house.notice(number)
    await house.follow()
    assert await states(house) == [RefundState.SUCCESS]


async def test_the_hospital_says_itself_from_how_much_on(house):
    assert house.clinic.policy.number("policy.refund.second_approval_over_fen", INSTITUTION) == (
        LARGE - 1
    )
    visit = await house.paid(LARGE - 1)
    await house.cancel(visit)
    assert await states(house) == [RefundState.SUCCESS]


async def test_a_notice_about_a_stranger_moves_no_money(house):
    await house.paid()
    with pytest.raises(Invalid):
        await house.clinic.settlement.hear({}, b"{}")
    await house.later(minutes=float(timedelta(days=1).total_seconds() / 60))
    assert await house.refunds() == []
