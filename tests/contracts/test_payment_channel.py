"""What every payment channel promises, whoever made it. (R058, domain 5.6)"""

from datetime import timedelta

import pytest

from data.clock import new_id
from data.errors import Conflict, Invalid
from services.ports import PaymentStatus, RefundStatus
from tests.contracts.channels import ADAPTERS

FEN = 2000


@pytest.fixture(params=ADAPTERS)
async def bench(request):
    async with ADAPTERS[request.param]() as bench:
        yield bench


async def asked(bench, fen=FEN):
    reference = new_id().hex
    until = bench.now + timedelta(minutes=15)
    return reference, await bench.adapter.ask(reference, fen, "视频复诊", until)


async def test_it_says_where_to_pay(bench):
    _, request = await asked(bench)
    assert request.url or request.qr


async def test_the_same_reference_asks_once(bench):
    reference, first = await asked(bench)
    until = bench.now + timedelta(minutes=15)
    assert await bench.adapter.ask(reference, FEN, "视频复诊", until) == first
    with pytest.raises(Conflict, match="payment_reference_used"):
        await bench.adapter.ask(reference, FEN + 1, "视频复诊", until)


async def test_it_knows_what_it_was_asked_for_and_nothing_else(bench):
    reference, _ = await asked(bench)
    assert (await bench.adapter.query(reference)).status is PaymentStatus.OPEN
    assert (await bench.adapter.query(new_id().hex)).status is PaymentStatus.NOT_FOUND


async def test_what_was_paid_is_told_alike_by_itself_and_when_asked(bench):
    reference, _ = await asked(bench)
    headers, body = await bench.pay(reference)
    told = bench.adapter.heard(headers, body)
    assert told == await bench.adapter.query(reference)
    assert (told.reference, told.status) == (reference, PaymentStatus.SUCCEEDED)
    assert (told.amount_fen, told.merchant) == (FEN, bench.adapter.merchant)
    assert told.channel_number
    assert told.paid_at == bench.now


async def test_a_notice_that_was_touched_is_not_believed(bench):
    reference, _ = await asked(bench)
    headers, body = await bench.pay(reference)
    for touched in ((headers, body + b" "), ({}, body), (headers, b"")):
        with pytest.raises(Invalid, match="payment_notice_forged"):
            bench.adapter.heard(*touched)


async def test_what_is_closed_cannot_be_paid_and_what_is_paid_cannot_be_closed(bench):
    first, _ = await asked(bench)
    assert (await bench.adapter.close(first)).status is PaymentStatus.CLOSED
    with pytest.raises(Conflict):
        await bench.pay(first)
    with pytest.raises(Conflict, match="payment_reference_used"):
        await bench.adapter.ask(first, FEN, "视频复诊", bench.now + timedelta(minutes=15))
    second, _ = await asked(bench)
    await bench.pay(second)
    assert (await bench.adapter.close(second)).status is PaymentStatus.SUCCEEDED


async def test_to_close_what_it_never_heard_of_is_no_error(bench):
    assert (await bench.adapter.close(new_id().hex)).status is PaymentStatus.NOT_FOUND


async def test_the_same_refund_is_made_once(bench):
    reference, _ = await asked(bench)
    await bench.pay(reference)
    back = new_id().hex
    first = await bench.adapter.refund(reference, back, FEN - 500)
    assert first.status in {RefundStatus.SUCCEEDED, RefundStatus.PENDING}
    assert await bench.adapter.refund(reference, back, FEN - 500) == first
    rest = await bench.adapter.refund(reference, new_id().hex, 500)
    assert rest.status is not RefundStatus.REFUSED


async def test_no_more_goes_back_than_was_paid(bench):
    reference, _ = await asked(bench)
    refused = await bench.adapter.refund(reference, new_id().hex, FEN)
    assert refused.status is RefundStatus.REFUSED, "it was not paid yet"
    await bench.pay(reference)
    refused = await bench.adapter.refund(reference, new_id().hex, FEN + 1)
    assert refused.status is RefundStatus.REFUSED


def test_it_says_what_it_is(bench):
    assert bench.adapter.name
    assert bench.adapter.merchant
    assert bench.adapter.thanks
    assert isinstance(bench.adapter.sandbox, bool)
    assert isinstance(bench.adapter.untried, bool)
