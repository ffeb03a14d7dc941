"""What could not be brought to its handler or its reader, with the button that tries it again."""

from uuid import UUID

from pages import kit
from pages.house.unsent import UnsentList
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.words import has, t
from services.clinic import Clinic
from services.deliveries import Parked, in_words
from services.policy import Action


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/deliveries`."""

    @routes.page("/deliveries", action=Action.DELIVERY_READ, title="nav.deliveries")
    async def deliveries_page() -> None:
        page = DeliveriesPage(clinic)
        with frame("nav.deliveries", active="/deliveries") as surroundings:
            page.build()
        surroundings.shortcut("r", "deliveries.refresh", page.load)
        await page.load()


class DeliveriesPage:
    """The counts and the list of what is parked."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._unsent = UnsentList(clinic)

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        with kit.tiles():
            self._waiting = kit.metric(
                t("deliveries.waiting"), "-", foot=t("deliveries.waiting_foot")
            )
            self._parked = kit.metric(t("deliveries.parked"), "-", foot=t("deliveries.parked_foot"))
        columns = [
            kit.Column("event", t("deliveries.column.event"), phone="title"),
            kit.Column("handler", t("deliveries.column.handler")),
            kit.Column("error", t("deliveries.column.error")),
            kit.Column("attempts", t("deliveries.column.attempts"), end=True),
            kit.Column("parked", t("deliveries.column.parked")),
        ]
        words = kit.TableWords(
            t("nav.deliveries"),
            total="deliveries.total",
            search=t("deliveries.search"),
            empty_title=t("deliveries.empty"),
            empty_text=t("deliveries.empty_text"),
        )
        with kit.card(t("deliveries.title"), flush=True):
            self._table: kit.DataTable[Parked] = kit.DataTable(
                columns, self._read, self._row, words, kit.Answers(act=self._act)
            )
        self._unsent.build()

    async def load(self) -> None:
        """Bring counts and list up to date."""
        flow = await self._clinic.deliveries.flow(current_actor())
        self._waiting.set_text(str(flow.waiting))
        self._parked.set_text(str(flow.parked))
        await self._table.load()
        await self._unsent.load()

    async def _read(self, query: kit.Query) -> kit.Page[Parked]:
        items, total = await self._clinic.deliveries.parked(
            current_actor(), search=query.search, offset=query.offset, limit=query.size
        )
        return kit.Page(items, total)

    def _row(self, parked: Parked) -> kit.Row:
        now = self._clinic.clock.now()
        happened = _said(f"event.{parked.event}", parked.event)
        step = in_words(parked.handler)
        return kit.Row(
            str(parked.id),
            {
                "event": kit.Cell(happened, note=f"{parked.event} {str(parked.id)[-12:]}"),
                "handler": kit.Cell(_said(step, step), note=parked.handler),
                "error": kit.state_cell(_trouble(parked.error), "bad"),
                "attempts": str(parked.attempts),
                "parked": kit.ago_cell(parked.parked_at, now=now),
            },
            name=happened,
            acts=(kit.Act("replay", t("deliveries.replay")),),
        )

    async def _act(self, key: str, name: str) -> None:
        if name == "replay":
            await self._clinic.deliveries.replay(current_actor(), UUID(key))
            self._table.drop(key)
            kit.toast(t("deliveries.replayed"))
            await self.load()


def _said(key: str, name: str) -> str:
    """Return the sentence, or the name of what is of another version and has none."""
    return t(key) if has(key) else name


def _trouble(code: str) -> str:
    """Return what went wrong in words: our own errors have a sentence, others only a kind.

    An error's own sentence may tell its reader to call whoever reads this page: then it has another
    here.
    """
    key = f"deliveries.trouble.{code}"
    key = key if has(key) else f"error.{code}"
    return t(key) if has(key) and "{" not in t(key) else t("deliveries.trouble", kind=code)
