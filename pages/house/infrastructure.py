"""What the basic standard asks of the machines and lines, and who says that it is so. (R-ORG-3)"""

from datetime import date

from pages import kit
from pages.session import current_actor
from pages.typed import typed_date
from pages.viewer import viewer
from pages.words import day, t
from services.clinic import Clinic
from services.infrastructure import Declaration, Item
from services.policy import Action

MET = {"yes": True, "no": False}


class InfrastructureList:
    """The items with what was declared, and the panel in which one is declared."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._declared: dict[str, Declaration] = {}

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        columns = [
            kit.Column("item", t("health.infrastructure.item"), phone="title"),
            kit.Column("state", t("health.infrastructure.state")),
            kit.Column("note", t("health.infrastructure.evidence")),
            kit.Column("day", t("health.infrastructure.day")),
        ]
        words = kit.TableWords(t("health.infrastructure_list"), total="health.infrastructure_total")
        with kit.card(flush=True) as self.card:
            self._table: kit.DataTable[Declaration] = kit.DataTable(
                columns, self._read, self._row, words, kit.Answers(open=self._open)
            )
        self._panel = kit.side_panel()

    async def load(self) -> None:
        """Bring the list up to date."""
        await self._table.load()

    async def _read(self, query: kit.Query) -> kit.Page[Declaration]:
        every = await self._clinic.infrastructure.page(current_actor())
        self._declared = {str(each.item): each for each in every}
        return kit.Page(every[query.offset : query.offset + query.size], len(every))

    def _row(self, declared: Declaration) -> kit.Row:
        named = t(f"infrastructure.{declared.item}")
        return kit.Row(
            str(declared.item),
            {
                "item": named,
                "state": _state(declared, self._clinic.clock.now().date()),
                "note": declared.note,
                "day": day(declared.evidence_on) if declared.evidence_on else "",
            },
            name=named,
            opens=True,
        )

    def _open(self, key: str) -> None:
        declared = self._declared[key]
        self._table.select_row(key)
        with self._panel.fill(t(f"infrastructure.{declared.item}")):
            self._fill(declared)

    def _fill(self, declared: Declaration) -> None:
        if not viewer().can(Action.INFRASTRUCTURE_DECLARE):
            kit.banner("info", t("health.infrastructure.not_yours"))
            return
        state = kit.select(
            t("health.infrastructure.state"),
            {"yes": t("health.infrastructure.met"), "no": t("health.infrastructure.unmet")},
            value="no" if declared.met is False else "yes",
        )
        note = kit.text_area(
            t("health.infrastructure.evidence"),
            value=declared.note,
            hint=t("health.infrastructure.note_hint"),
            required=True,
            length=300,
        )
        today = self._clinic.clock.now().date()
        evidence_on = kit.field(
            t("health.infrastructure.day"),
            value=(declared.evidence_on or today).isoformat(),
            content="date",
            required=True,
        )

        def complain(words: str) -> None:
            note.error = words

        async def declare() -> None:
            note.error = None
            with kit.told({"evidence_on": evidence_on}, into=lambda words, _: complain(words)):
                await self._clinic.infrastructure.declare(
                    current_actor(),
                    Item(declared.item),
                    met=MET.get(state.text, False),
                    note=note.text,
                    evidence_on=typed_date(evidence_on.text, "evidence_on"),
                )
                self._panel.close()
                kit.toast(t("health.infrastructure.done"))
                await self.load()

        kit.button("primary", t("health.infrastructure.declare"), declare)


def _state(declared: Declaration, today: date) -> kit.Cell:
    if declared.met is None:
        return kit.state_cell(t("health.infrastructure.unsaid"), "warn")
    if declared.met and declared.is_outdated(today):
        return kit.state_cell(t("health.infrastructure.outdated"), "warn")
    if declared.met:
        return kit.state_cell(t("health.infrastructure.met"), "ok")
    return kit.state_cell(t("health.infrastructure.unmet"), "warn")
