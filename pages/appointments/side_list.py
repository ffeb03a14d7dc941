"""A list beside the week on the timetable's page: a table, and the panel that it fills."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pages import kit
from pages.appointments.rota import Rota
from services.clinic import Clinic

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ending:
    """What is said when somebody ends one line of a list."""

    do: str
    consequence: str
    done: str


class SideList(ABC, Generic[T]):
    """What the list of weekly shifts and the list of absences have in common."""

    def __init__(
        self, clinic: Clinic, panel: kit.SidePanel, reload: Callable[[], Awaitable[None]]
    ) -> None:
        self._clinic = clinic
        self._zone = ZoneInfo(clinic.settings.timezone)
        self._panel = panel
        self._reload = reload
        self._rota = Rota({}, {}, {})

    async def load(self) -> None:
        """Bring the list up to date."""
        await self._table.load()

    @abstractmethod
    async def _all(self) -> list[T]:
        """Return every line."""

    @abstractmethod
    def _row(self, item: T) -> kit.Row:
        """Return how a line is shown."""

    @abstractmethod
    async def _end(self, item_id: UUID) -> None:
        """End what a line stands for."""

    def _build_table(
        self, columns: Sequence[kit.Column], words: kit.TableWords, ending: Ending
    ) -> None:
        """Make the table; `ending` is what is said when one line of it is to end."""
        self._ending = ending
        with kit.card(flush=True):
            self._table: kit.DataTable[T] = kit.DataTable(
                list(columns), self._read, self._row, words, kit.Answers(act=self._act)
            )

    async def _read(self, query: kit.Query) -> kit.Page[T]:
        found = await self._all()
        return kit.Page(found[query.offset : query.offset + query.size], len(found))

    async def _act(self, key: str, _name: str) -> None:
        said = self._ending
        if await kit.confirm(said.do, said.consequence, said.do):
            await self._end(UUID(key))
            kit.toast(said.done)
            await self.load()
