"""Bills: opened with the price of the moment, paid once, closed when their time is up."""

from uuid import UUID

import pytest

from data.billing import OrderState, PaymentState
from data.clock import new_id
from data.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from integrations.sandbox.payments import SIGNATURE, SandboxPayments
from services.billing.tariff import NewPrice
from services.policy import Role
from services.ports import PaymentStatus, Ports
from services.visit_events import AppointmentExpired, OrderClosed, OrderOverdue, OrderPaid
from tests.factories import an_actor
from tests.services.billing.conftest import PRICE

DIRECTOR = an_actor(Role.MEDICAL_AFFAIRS)


async def test_a_place_that_is_kept_has_a_bill_until_it_is_let_go(house, clock):
    visit = await house.hold()
    bill = await house.bill(visit)
    assert (bill.fen, bill.state, bill.appointment_id) == (PRICE, OrderState.CREATED, visit)
    assert (bill.pay_until - clock.now()).total_seconds() == 15 * 60
    assert bill.title("zh_CN") == "视频复诊"
    assert bill.is_payable(clock.now())


async def test_a_bill_keeps_its_price_when_another_begins(house):
    """R-PRICE: an order keeps its price snapshot."""
    visit = await house.hold()
    renamed = {"zh_CN": "视频问诊"}
    await house.clinic.tariffs.set_price(DIRECTOR, NewPrice("visit.video", 9900, names=renamed))

    bill = await house.bill(visit)

    assert (bill.fen, bill.lines[0].fen, bill.lines[0].version) == (PRICE, PRICE, 1)
    assert bill.title("zh_CN") == "视频复诊"
    request = await house.clinic.bills.pay(house.payer, bill.order_id)
    checkout = await house.clinic.simulator.look(house.payer, reference_of(request.url))
    assert (checkout.fen, checkout.description) == (PRICE, "视频复诊")


async def test_what_is_free_has_no_bill(house):
    visit = await house.hold(0)
    assert await house.clinic.bills.of_visit(house.payer, visit) is None
    assert await house.orders() == []


async def test_who_pays_has_paid_and_the_house_is_told_once(house, clock):
    visit, number = await house.asked()
    assert (await house.bill(visit)).state is OrderState.PAYING

    assert await house.notice(number) == "OK"

    bill = await house.bill(visit)
    assert (bill.state, bill.paid_at) == (OrderState.PAID, clock.now())
    [told] = house.told_of(OrderPaid)
    assert (told.order_id, told.appointment_id, told.amount_fen) == (bill.order_id, visit, PRICE)
    await house.later(minutes=20)
    assert house.told_of(OrderOverdue) == [], "the timer was taken back"
    assert (await house.bill(visit)).state is OrderState.PAID


async def test_a_notice_that_comes_twice_counts_once(house):
    visit, number = await house.asked()
    await house.notice(number)
    assert await house.hear(number) == "OK", "else the channel would never stop"
    assert len(house.told_of(OrderPaid)) == 1
    assert (await house.bill(visit)).state is OrderState.PAID
    assert await house.refunds() == []


async def test_a_wrong_amount_is_no_payment_and_a_person_looks_at_it(house):
    visit, number = await house.asked()
    with pytest.raises(Conflict, match="payment_differs"):
        await house.notice(number, fen=PRICE - 1)
    with pytest.raises(Conflict, match="payment_differs"):
        await house.hear(number, fen=PRICE - 1)
    assert (await house.bill(visit)).state is OrderState.PAYING
    assert house.told_of(OrderPaid) == []
    [task] = await house.tasks("payment_differs")
    assert (task.role, task.values["asked"], task.values["paid"]) == ("cashier", "20.00", "19.99")


async def test_what_was_paid_to_somebody_else_or_for_nothing_of_ours_is_refused(house):
    visit, number = await house.asked()
    with pytest.raises(Invalid, match="payment_not_ours"):
        await house.notice(number, merchant="a-bakery")
    with pytest.raises(Invalid, match="payment_unknown"):
        await house.hear(number, reference="0" * 32)
    assert (await house.bill(visit)).state is OrderState.PAYING


