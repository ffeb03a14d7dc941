"""The red banner over every page of somebody who reads behind broken glass. (紧急访问)"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from nicegui import context, ui
from nicegui.events import GenericEventArguments

from pages.kit.tell import toast, told
from pages.live import on_event
from pages.words import clock, t
from services.bus import Bus
from services.events import EmergencyAccessClosed, EmergencyAccessOpened, Event
from services.users.emergency import Access

TAIL = 6
"""So many signs of a patient's number tell people which of two records is meant."""


@dataclass(frozen=True, slots=True)
class Glass:
    """What somebody has broken open, and how it is ended; the frame of their pages shows it."""

    user_id: UUID
    broken: tuple[Access, ...]
    bus: Bus
    now: Callable[[], datetime]
    read: Callable[[], Awaitable[list[Access]]]
    end: Callable[[UUID], Awaitable[None]]

    def show(self) -> "GlassBanner":
        """Build the banner: not to be seen while nothing is open, and true without a reload."""
        banner = GlassBanner(self)
        on_event(
            self.bus,
            EmergencyAccessOpened,
            EmergencyAccessClosed,
            do=banner.update_items,
            when=self._is_mine,
        )
        return banner

    def _is_mine(self, event: Event) -> bool:
        return getattr(event, "user_id", None) == self.user_id


class GlassBanner(ui.element, component="kit/glass.js"):
    """One line for each record that is open, with the time that is left and the way to end it."""

    def __init__(self, glass: Glass) -> None:
        super().__init__()
        self._glass = glass
        self._props["words"] = {
            name: t(f"glass.{name}") for name in ("label", "title", "left", "end")
        }
        self._show(glass.broken)
        self.on("end", self._end)

    def _show(self, broken: tuple[Access, ...]) -> None:
        self._shown = {str(access.id): access for access in broken}
        self._props["now"] = _milliseconds(self._glass.now())
        self._props["items"] = [_item(access) for access in broken]

    async def update_items(self) -> None:
        """Show what is open now."""
        self._show(tuple(await self._glass.read()))

    async def _end(self, event: GenericEventArguments) -> None:
        key = event.args[0] if isinstance(event.args, list) and event.args else event.args
        access = self._shown.pop(key, None) if isinstance(key, str) else None
        if access is None:  # not shown, or pressed twice
            return
        with told(), context.client:
            await self._glass.end(access.id)
            toast(t("glass.ended", patient=tail(access.patient_id)))
        await self.update_items()


def tail(patient_id: UUID) -> str:
    """Return the end of a patient's number, as people compare it."""
    return patient_id.hex[-TAIL:].upper()


def _item(access: Access) -> dict[str, Any]:
    return {
        "id": str(access.id),
        "why": t("glass.why", patient=tail(access.patient_id), reason=access.reason),
        "at": t("glass.until", at=clock(access.until)),
        "until": _milliseconds(access.until),
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
