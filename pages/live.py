"""Keeps open pages true: when something they show has happened, they bring themselves up to date.

`do` changes the elements that are there. Building them anew costs a hundred times as much for
every open page, and takes the button away from under the finger that has just pressed it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from nicegui import Client, background_tasks, context
from nicegui import Event as Signal

from data.errors import DomainError
from services.bus import Bus
from services.events import Event

log = logging.getLogger(__name__)

T = TypeVar("T")

TURN_SECONDS = 0.005
"""How long pages are told of something before others get a turn of the loop."""


def on_event(
    bus: Bus, *events: type[Event], do: Callable[[], Awaitable[None]], when: Any = None
) -> None:
    """Run `do` in this page's context for each of `events` that `when` (all, if none) is about.

    Events that come while `do` still runs are answered by one more run, however many they are;
    so are those that come in the pause that a busy house makes after it.
    """
    client = context.client
    hurry = _Hurry(client, do, bus)

    def watcher(event: Event) -> None:
        if isinstance(event, events) and (when is None or when(event)):
            hurry.wake()

    client.on_delete(bus.watch(watcher))


class _Hurry:
    """Runs a page's update once at a time, and once more if it was asked for meanwhile."""

    def __init__(self, client: Client, do: Callable[[], Awaitable[None]], bus: Bus) -> None:
        self._bus = bus
        self._client = client
        self._do = do
        self._running = False
        self._again = False

    def wake(self) -> None:
        if self._running:
            self._again = True
            return
        self._running = True
        # NiceGUI owns the task and ends it with the process; a page that is gone is passed over.
        self._task = background_tasks.create(self._run(), name="page update")

    async def _run(self) -> None:
        try:
            while True:
                self._again = False
                if self._client.is_deleted:
                    return
                with self._client, suppress(DomainError):  # no longer allowed: the guard will say
                    await self._do()
                await _rest(self._bus)
                if not self._again:
                    return
        finally:
            self._running = False


async def _rest(bus: Bus) -> None:
    """Let work in hand go before a page's next update, as long as the house is busy."""
    if pause := bus.pause():
        await asyncio.sleep(pause)


async def emit_paced(signal: Signal[Any], *values: Any, turn: float = TURN_SECONDS) -> None:
    """Tell every subscriber of `signal`, letting the clicks of others in between.

    One burst to a few hundred pages holds the loop for all of them; in turns it does not.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    for callback in list(signal.callbacks):
        if callback in signal.callbacks:
            try:
                callback.run(*values)
            except Exception:  # one page's defect must not keep the news from the others
                log.exception("a page could not show what it was told")
        if loop.time() - began > turn:
            await asyncio.sleep(turn)
            began = loop.time()


class Shared(Generic[T]):
    """What many pages show alike: read once per happening, told to all of them in turns."""

    def __init__(
        self, bus: Bus, *events: type[Event], read: Callable[[], Awaitable[T]], when: Any = None
    ) -> None:
        """Read anew by `read` after each of `events` that `when` is about, while pages look on."""
        self._bus = bus
        self._read = read
        self._signal: Signal[T] = Signal()
        self._running = False
        self._again = False

        def watcher(event: Event) -> None:
            if isinstance(event, events) and (when is None or when(event)):
                self._wake()

        self._stop = bus.watch(watcher)

    async def show(self, do: Callable[[T], None]) -> None:
        """Show the present value in this page by `do`, and every later one."""
        self._signal.subscribe(do)
        do(await self._read())

    def close(self) -> None:
        """Listen no longer."""
        self._stop()

    def _wake(self) -> None:
        if self._running:
            self._again = True
        elif self._signal.callbacks:
            self._running = True
            self._task = background_tasks.create(self._tell(), name="shared value")

    async def _tell(self) -> None:
        try:
            while True:
                self._again = False
                await emit_paced(self._signal, await self._read())
                await _rest(self._bus)
                if not self._again:
                    return
        finally:
            self._running = False
