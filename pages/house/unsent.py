"""The list of messages that could not be sent, with the button that sends one again."""

from uuid import UUID

from pages import kit
from pages.session import current_actor
from pages.words import has, t
from services.clinic import Clinic
from services.templates import TEMPLATES
from services.undelivered import Unsent


class UnsentList:
    """A card of the page of deliveries."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._names: dict[str, str] = {}

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        columns = [
            kit.Column("what", t("unsent.column.what"), phone="title"),
            kit.Column("channel", t("unsent.column.channel")),
            kit.Column("reason", t("unsent.column.reason")),
            kit.Column("attempts", t("unsent.column.attempts"), end=True),
            kit.Column("queued", t("unsent.column.queued")),
        ]
        words = kit.TableWords(
            t("unsent.title"),
            total="unsent.total",
            search=t("unsent.search"),
            empty_title=t("unsent.empty"),
            empty_text=t("unsent.empty_text"),
        )
        with kit.card(t("unsent.title"), flush=True):
            self._table: kit.DataTable[Unsent] = kit.DataTable(
                columns, self._read, self._row, words, kit.Answers(act=self._act)
            )

    async def load(self) -> None:
        """Bring the list up to date."""
        await self._table.load()

    async def _read(self, query: kit.Query) -> kit.Page[Unsent]:
        items, total = await self._clinic.undelivered.page(
            current_actor(), search=query.search, offset=query.offset, limit=query.size
        )
        return kit.Page(items, total)

    def _row(self, unsent: Unsent) -> kit.Row:
        template = TEMPLATES.get(unsent.template)
        name = t(template.title) if template else unsent.template
        self._names[str(unsent.id)] = name
        reason, now = f"error.{unsent.reason}", self._clinic.clock.now()
        why = t(reason) if has(reason) and "{" not in t(reason) else unsent.reason
        obstacle = t(f"error.{unsent.obstacle}") if unsent.obstacle else ""
        return kit.Row(
            str(unsent.id),
            {
                "what": kit.Cell(name, note=obstacle or str(unsent.id)[-12:]),
                "channel": t(f"channel.{unsent.channel}"),
                "reason": kit.state_cell(why, "bad"),
                "attempts": str(unsent.attempts),
                "queued": kit.ago_cell(unsent.queued_at, now=now),
            },
            name=name,
            acts=() if obstacle else (kit.Act("resend", t("unsent.resend")),),
        )

    async def _act(self, key: str, name: str) -> None:
        if name != "resend":
            return
        what = t("unsent.resend_what", what=self._names.get(key, ""))
        if await kit.confirm(t("unsent.resend_title"), what, t("unsent.resend")):
            await self._clinic.undelivered.resend(current_actor(), UUID(key))
            self._table.drop(key)
            kit.toast(t("unsent.resent"))
            await self.load()