async def test_a_forged_notice_is_refused(house):
    visit, number = await house.asked()
    await house.channel.pretend(number)
    _, body = house.channel.notice(number)
    for headers in ({}, {SIGNATURE: "0" * 64}):
        with pytest.raises(Invalid, match="payment_notice_forged"):
            await house.clinic.settlement.hear(headers, body)
    assert (await house.bill(visit)).state is OrderState.PAYING


async def test_who_goes_back_and_forth_goes_on_with_the_same_payment(house):
    visit, number = await house.asked()
    bill = await house.bill(visit)
    again = await house.clinic.bills.pay(house.payer, bill.order_id)
    assert reference_of(again.url) == number
    assert len(await house.payments()) == 1


async def test_a_bill_that_is_not_paid_in_time_is_closed_here_and_at_the_channel(house):
    visit, number = await house.asked()
    await house.later(minutes=14)
    assert (await house.bill(visit)).state is OrderState.PAYING

    await house.later(minutes=1)

    bill = await house.bill(visit)
    assert bill.state is OrderState.CLOSED
    assert [each.appointment_id for each in house.told_of(OrderClosed)] == [visit]
    assert [each.state for each in await house.payments()] == [PaymentState.FAILED]
    with pytest.raises(Conflict, match="bill_closed"):
        await house.clinic.bills.pay(house.payer, bill.order_id)
    with pytest.raises(Conflict, match="bill_closed"):
        await house.clinic.simulator.pay(house.payer, number)


async def test_a_bill_nobody_tried_to_pay_is_closed_too(house):
    visit = await house.hold()
    await house.later(minutes=15)
    assert (await house.bill(visit)).state is OrderState.CLOSED
    assert await house.payments() == []


async def test_money_the_channel_has_at_the_last_second_counts_though_nobody_told_us(house):
    """Closing asks the channel first: the notice may have been lost."""
    visit, number = await house.asked()
    await house.channel.pretend(number)
    await house.later(minutes=15)
    assert (await house.bill(visit)).state is OrderState.PAID
    assert len(house.told_of(OrderPaid)) == 1
    assert house.told_of(OrderClosed) == []


async def test_time_that_is_up_is_up_before_the_timer_rings(house, clock):
    visit = await house.hold()
    clock.forward(minutes=15)
    bill = await house.bill(visit)
    assert not bill.is_payable(clock.now())
    with pytest.raises(Conflict, match="bill_closed"):
        await house.clinic.bills.pay(house.payer, bill.order_id)


async def test_who_has_paid_pays_no_second_time(house):
    visit = await house.paid()
    with pytest.raises(Conflict, match="bill_paid"):
        await house.clinic.bills.pay(house.payer, (await house.bill(visit)).order_id)


async def test_without_an_answer_the_channel_is_asked_before_the_payer(house):
    """Whether it heard us nobody knows: it is looked up, and the same number goes on."""
    visit = await house.hold()
    order_id = (await house.bill(visit)).order_id
    house.channel.mute = True
    with pytest.raises(Unavailable, match="payment_channel_silent"):
        await house.clinic.bills.pay(house.payer, order_id)
    assert [each.state for each in await house.payments()] == [PaymentState.UNKNOWN]
    with pytest.raises(Unavailable, match="payment_channel_silent"):
        await house.clinic.bills.pay(house.payer, order_id)
    house.channel.mute = False

    request = await house.clinic.bills.pay(house.payer, order_id)

    assert house.channel.asked == [reference_of(request.url)] * 2, "never asked while in doubt"
    assert [each.state for each in await house.payments()] == [PaymentState.ASKED]


async def test_what_never_reached_the_channel_is_asked_for_anew(house):
    visit = await house.hold()
    order_id = (await house.bill(visit)).order_id
    house.channel.deaf = True
    with pytest.raises(Unavailable):
        await house.clinic.bills.pay(house.payer, order_id)
    house.channel.deaf = False
    await house.later(seconds=5)
    assert [each.state for each in await house.payments()] == [PaymentState.FAILED]
    await house.clinic.bills.pay(house.payer, order_id)
    assert [each.state for each in await house.payments()] == [
        PaymentState.FAILED,
        PaymentState.ASKED,
    ]


