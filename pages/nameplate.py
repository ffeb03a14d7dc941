"""Knows what hospital this is and which number people call there: also before anybody signs in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from data.errors import DomainError
from services.clinic import Clinic
from services.policy import ANYBODY

KEPT_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Plate:
    """What stands at the door; empty where the hospital has said nothing yet."""

    name: str = ""
    phone: str = ""


class Nameplate:
    """Reads it at most once a minute; what it knew is good while the house is in trouble."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._plate = Plate()
        self._asked_at: datetime | None = None

    async def read(self) -> Plate:
        """Return what stands at the door, at most a minute old."""
        now = self._clinic.clock.now()
        if self._asked_at is None or not timedelta(0) <= now - self._asked_at < KEPT_FOR:
            self._asked_at = now
            try:
                details = (await self._clinic.institutions.read(ANYBODY)).details
            except DomainError:  # not founded yet, or no database: what we knew is as good as any
                return self._plate
            self._plate = Plate(details.name, details.phone)
        return self._plate

    async def phone(self) -> str:
        """Return the number to call. (医院电话)"""
        return (await self.read()).phone

    async def name(self) -> str:
        """Return the hospital's name."""
        return (await self.read()).name
