"""Every adapter of the port `IdentityRegister`, with somebody who is in it and somebody not."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from integrations.sandbox.identities import SandboxIdentities
from services.ports import IdentityRegister


@dataclass(frozen=True, slots=True)
class Bench:
    """An adapter, and what its register holds."""

    adapter: IdentityRegister
    known: tuple[str, str]
    """A name and the number that belongs to it."""
    stranger: tuple[str, str]
    """A name and a number that is another's."""


@asynccontextmanager
async def sandbox() -> AsyncIterator[Bench]:
    number = "11010119900307123X"
    yield Bench(SandboxIdentities(), ("王芳", number), ("王不符", number))


ADAPTERS: dict[str, Callable[[], AbstractAsyncContextManager[Bench]]] = {"sandbox": sandbox}
