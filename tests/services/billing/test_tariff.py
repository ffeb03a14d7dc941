"""The price list: public, with versions that are never changed, only followed. (R-PRICE)"""

from datetime import timedelta

import pytest

from data.errors import Conflict, Forbidden, Invalid
from services.billing.tariff import NewPrice
from services.policy import ANYBODY, HOUSE, Role
from tests.factories import INSTITUTION, OTHER_INSTITUTION, an_actor
from tests.services.billing.conftest import PRICE

AFFAIRS = an_actor(Role.MEDICAL_AFFAIRS)


async def price_now(house, item="visit.video"):
    async with house.clinic.transactions.read(HOUSE) as tx:
        return await house.clinic.tariffs.price(tx, INSTITUTION, item)


async def test_anybody_sees_prices_before_they_sign_in(house):
    """R-PRICE: shown before payment."""
    [shown] = await house.clinic.tariffs.prices(ANYBODY)
    assert (shown.item, shown.fen, shown.version) == ("visit.video", PRICE, 1)
    assert (shown.name("zh_CN"), shown.name("en")) == ("视频复诊", "Follow-up visit by video")


async def test_a_price_begins_on_its_day_and_the_one_before_stays_written(house, clock):
    day = clock.now() + timedelta(days=7)
    version = await house.clinic.tariffs.set_price(AFFAIRS, NewPrice("visit.video", 2500, day))
    assert version == 2
    assert (await price_now(house)).fen == PRICE

    clock.forward(days=7)

    assert ((await price_now(house)).fen, (await price_now(house)).version) == (2500, 2)
    second, first = await house.clinic.tariffs.versions(ANYBODY)
    assert (second.holds, second.fen) == (True, 2500)
    assert (first.holds, first.fen, first.version) == (False, PRICE, 1)


async def test_a_slip_is_followed_by_its_correction_at_once(house, clock):
    day = clock.now() + timedelta(days=7)
    await house.clinic.tariffs.set_price(AFFAIRS, NewPrice("visit.video", 250_000, day))
    await house.clinic.tariffs.set_price(AFFAIRS, NewPrice("visit.video", 2500, day))
    clock.forward(days=7)
    assert (await price_now(house)).version == 3


async def test_what_has_no_price_cannot_be_sold(house):
    with pytest.raises(Conflict, match="price_missing"):
        await price_now(house, "visit.text")


async def test_a_price_of_another_hospital_is_none_of_ours(house):
    async with house.clinic.transactions.read(HOUSE) as tx:
        with pytest.raises(Conflict, match="price_missing"):
            await house.clinic.tariffs.price(tx, OTHER_INSTITUTION, "visit.video")


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (NewPrice("visit.video", -1), "tariff_price_wrong"),
        (NewPrice("visit.video", 10_000_001), "tariff_price_wrong"),
        (NewPrice("Visit", 1), "tariff_item_wrong"),
        (NewPrice("visit.house_call", 1), "tariff_name_needed"),
        (NewPrice("visit.video", 1, names={"en": "x" * 61}), "tariff_name_needed"),
    ],
)
async def test_what_is_malformed_is_said_in_one_word(house, new, code):
    with pytest.raises(Invalid, match=code):
        await house.clinic.tariffs.set_price(AFFAIRS, new)


async def test_nobody_changes_what_was_paid_yesterday(house, clock):
    yesterday = NewPrice("visit.video", 1, clock.now() - timedelta(days=1))
    with pytest.raises(Invalid, match="tariff_in_the_past"):
        await house.clinic.tariffs.set_price(AFFAIRS, yesterday)


@pytest.mark.parametrize("role", [Role.CASHIER, Role.DOCTOR, Role.PATIENT])
async def test_who_takes_the_money_does_not_say_how_much(house, role):
    with pytest.raises(Forbidden):
        await house.clinic.tariffs.set_price(an_actor(role), NewPrice("visit.video", 1))


async def test_an_item_of_the_hospitals_own_has_the_names_it_was_given(house):
    names = {"zh_CN": " 上门  服务 ", "en": "House call", "xx": "no"}
    new = NewPrice("visit.house_call", 9900, names=names)
    await house.clinic.tariffs.set_price(AFFAIRS, new)
    await house.clinic.tariffs.set_price(AFFAIRS, NewPrice("visit.house_call", 9800))
    shown = next(
        each
        for each in await house.clinic.tariffs.prices(ANYBODY)
        if each.item == "visit.house_call"
    )
    assert (shown.fen, dict(shown.names)) == (9800, {"zh_CN": "上门 服务", "en": "House call"})


async def test_before_there_is_a_hospital_there_are_no_prices(clinic):
    assert await clinic.tariffs.prices(ANYBODY) == []
