"""A payment channel's notice comes over HTTP from a stranger, and is believed by its signature."""

import pytest

from data.billing import OrderState
from data.database import Database
from integrations.sandbox.payments import SandboxPayments
from pages.billing.channel import NOTICE_BYTES
from services.clinic import Clinic
from services.ports import Ports
from tests.services.billing.scenarios import its_payment_is_asked_for
from tests.web.browser import Browser
from tests.web.server import whole_house

NOTICE = "/payments/notice"


@pytest.fixture
def channel(clock) -> SandboxPayments:
    return SandboxPayments(clock)


@pytest.fixture
def clinic(database: Database, clock, keys, settings, channel) -> Clinic:
    return Clinic.open(database, clock, keys, settings, Ports(payments=channel))


async def sent(stranger: Browser, headers, body) -> tuple[int, str]:
    """Send it as a gateway does: no cookie, no Origin, a body of its own kind."""
    kind = {"content-type": "application/octet-stream", "accept": "*/*"}
    async with stranger.http.post(NOTICE, data=body, headers={**kind, **headers}) as answer:
        return answer.status, await answer.text()


async def state_of(clinic, payer, visit) -> OrderState:
    return (await clinic.bills.of_visit(payer, visit)).state


async def test_who_is_told_of_a_payment_thanks_in_the_channels_words(clinic, channel):
    visit, payer, number = await its_payment_is_asked_for(clinic)
    notice = await channel.pretend(number)
    async with whole_house(clinic) as house, Browser(house.url) as stranger:
        assert await sent(stranger, *notice) == (200, "OK")
        assert await sent(stranger, *notice) == (200, "OK"), "told again it is thanked again"
    assert await state_of(clinic, payer, visit) is OrderState.PAID


async def test_what_is_not_signed_or_differs_is_refused_so_that_it_is_sent_again(clinic, channel):
    visit, payer, number = await its_payment_is_asked_for(clinic)
    headers, body = await channel.pretend(number)
    async with whole_house(clinic) as house, Browser(house.url) as stranger:
        assert (await sent(stranger, {}, body))[0] == 422
        assert (await sent(stranger, headers, body + b" "))[0] == 422
        assert (await sent(stranger, *channel.notice(number, fen=1)))[0] == 409
        assert (await sent(stranger, headers, b"x" * (NOTICE_BYTES + 1)))[0] in {413, 422}
    assert await state_of(clinic, payer, visit) is OrderState.PAYING
