"""What every register of identities promises, whoever made it. (R058, R-PAT-1)"""

import pytest

from data.patients import IdentityMethod
from services.ports import IdentityAnswer
from tests.contracts.registers import ADAPTERS


@pytest.fixture(params=ADAPTERS)
async def bench(request):
    async with ADAPTERS[request.param]() as bench:
        yield bench


async def test_a_name_and_its_number_match(bench):
    assert await bench.adapter.check("r1", *bench.known) is IdentityAnswer.MATCH


async def test_a_name_and_anothers_number_do_not(bench):
    assert await bench.adapter.check("r2", *bench.stranger) is IdentityAnswer.MISMATCH


async def test_the_same_reference_is_answered_alike(bench):
    first = await bench.adapter.check("r3", *bench.known)
    assert await bench.adapter.check("r3", *bench.known) is first


def test_it_says_what_it_is(bench):
    assert bench.adapter.method in set(IdentityMethod)
    assert isinstance(bench.adapter.sandbox, bool)
    assert isinstance(bench.adapter.untried, bool)
