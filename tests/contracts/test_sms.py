"""What every provider of text messages promises, whoever made it. (R058)"""

import pytest

from data.errors import Invalid
from services.ports import TextMessage
from tests.contracts.senders import ADAPTERS

MESSAGE = TextMessage("01f-a", "19900000001", "验证码314159，5分钟内有效。")


@pytest.fixture(params=ADAPTERS)
async def bench(request, database, clock):
    async with ADAPTERS[request.param](database, clock) as bench:
        yield bench


async def test_a_message_arrives_as_it_was_written_and_has_a_number(bench):
    assert await bench.adapter.send(MESSAGE)
    assert await bench.arrived() == [(MESSAGE.reference, MESSAGE.to, MESSAGE.text)]


async def test_the_same_reference_is_sent_once_and_keeps_its_number(bench):
    first = await bench.adapter.send(MESSAGE)
    assert await bench.adapter.send(MESSAGE) == first
    assert len(await bench.arrived()) == 1


@pytest.mark.parametrize("number", ["", "110", "1990000000", "+8619900000001", "19900000001\n"])
async def test_what_is_no_mobile_number_is_refused_for_good(bench, number):
    with pytest.raises(Invalid):
        await bench.adapter.send(TextMessage("r", number, "text"))
    assert await bench.arrived() == []


def test_it_says_whether_anything_real_happens(bench):
    assert isinstance(bench.adapter.sandbox, bool)
