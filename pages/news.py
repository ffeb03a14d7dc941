"""Keeps the counts around a page true: how much waits for its reader, and what is unread."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from pages.live import on_event
from services.bus import Bus
from services.events import Event, MessageQueued, TaskClosed, TaskEscalated, TaskRaised
from services.tasks import Counts


@dataclass(frozen=True, slots=True)
class News:
    """What is happening as far as it changes how much waits for somebody."""

    user_id: UUID
    institution_id: UUID | None
    bus: Bus
    read: Callable[[], Awaitable[tuple[Counts, int]]]
    """Counts their open tasks and their unread messages."""

    def follow(self, do: Callable[[Counts, int], Awaitable[None]]) -> None:
        """Give this page both counts, again after whatever may have changed them."""

        async def update() -> None:
            await do(*await self.read())

        on_event(
            self.bus,
            *(TaskRaised, TaskClosed, TaskEscalated, MessageQueued),
            do=update,
            when=self._concerns,
        )

    def _concerns(self, event: Event) -> bool:
        """A task may have left this person by what brings it to another; a message is one's own."""
        if isinstance(event, MessageQueued):
            return event.recipient_id == self.user_id
        return getattr(event, "institution_id", None) in {None, self.institution_id}