async def test_a_payment_in_doubt_is_booked_as_soon_as_the_channel_says_so(house):
    visit, number = await house.asked()
    await house.channel.pretend(number)
    await house.clinic.settlement.doubt(number)
    await house.follow()
    assert (await house.bill(visit)).state is OrderState.PAID


async def test_who_says_they_have_paid_is_believed_when_the_channel_says_so_too(house):
    visit, number = await house.asked()
    order_id = (await house.bill(visit)).order_id
    assert (await house.clinic.bills.check(house.payer, order_id)).state is OrderState.PAYING
    await house.channel.pretend(number)
    assert (await house.clinic.bills.check(house.payer, order_id)).state is OrderState.PAID


async def test_a_bill_is_closed_in_time_though_its_channel_is_silent(house):
    visit, _ = await house.asked()
    house.channel.deaf = True
    await house.later(minutes=15)
    assert (await house.bill(visit)).state is OrderState.CLOSED
    assert [each.state for each in await house.payments()] == [PaymentState.UNKNOWN]
    house.channel.deaf = False
    await house.later(hours=1)
    assert [each.state for each in await house.payments()] == [PaymentState.FAILED]


async def test_a_place_let_go_elsewhere_closes_its_bill(house):
    visit, _ = await house.asked()
    await house.tell(AppointmentExpired(appointment_id=visit))
    assert (await house.bill(visit)).state is OrderState.CLOSED
    await house.tell(AppointmentExpired(appointment_id=new_id()))


async def test_without_a_channel_one_is_sent_to_the_counter(house):
    visit = await house.hold()
    bill = await house.bill(visit)
    clinic = type(house.clinic).open(
        *(house.clinic.database, house.clock, house.clinic.keys, house.clinic.settings), Ports()
    )
    with pytest.raises(Unavailable, match="payment_channel_missing"):
        await clinic.bills.pay(house.payer, bill.order_id)
    with pytest.raises(Unavailable, match="payment_channel_missing"):
        await clinic.settlement.hear({}, b"")


async def test_a_bill_is_its_patients_and_nobody_elses(house):
    visit = await house.hold(account_id=None)
    bill = await house.bill(visit)
    relative = an_actor(Role.PROXY, patient_ids=house.payer.patient_ids)
    assert (await house.clinic.bills.one(relative, bill.order_id)).fen == PRICE
    stranger = an_actor(Role.PATIENT, patient_ids=frozenset({new_id()}))
    assert await house.clinic.bills.of_visit(stranger, visit) is None
    with pytest.raises(Forbidden):
        await house.clinic.bills.one(stranger, bill.order_id)
    with pytest.raises(Forbidden):
        await house.clinic.bills.pay(stranger, bill.order_id)
    cashier = an_actor(Role.CASHIER)
    assert (await house.clinic.bills.one(cashier, bill.order_id)).fen == PRICE
    with pytest.raises(Forbidden):
        await house.clinic.bills.pay(cashier, bill.order_id)


async def test_the_simulator_is_only_there_for_a_channel_that_pretends(house):
    _, number = await house.asked()
    with pytest.raises(NotFound):
        await house.clinic.simulator.look(house.payer, "0" * 32)
    house.channel.sandbox = False
    for act in (house.clinic.simulator.look, house.clinic.simulator.pay):
        with pytest.raises(NotFound):
            await act(house.payer, number)


def reference_of(url: str) -> str:
    reference = url.rpartition("/")[2]
    assert UUID(hex=reference)
    return reference


async def test_the_sandbox_remembers_after_a_restart(house, clock, tmp_path):
    """Its books are a file of its own, as a channel's are on its own machines."""
    book = tmp_path / "book.json"
    first = SandboxPayments(clock, book)
    await first.ask("r1", PRICE, "视频复诊", clock.now())
    headers, body = await first.pretend("r1")

    second = SandboxPayments(clock, book)

    assert (await second.query("r1")).status is PaymentStatus.SUCCEEDED
    assert second.heard(headers, body).amount_fen == PRICE
