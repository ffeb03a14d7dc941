"""What the house has told the person in front of the page, and the demo's tray of messages."""

from collections.abc import Sequence
from uuid import UUID

from pages import kit
from pages.house.tasks import address_of, title_of
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import Frame, frame
from pages.viewer import viewer
from pages.words import local, t
from services.clinic import Clinic
from services.events import MessageQueued
from services.inbox import Caught
from services.notices import Notice
from services.policy import Action
from services.tasks import View


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/notices` and, in a demo, `/inbox`."""

    @routes.page("/notices", action=Action.MESSAGE_READ, title="nav.notices")
    async def notices_page() -> None:
        with frame("nav.notices") as surroundings:
            page = NoticesPage(clinic, surroundings)
            page.build()
        await page.load()
        on_event(clinic.bus, MessageQueued, when=page.is_mine, do=page.load)

    if clinic.settings.demo:
        _register_inbox(clinic, routes)


class NoticesPage:
    """One list, latest first; opening one marks it read."""

    def __init__(self, clinic: Clinic, surroundings: Frame) -> None:
        self._clinic = clinic
        self._surroundings = surroundings
        self._me = current_actor().user_id
        self._shown: dict[str, Notice] = {}
        self._tasks: dict[str, View] = {}

    def is_mine(self, event: MessageQueued) -> bool:
        """Tell whether a message that was just queued is for this page's person."""
        return event.recipient_id == self._me

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        with self._surroundings.slot:
            kit.button("line", t("notices.read_all"), self._read_all)
        words = kit.TableWords(
            t("nav.notices"),
            total="notices.total",
            empty_title=t("notices.empty"),
            empty_text=t("notices.empty_text"),
        )
        columns = [
            kit.Column("title", t("notices.column.title"), phone="title"),
            kit.Column("at", t("notices.column.at")),
        ]
        with kit.card(flush=True):
            self._table: kit.DataTable[Notice] = kit.DataTable(
                columns, self._read, self._row, words, kit.Answers(act=self._act)
            )

    async def load(self) -> None:
        """Bring the list and the bell up to date."""
        await self._table.load()
        unread = await self._clinic.notices.unread(current_actor())
        counts = await self._clinic.tasks.counts(current_actor()) if self._works() else None
        self._surroundings.show_counts(tasks=counts.open if counts else 0, notices=unread)

    def _works(self) -> bool:
        return viewer().can(Action.TASK_READ)

    async def _read(self, query: kit.Query) -> kit.Page[Notice]:
        items, total = await self._clinic.notices.page(
            current_actor(), offset=query.offset, limit=query.size
        )
        self._shown = {str(notice.id): notice for notice in items}
        self._tasks = await self._about(items)
        return kit.Page(items, total)

    async def _about(self, notices: Sequence[Notice]) -> dict[str, View]:
        """Return the tasks that these notices lead to and that are this person's, by address."""
        wanted = {task_id for notice in notices if (task_id := _task_of(notice))}
        if not wanted or not self._works():
            return {}
        tasks = await self._clinic.tasks.several(current_actor(), wanted)
        return {address_of(task): task for task in tasks.values()}

    def _row(self, notice: Notice) -> kit.Row:
        title, text = t(notice.title, **notice.values), t(notice.text, **notice.values)
        if task := self._tasks.get(notice.link):
            text = title_of(task)
        acts = () if notice.read else (kit.Act("read", t("notices.read"), "quiet"),)
        cell = kit.Cell(title, note=text, href=notice.link)
        return kit.Row(
            str(notice.id),
            {"title": cell, "at": kit.ago_cell(notice.at, now=self._clinic.clock.now())},
            name=title,
            acts=acts,
            tone="" if not notice.read else "off",
        )

    async def _act(self, key: str, name: str) -> None:
        if name == "read":
            await self._clinic.notices.mark_read(current_actor(), self._shown[key].id)
            await self.load()

    async def _read_all(self) -> None:
        await self._clinic.notices.mark_read(
            current_actor(), *(each.id for each in self._shown.values() if not each.read)
        )
        await self.load()


def _task_of(notice: Notice) -> UUID | None:
    """Return the task that a notice leads to."""
    _, _, task_id = notice.link.partition("/tasks?task=")
    return UUID(task_id) if task_id else None


def _register_inbox(clinic: Clinic, routes: Routes) -> None:
    @routes.page("/inbox", action=Action.INBOX_READ, title="nav.inbox")
    async def inbox_page() -> None:
        with frame("nav.inbox", active="/inbox"):
            kit.banner("info", t("inbox.sandbox"), t("inbox.sandbox_text"))
            words = kit.TableWords(
                t("nav.inbox"),
                total="inbox.total",
                empty_title=t("inbox.empty"),
                empty_text=t("inbox.empty_text"),
            )
            columns = [
                kit.Column("to", t("inbox.column.to"), phone="title"),
                kit.Column("text", t("inbox.column.text"), phone="plain"),
                kit.Column("at", t("inbox.column.at")),
            ]

            async def read(query: kit.Query) -> kit.Page[Caught]:
                items, total = await clinic.inbox.page(
                    current_actor(), offset=query.offset, limit=query.size
                )
                return kit.Page(items, total)

            def row(caught: Caught) -> kit.Row:
                return kit.Row(
                    caught.reference,
                    {
                        "to": kit.Cell(caught.address, note=t(f"channel.{caught.channel}")),
                        "text": kit.Cell(caught.subject or caught.text, note=caught.text),
                        "at": local(caught.at),
                    },
                    name=caught.address,
                )

            with kit.card(flush=True):
                table = kit.DataTable(columns, read, row, words)
        await table.load()
        on_event(clinic.bus, MessageQueued, do=table.load)
