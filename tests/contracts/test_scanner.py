"""What every virus scanner promises, whoever made it."""

import asyncio

import pytest

from data.errors import Unavailable
from integrations.clamd import ClamdScanner, verdict
from services.ports import ScanVerdict
from tests.contracts.scanners import ADAPTERS, EICAR


@pytest.fixture(params=ADAPTERS)
async def scanner(request):
    async with ADAPTERS[request.param]() as scanner:
        yield scanner


async def pieces(content, size):
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def test_clean_is_told_from_infected_however_it_is_cut(scanner):
    assert await scanner.scan(pieces(b"a healthy file" * 1000, 997)) is ScanVerdict.CLEAN
    assert await scanner.scan(pieces(EICAR, 5)) is ScanVerdict.INFECTED
    assert await scanner.scan(pieces(b"", 1)) is ScanVerdict.CLEAN


async def test_several_uploads_are_judged_at_once(scanner):
    verdicts = await asyncio.gather(
        *(scanner.scan(pieces(EICAR if n % 2 else b"healthy", 16)) for n in range(8))
    )
    assert verdicts == [ScanVerdict.CLEAN, ScanVerdict.INFECTED] * 4


async def test_what_is_too_large_to_look_at_is_not_called_clean(scanner):
    with pytest.raises(Unavailable):
        await scanner.scan(pieces(bytes(6_000_000), 1 << 20))


async def test_a_scanner_that_is_not_there_is_no_permission(tmp_path):
    with pytest.raises(Unavailable) as trouble:
        await ClamdScanner(str(tmp_path / "nobody.ctl")).scan(pieces(b"x", 1))
    assert trouble.value.code == "scanner_silent"


@pytest.mark.parametrize(
    "answer", [b"INSTREAM size limit exceeded. ERROR\0", b"", b"stream: OK no\0"]
)
def test_a_complaint_is_no_verdict(answer):
    with pytest.raises(Unavailable):
        verdict(answer)
