"""Tells the frame of a page who looks at it."""

from functools import partial
from uuid import UUID

from pages.glass import Glass
from pages.news import News
from pages.session import current_actor
from pages.viewer import NOTHING, Viewer
from services.clinic import Clinic
from services.i18n import House
from services.permissions import RULES
from services.policy import Action, Actor
from services.tasks import Counts


class Describer:
    """Makes a `Viewer` of a signed-in person, with what waits for them."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    async def __call__(self, actor: Actor) -> Viewer:
        """Read name and counts: three short looks into the database, a fourth in an emergency."""
        clinic = self._clinic
        plate = await clinic.account.nameplate(actor)
        waiting, unread = await self._waiting(actor)

        def can(action: Action) -> bool:
            return not actor.roles.isdisjoint(RULES[action])

        return Viewer(
            display_name=plate.display_name,
            number=plate.staff_number,
            can=can,
            # In one form for all: it is read off a photograph of any page.
            opened=f"{clinic.clock.now().astimezone(House.zone):%Y-%m-%d %H:%M}",
            roles=tuple(sorted(actor.roles)),
            is_demo=clinic.settings.demo,
            work=waiting,
            notices=unread,
            news=News(actor.user_id, actor.institution_id, clinic.bus, self._waiting_now),
            text_size=plate.text_size,
            write_larger=self._write_larger,
            emergency=await self._glass(actor),
        )

    async def _waiting(self, actor: Actor) -> tuple[Counts, int]:
        works = not actor.roles.isdisjoint(RULES[Action.TASK_READ])
        tasks = await self._clinic.tasks.counts(actor) if works else NOTHING
        return tasks, await self._clinic.notices.unread(actor)

    async def _waiting_now(self) -> tuple[Counts, int]:
        return await self._waiting(current_actor())

    async def _write_larger(self, size: int) -> None:
        await self._clinic.account.write_larger(current_actor(), size)

    async def _glass(self, actor: Actor) -> Glass | None:
        if actor.roles.isdisjoint(RULES[Action.EMERGENCY_OPEN]):
            return None
        emergency = self._clinic.emergency
        return Glass(
            user_id=actor.user_id,
            # Most have nothing open, and their session knows it: no look into the database.
            broken=tuple(await emergency.mine(actor)) if actor.emergencies else (),
            bus=self._clinic.bus,
            now=self._clinic.clock.now,
            read=partial(emergency.mine, actor),
            end=self._end,
        )

    async def _end(self, access_id: UUID) -> None:
        await self._clinic.emergency.close(current_actor(), access_id)
