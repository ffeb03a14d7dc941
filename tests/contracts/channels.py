"""Every adapter of the port `PaymentChannel`, with somebody at the other end who pays."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from integrations.sandbox.payments import SandboxPayments
from services.ports import PaymentChannel
from tests.conftest import HeldClock

Notice = tuple[Mapping[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Bench:
    """An adapter, and a payer."""

    adapter: PaymentChannel
    pay: Callable[[str], Awaitable[Notice]]
    """Pay what was asked for under a reference; return the notice that the channel sends."""
    now: datetime


@asynccontextmanager
async def sandbox() -> AsyncIterator[Bench]:
    adapter = SandboxPayments(HeldClock())
    yield Bench(adapter, adapter.pretend, datetime(2026, 3, 2, 8, 0, tzinfo=UTC))


ADAPTERS: dict[str, Callable[[], AbstractAsyncContextManager[Bench]]] = {"sandbox": sandbox}
