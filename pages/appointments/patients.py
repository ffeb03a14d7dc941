"""The register at the counter: find somebody, register, look at the document, book. (导诊台)"""

from functools import partial

from pages import kit
from pages.appointments.book_for import BookFor
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.users.particulars_form import ParticularsForm, sex_and_age
from pages.words import day, local, t
from services.appointments.visits import Visit
from services.clinic import Clinic
from services.policy import Action
from services.users.patient_register import Registered

PATIENTS = "/patients"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/patients`."""

    @routes.page(PATIENTS, action=Action.PATIENT_FIND, title="nav.patients")
    async def patients_page() -> None:
        page = PatientsPage(clinic)
        with frame("nav.patients", active=PATIENTS) as surroundings:
            with surroundings.slot:
                kit.button("primary", t("register.add"), page.ask_new, icon="plus")
            page.build()
        surroundings.shortcut("n", "register.add", page.ask_new)


class PatientsPage:
    """One field to look for somebody, who was found, and the panel of one of them."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._found: dict[str, Registered] = {}

    def build(self) -> None:
        """Make the elements; nobody is shown before somebody is looked for."""
        with kit.form(), kit.side_by_side():
            self._words = kit.field(
                t("register.search"), hint=t("register.search_hint"), length=50, complete="off"
            )
            self._words.on("keydown.enter", self._search)
            kit.button("line", t("register.find"), self._search)
        columns = [
            kit.Column("name", t("family.name"), phone="title"),
            kit.Column("person", t("family.sex_and_age")),
            kit.Column("number", t("family.number")),
            kit.Column("phone", t("family.phone")),
            kit.Column("state", t("register.identity")),
        ]
        words = kit.TableWords(
            t("nav.patients"),
            total="register.total",
            empty_title=t("register.none"),
            empty_text=t("register.none_text"),
        )
        with kit.card(flush=True) as self._results:
            self._table: kit.DataTable[Registered] = kit.DataTable(
                columns, self._page, self._row, words, kit.Answers(open=self._open)
            )
        self._results.set_visibility(False)
        self._panel = kit.side_panel()

    async def _search(self) -> None:
        self._panel.close()
        with kit.told(into=lambda words, _: setattr(self._words, "error", words)):
            await self._look(self._words.text)
            self._results.set_visibility(True)

    async def _look(self, words: str) -> None:
        found = await self._clinic.patient_register.find(current_actor(), words)
        self._found = {str(each.patient_id): each for each in found}
        await self._table.load()

    async def _page(self, query: kit.Query) -> kit.Page[Registered]:
        rows = list(self._found.values())
        return kit.Page(rows[query.offset : query.offset + query.size], len(rows))

    def _row(self, person: Registered) -> kit.Row:
        return kit.Row(
            str(person.patient_id),
            {
                "name": person.name,
                "person": sex_and_age(person),
                "number": kit.Cell(person.number, note=t(f"document.{person.document}")),
                "phone": person.phone or "-",
                "state": kit.state_cell(t("family.verified"), "ok")
                if person.is_verified
                else kit.state_cell(t("family.unverified"), "warn"),
            },
            name=person.name,
            opens=True,
        )

    async def _open(self, key: str) -> None:
        self._table.select_row(key)
        await self._show(self._found[key])

    async def _show(self, person: Registered) -> None:
        actor = current_actor()
        visits = await self._clinic.visits.coming(actor, person.patient_id)
        banned = await self._clinic.visits.banned_until(actor, person.patient_id)
        has_account = t("register.account.yes") if person.has_account else t("register.account.no")
        with self._panel.fill(person.name):
            kit.facts(
                [
                    (t("family.sex_and_age"), sex_and_age(person)),
                    (t("family.born"), day(person.birth_date)),
                    (t(f"document.{person.document}"), person.number),
                    (t("family.phone"), person.phone or "-"),
                    (t("register.account"), has_account),
                ]
            )
            if banned is not None:
                kit.banner("warn", t("register.banned", day=local(banned)))
            if not person.is_verified:
                self._identity(person)
            if visits:
                kit.heading(t("register.coming"), 3)
                for visit in visits:
                    self._visit(person, visit)
            if person.is_verified and banned is None:
                kit.heading(t("register.book"), 3)
                await BookFor(self._clinic, person, partial(self._again, person)).build()
            if person.is_verified:
                self._identity(person)

    def _identity(self, person: Registered) -> None:
        kit.heading(t("register.identity"), 3)
        if not person.is_verified:
            kit.paragraph(t("register.verify_why"), "muted small")
        with kit.side_by_side():
            kit.button(
                "line" if person.is_verified else "primary",
                t("register.matches"),
                lambda: self._compared(person, matches=True),
            )
            kit.button(
                "quiet", t("register.differs"), partial(self._compared, person, matches=False)
            )
        if person.is_verified:
            phone = kit.field(
                t("register.new_phone"),
                content="tel",
                mode="numeric",
                hint=t("register.new_phone_hint"),
            )

            async def keep() -> None:
                if kit.left_out(phone):
                    return
                with kit.told(into=lambda words, _: setattr(phone, "error", words)):
                    await self._clinic.patient_register.reach(
                        current_actor(), person.patient_id, phone.text, person.version
                    )
                    await self._again(person, "register.phone_kept")

            kit.button("line", t("register.keep_phone"), keep)

    async def _compared(self, person: Registered, *, matches: bool) -> None:
        actor = current_actor()
        await self._clinic.real_name.verify_at_counter(actor, person.patient_id, matches=matches)
        await self._again(person, "register.compared" if matches else "register.differs_kept")

    def _visit(self, person: Registered, visit: Visit) -> None:
        note = f"{visit.department} {visit.clinician} {t(f'appointment.{visit.state}')}"
        kit.line(local(visit.starts_at, now=self._clinic.clock.now()), note, icon="calendar")

        async def cancel() -> None:
            answer = await kit.confirm(
                t("register.cancel"),
                t("register.cancel_text", time=local(visit.starts_at)),
                t("register.cancel"),
            )
            if answer:
                await self._clinic.booking.cancel(current_actor(), visit.id)
                await self._again(person, "register.cancelled")

        kit.button("stop", t("register.cancel"), cancel)

    async def _again(self, person: Registered, said: str) -> None:
        """Show the same person as they stand now, and say what was done."""
        kit.toast(t(said))
        fresh = await self._clinic.patient_register.one(current_actor(), person.patient_id)
        if str(fresh.patient_id) in self._found:
            self._found[str(fresh.patient_id)] = fresh
            await self._table.load()
        await self._show(fresh)

    def ask_new(self) -> None:
        """Ask for what is needed to register somebody."""
        with self._panel.fill(t("register.add")):
            kit.paragraph(t("register.add_why"), "muted small")
            form = ParticularsForm()
            phone = kit.field(t("family.phone"), content="tel", mode="numeric", required=True)

            async def enter() -> None:
                if kit.left_out(form.name, form.number, phone):
                    return
                with kit.told(into=lambda words, _: setattr(form.number, "error", words)):
                    new = form.told(phone=phone.text)
                    actor = current_actor()
                    key = await self._clinic.patient_register.enter(actor, new)
                    fresh = await self._clinic.patient_register.one(actor, key)
                    await self._entered(fresh)

            kit.button("primary", t("register.add"), enter)

    async def _entered(self, person: Registered) -> None:
        kit.toast(t("register.added"))
        self._found = {str(person.patient_id): person}
        self._results.set_visibility(True)
        await self._table.load()
        self._table.select_row(str(person.patient_id))
        await self._show(person)
