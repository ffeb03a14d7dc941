"""The departments of the licence: opened from the national catalogue, closed again. (R-ORG-2)"""

from pages import kit
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.words import t
from services.clinic import Clinic
from services.policy import Action
from services.users.departments import DepartmentView, catalogue

DEPARTMENTS = "/departments"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/departments`."""

    @routes.page(DEPARTMENTS, action=Action.DEPARTMENT_CHANGE, title="nav.departments")
    async def departments_page() -> None:
        page = DepartmentsPage(clinic)
        with frame("nav.departments", active=DEPARTMENTS) as surroundings:
            with surroundings.slot:
                kit.button("primary", t("department.add"), page.ask_new, icon="plus")
            page.build()
        surroundings.shortcut("n", "department.add", page.ask_new)
        await page.load()


class DepartmentsPage:
    """The list and the panel of one department."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._known: dict[str, DepartmentView] = {}

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        kit.paragraph(t("department.why"), "muted")
        columns = [
            kit.Column("name", t("department.name"), phone="title"),
            kit.Column("code", t("department.code")),
            kit.Column("kind", t("department.kind"), phone="plain"),
            kit.Column("online", t("department.online")),
        ]
        words = kit.TableWords(
            t("nav.departments"),
            total="department.total",
            empty_title=t("department.empty"),
            empty_text=t("department.empty_text"),
        )
        with kit.card(flush=True):
            self._table: kit.DataTable[DepartmentView] = kit.DataTable(
                columns, self._read, self._row, words, kit.Answers(open=self._open)
            )
        self._panel = kit.side_panel()

    async def load(self) -> None:
        """Bring the list up to date."""
        await self._table.load()

    async def _read(self, query: kit.Query) -> kit.Page[DepartmentView]:
        actor = current_actor()
        rows = await self._clinic.departments.all(actor, actor.home)
        self._known = {str(each.id): each for each in rows}
        return kit.Page(rows[query.offset : query.offset + query.size], len(rows))

    def _row(self, department: DepartmentView) -> kit.Row:
        children: tuple[tuple[str, kit.Tone], ...] = ((t("department.pediatric"), "info"),)
        online = kit.state_cell(t("department.is_online"), "ok")
        return kit.Row(
            str(department.id),
            {
                "name": department.name,
                "code": department.code,
                "kind": kit.tags_cell(*(children if department.is_pediatric else ())),
                "online": online
                if department.is_online
                else kit.state_cell(t("department.not_online")),
            },
            name=department.name,
            opens=True,
        )

    def _open(self, key: str) -> None:
        self._table.select_row(key)
        department = self._known[key]
        with self._panel.fill(department.name):
            kit.facts([(t("department.code"), department.code)])
            name = kit.field(t("department.name"), value=department.name, required=True)
            online = kit.checkbox(t("department.offer"), value=department.is_online)

            async def save() -> None:
                if kit.left_out(name):
                    return
                with kit.told({"name": name}):
                    await self._clinic.departments.change(
                        current_actor(),
                        department.id,
                        name.text,
                        department.version,
                        is_online=online.value,
                    )
                    await self._after("department.saved")

            with kit.side_by_side():
                kit.button("primary", t("department.save"), save)
                kit.button("stop", t("department.close"), lambda: self._close(department))

    async def _close(self, department: DepartmentView) -> None:
        answer = await kit.confirm(
            t("department.close"), t("department.close_text"), t("department.close")
        )
        if answer:
            actor = current_actor()
            await self._clinic.departments.close(actor, department.id, department.version)
            await self._after("department.closed")

    def ask_new(self) -> None:
        """Ask which of the catalogue's departments the licence names."""
        there = {each.code for each in self._known.values()}
        entries = [each for each in catalogue().values() if each.code not in there]
        with self._panel.fill(t("department.add")):
            choices = {each.code: f"{each.code} {each.name}" for each in entries}
            code = kit.select(
                t("department.from_catalogue"),
                {"": t("department.choose"), **choices},
                required=True,
            )
            name = kit.field(t("department.own_name"), hint=t("department.own_name_hint"))

            async def add() -> None:
                if kit.left_out(code):
                    return
                with kit.told({"name": name}):
                    await self._clinic.departments.add(current_actor(), code.text, name.text)
                    await self._after("department.added")

            kit.button("primary", t("department.add"), add)

    async def _after(self, said: str) -> None:
        self._panel.close()
        kit.toast(t(said))
        await self.load()
