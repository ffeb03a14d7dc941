"""What every source of time promises, whoever made it; chrony itself: tests/counterparts. (R058)"""

import asyncio

import pytest

from data.errors import Unavailable
from tests.contracts.clocks import ADAPTERS


@pytest.fixture(params=ADAPTERS)
async def bench(request):
    async with ADAPTERS[request.param]() as bench:
        yield bench


@pytest.mark.parametrize("seconds", [0, 12.5, -86_400])
async def test_it_tells_how_far_our_clock_is_ahead(bench, seconds):
    """Bad input: a clock that jumps. Ours is behind what the server says, by so much."""
    bench.ahead = seconds
    assert await bench.source.ahead() == pytest.approx(-seconds, abs=0.5)


async def test_several_may_ask_at_once(bench):
    bench.ahead = 5
    answers = await asyncio.gather(*(bench.source.ahead() for _ in range(8)))
    assert answers == pytest.approx([-5] * 8, abs=0.5)


async def test_a_source_that_does_not_know_the_time_itself_is_not_believed(bench):
    bench.knows = False
    with pytest.raises(Unavailable):
        await bench.source.ahead()
    bench.knows = True
    assert await bench.source.ahead() == pytest.approx(0, abs=0.5)


async def test_silence_is_no_answer_and_ends(bench):
    bench.answers = False
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await bench.source.ahead()
