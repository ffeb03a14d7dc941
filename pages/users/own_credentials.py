"""A clinician's own file of credentials: told once, papers added, handed in. (资质档案, R-STF-1)"""

from datetime import date
from functools import partial
from uuid import UUID

from nicegui.events import ValueChangeEventArguments

from pages import kit
from pages.kit.element import Html
from pages.kit.fields import Checkbox
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.typed import typed_date
from pages.uploads import FileUpload
from pages.users import credential_parts as parts
from pages.words import t
from services.clinic import Clinic
from services.events import ClinicianActivated, ClinicianSuspended
from services.policy import Action
from services.uploads import Received
from services.users.clinicians import CredentialState, Details, File, Paper, PaperKind, Profession
from services.users.credential_desk import Look
from services.users.credential_rules import professions_of
from services.users.departments import DepartmentView

MINE = "/credentials/mine"
DATES = ("licence_valid_to", "practising_since")
ASKED = (
    *("name", "identity", "licence", "licence_valid_to", "title", "qualification"),
    *("category", "scope", "practising_since", "main_institution"),
)
NEEDED = frozenset({"name", "licence", "licence_valid_to"})


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/credentials/mine`."""

    @routes.page(MINE, action=Action.CREDENTIAL_KEEP, title="nav.own_credentials")
    async def own_credentials_page() -> None:
        page = OwnCredentialsPage(clinic)
        with frame("nav.own_credentials", active=MINE):
            page.build()
        await page.load()
        on_event(clinic.bus, ClinicianActivated, ClinicianSuspended, do=page.load)


class OwnCredentialsPage:
    """What one tells at one side; papers, what is missing and how far it is at the other."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._professions = professions_of(current_actor())
        self._profession = self._professions[0]
        self._look: Look | None = None

    def build(self) -> None:
        """Make the places; `load` fills them."""
        self._top = Html("div", "stack")
        with kit.halves():
            self._left = Html("div", "stack")
            self._right = Html("div", "stack")

    async def load(self) -> None:
        """Read the file anew and show it."""
        actor = current_actor()
        files = await self._clinic.clinician_files.mine(actor)
        mine = next((each for each in files if each.profession is self._profession), None)
        self._look = await self._clinic.credential_desk.look(actor, mine.id) if mine else None
        self._departments = await self._clinic.departments.all(actor, actor.home)
        self._house = await self._clinic.institutions.read(actor)
        for place, fill in (
            (self._top, self._show_state),
            (self._left, self._show_file),
            (self._right, self._show_progress),
        ):
            place.clear()
            with place:
                fill()

    def _show_state(self) -> None:
        if len(self._professions) > 1:
            choices = [kit.Choice(each, t(f"profession.{each}")) for each in self._professions]
            label = t("credential.profession")
            kit.segments(label, choices, value=self._profession, on_change=self._switch)
        if self._look is None:
            return
        file = self._look.file
        if reason := parts.given_back(file):
            kit.banner("warn", t("credential.given_back"), reason)
        elif file.state is CredentialState.SUSPENDED:
            reason = file.steps[-1].note if file.steps else ""
            kit.banner("bad", t("credential.state.suspended"), parts.why(reason))

    async def _switch(self, event: ValueChangeEventArguments[str]) -> None:
        self._profession = Profession(event.value)
        await self.load()

    def _show_file(self) -> None:
        file = self._look.file if self._look else None
        if file is None or file.state is CredentialState.DRAFT:
            self._form(file)
            return
        with kit.card(t("credential.told")):
            parts.facts_of(file, {each.id: each.name for each in self._departments})
            if file.state in (CredentialState.ACTIVE, CredentialState.SUSPENDED):
                kit.button("line", t("credential.revise"), partial(self._revise, file))

    def _form(self, file: File | None) -> None:
        with kit.card(t("credential.told")), kit.form():
            fields = {name: self._field(name, file) for name in ASKED}
            words = file.introduction if file else ""
            hint = t("credential.introduction_hint")
            introduction = kit.text_area(t("credential.introduction"), value=words, hint=hint)
            chosen = file.department_ids if file else frozenset()
            boxes = self._boxes(chosen)

            async def save() -> None:
                if kit.left_out(*fields.values()):
                    return
                with kit.told(fields):
                    typed = {name: each.text for name, each in fields.items()}
                    details = self._details(typed, introduction.text, boxes)
                    version = file.version if file else 0
                    actor = current_actor()
                    await self._clinic.clinician_files.keep(actor, details, version)
                    kit.toast(t("credential.saved"))
                    await self.load()

            kit.button("primary", t("credential.save"), save)

    def _field(self, name: str, file: File | None) -> kit.Field:
        value = getattr(file, name, "") if file else ""
        if name == "main_institution" and file is None:
            value = self._house.details.name
        said = value.isoformat() if isinstance(value, date) else str(value or "")
        known = name == "identity" and file is not None
        return kit.field(
            t(f"credential.{name}"),
            value=said,
            content="date" if name in DATES else "text",
            required=name in NEEDED or (name == "identity" and file is None),
            hint=t("credential.identity_known") if known else "",
            complete="off",
        )

    def _boxes(self, chosen: frozenset[UUID]) -> dict[UUID, Checkbox]:
        with Html("fieldset", "stack-2"):
            Html("legend", text=t("credential.departments"))
            if not self._departments:
                kit.paragraph(t("credential.no_departments"), "muted")
            return {each.id: _box(each, chosen) for each in self._departments}

    def _details(
        self, typed: dict[str, str], introduction: str, boxes: dict[UUID, Checkbox]
    ) -> Details:
        return Details(
            profession=self._profession,
            name=typed["name"],
            identity=typed["identity"],
            licence=typed["licence"],
            licence_valid_to=_day(typed, "licence_valid_to"),
            qualification=typed["qualification"],
            title=typed["title"],
            category=typed["category"],
            scope=typed["scope"],
            practising_since=_day(typed, "practising_since"),
            main_institution=typed["main_institution"],
            introduction=introduction,
            department_ids=frozenset(key for key, box in boxes.items() if box.value),
        )

    def _show_progress(self) -> None:
        if self._look is None:
            with kit.card(t("credential.begin")):
                kit.paragraph(t("credential.begin_text"))
            return
        look, is_draft = self._look, self._look.file.state is CredentialState.DRAFT
        with kit.card(t("credential.state")):
            state = look.file.state
            kit.state(t(f"credential.state.{state}"), parts.tone_of(state))
            if is_draft and not look.missing:
                kit.paragraph(t("credential.complete"), "muted")
                kit.button("primary", t("credential.submit"), self._submit)
            parts.history_of(look)
        if look.missing:
            with kit.card(t("credential.missing"), flush=True), Html("div", "rows"):
                parts.checklist(look)
        if look.file.papers:
            with kit.card(t("credential.papers"), flush=True), Html("div", "rows"):
                parts.papers_of(look, self._remover if is_draft else None)
        if is_draft:
            self._uploads(look)

    def _uploads(self, look: Look) -> None:
        with kit.card(t("credential.add_papers")), Html("div", "stack"):
            for kind in (*look.needed, *parts.kinds_beside(look)):
                label = t("credential.add_paper", what=t(f"paper.{kind}"))
                FileUpload(label, partial(self._add, kind), clinic=self._clinic)

    def _remover(self, paper: Paper) -> None:
        label = t("credential.paper_remove", what=t(f"paper.{paper.kind}"))
        kit.icon_button("bin", label, partial(self._remove, paper.id))

    async def _add(self, kind: PaperKind, file: Received) -> None:
        with kit.told():
            if self._look is not None:
                mine = self._look.file.id
                files = self._clinic.clinician_files
                await files.add_paper(current_actor(), mine, kind, file.id)
                await self._show_papers()

    async def _remove(self, paper_id: UUID) -> None:
        await self._clinic.clinician_files.remove_paper(current_actor(), paper_id)
        await self._show_papers()

    async def _show_papers(self) -> None:
        """Bring the right side up to date; what is being typed at the left stays."""
        if self._look is None:
            return
        actor, mine = current_actor(), self._look.file.id
        self._look = await self._clinic.credential_desk.look(actor, mine)
        self._right.clear()
        with self._right:
            self._show_progress()

    async def _submit(self) -> None:
        if self._look is not None:
            await self._clinic.credential_review.submit(current_actor(), self._look.file.id)
            kit.toast(t("credential.submitted"))
            await self.load()

    async def _revise(self, file: File) -> None:
        answer = await kit.confirm(
            t("credential.revise"), t("credential.revise_text"), t("credential.revise_do")
        )
        if answer:
            await self._clinic.credential_review.revise(current_actor(), file.id)
            await self.load()


def _box(department: DepartmentView, chosen: frozenset[UUID]) -> Checkbox:
    return kit.checkbox(department.name, value=department.id in chosen)


def _day(typed: dict[str, str], name: str) -> date | None:
    return typed_date(typed[name], name) if typed[name] else None
