"""What every mailer promises, whoever made it. (R058)"""

import pytest

from data.errors import Invalid
from services.ports import Letter
from tests.contracts.mailers import ADAPTERS

LETTER = Letter("01f-a", "li@patient.test", "验证码 Your code", "您的验证码是 314159。\nThank you.")


@pytest.fixture(params=ADAPTERS)
async def bench(request, database, clock):
    async with ADAPTERS[request.param](database, clock) as bench:
        yield bench


async def test_a_letter_arrives_as_it_was_written(bench):
    await bench.adapter.send(LETTER)
    [(reference, *rest)] = await bench.arrived()
    assert (reference, *rest) == (LETTER.reference, LETTER.to, LETTER.subject, LETTER.text)


async def test_the_same_reference_is_one_letter_however_often_it_is_sent(bench):
    for _ in range(2):
        await bench.adapter.send(LETTER)
    assert {reference for reference, *_ in await bench.arrived()} == {LETTER.reference}


@pytest.mark.parametrize(
    "address", ["", "li", "li@patient.test, all@patient.test", "li@patient.test\r\nBcc: x@y.test"]
)
async def test_an_address_that_is_none_is_refused_for_good(bench, address):
    with pytest.raises(Invalid):
        await bench.adapter.send(Letter("r", address, "subject", "text"))
    assert await bench.arrived() == []


async def test_a_subject_cannot_add_a_header(bench):
    await bench.adapter.send(Letter("r", "li@patient.test", "hello\r\nBcc: x@y.test", "text"))
    [(_, to, _, text)] = await bench.arrived()
    assert (to, text) == ("li@patient.test", "text")


def test_it_says_whether_anything_real_happens(bench):
    assert isinstance(bench.adapter.sandbox, bool)
