"""Knows the number that people call when the page itself cannot help them. (医院电话)"""

from datetime import datetime, timedelta

from data.errors import DomainError
from services.clinic import Clinic
from services.policy import ANYBODY

KEPT_FOR = timedelta(minutes=1)


class Hotline:
    """Gives the hospital's own number, also while the house is in trouble: then it is needed."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._number = ""
        self._asked_at: datetime | None = None

    async def __call__(self) -> str:
        """Return the number, at most a minute old; empty if the hospital has not said one."""
        now = self._clinic.clock.now()
        if self._asked_at is None or not timedelta(0) <= now - self._asked_at < KEPT_FOR:
            self._asked_at = now
            try:
                self._number = (await self._clinic.institutions.read(ANYBODY)).details.phone
            except DomainError:  # not founded yet, or no database: what we knew is as good as any
                return self._number
        return self._number
