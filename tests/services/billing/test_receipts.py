"""Who has paid is told when the money is back."""

import pytest

from data.clock import new_id
from data.messages import Channel, Message
from data.users import User
from integrations.sandbox.messages import SandboxSms
from services.clinic import Clinic
from services.inbox import Tray
from services.ports import Ports
from tests.factories import INSTITUTION, MONDAY
from tests.services.billing.conftest import House


@pytest.fixture
async def reached(house, database, clock, keys):
    """The hospital with text messages, and a payer who has an account and a phone."""
    ports = Ports(payments=house.channel, sms=SandboxSms(Tray(database, clock)))
    clinic = Clinic.open(database, clock, keys, house.clinic.settings, ports)
    await clinic.policy.load()
    payer = house.payer
    person = {"institution_id": INSTITUTION, "phone": "19900000001", "username": str(new_id())}
    times = {"created_at": MONDAY, "woken_at": MONDAY}
    async with database.transaction(write=True) as session:
        row = User(id=payer.user_id, owner_id=payer.user_id, display_name="王芳", **person, **times)
        session.add(row)
    return House(clinic, house.channel, clock, payer)


async def test_who_ordered_is_told_once_and_no_sum_leaves_the_house(reached):
    visit = await reached.paid()
    await reached.cancel(visit)
    bill = await reached.bill(visit)
    found = [each for each in await reached.rows(Message) if each.template == "refund_made"]
    assert {each.channel for each in found} == {Channel.IN_APP, Channel.SMS}
    assert {each.link for each in found} == {f"/pay/{bill.order_id}"}
    caught, _ = await reached.clinic.inbox.page(reached.payer)
    assert [each.address for each in caught] == ["19900000001"]
    assert "20.00" not in caught[0].text


async def test_who_has_no_account_is_told_by_nobody(reached):
    visit = await reached.hold(account_id=None)
    bill = await reached.bill(visit)
    request = await reached.clinic.bills.pay(reached.payer, bill.order_id)
    await reached.notice(request.url.rpartition("/")[2])
    await reached.cancel(visit)
    assert [each for each in await reached.rows(Message) if each.template == "refund_made"] == []
