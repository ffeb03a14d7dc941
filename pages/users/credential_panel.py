"""The panel of one file: what was told, the papers, and the one act that is its reader's turn."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from pages import kit
from pages.kit.element import Html
from pages.session import current_actor
from pages.typed import typed_date
from pages.uploads import FileUpload
from pages.users import credential_parts as parts
from pages.viewer import viewer
from pages.words import t
from services.clinic import Clinic
from services.policy import Action
from services.uploads import Received
from services.users.clinicians import CredentialState, File
from services.users.credential_desk import Look
from services.users.credential_rules import RETURNABLE, STEPS

Reasoned = Callable[..., Awaitable[None]]


class CredentialPanel:
    """What can be seen and done about one file."""

    def __init__(
        self, clinic: Clinic, panel: kit.SidePanel, reload: Callable[[], Awaitable[None]]
    ) -> None:
        self._clinic = clinic
        self._review = clinic.credential_review
        self._panel = panel
        self._reload = reload
        self._extract: UUID | None = None

    async def show(self, clinician_id: UUID) -> None:
        """Read the file anew and fill the panel."""
        actor = current_actor()
        look = await self._clinic.credential_desk.look(actor, clinician_id)
        departments = await self._clinic.departments.all(actor, actor.home)
        file = look.file
        with self._panel.fill(file.name):
            kit.state(t(f"credential.state.{file.state}"), parts.tone_of(file.state))
            if file.reason and file.state is not CredentialState.ACTIVE:
                kit.banner("warn", t("credential.reason"), parts.why(file.reason))
            parts.facts_of(file, {each.id: each.name for each in departments})
            if look.missing:
                kit.heading(t("credential.missing"), 3)
                with Html("div", "rows"):
                    parts.checklist(look)
            self._papers(look)
            self._refused = Html("div")
            self._turn(file)
            self._stop(file)
            parts.history_of(look)

    def _papers(self, look: Look) -> None:
        if not look.file.papers:
            return
        kit.heading(t("credential.papers"), 3)
        with Html("div", "rows"):
            parts.papers_of(look)

    def _turn(self, file: File) -> None:
        """Offer the step that comes next, to whom it belongs."""
        step = next((each for each in STEPS[1:] if each.came_from is file.state), None)
        if step is not None and viewer().can(step.action):
            kit.heading(t(f"credential.step.{step.goes_to}"), 3)
            acts = {
                CredentialState.HR_VERIFIED: self._verify,
                CredentialState.MEDICAL_AFFAIRS_APPROVED: self._approve,
                CredentialState.CA_ISSUED: self._certify,
                CredentialState.REGULATOR_FILED: self._file,
                CredentialState.ACTIVE: self._activate,
            }
            acts[step.goes_to](file)
        if file.state in RETURNABLE and viewer().can(Action.CREDENTIAL_RETURN):
            give_back = partial(self._ask, file, "give_back", self._review.give_back)
            kit.button("line", t("credential.do.give_back"), give_back)

    def _verify(self, file: File) -> None:
        kit.paragraph(t("credential.verify_how"), "muted")
        FileUpload(t("credential.extract"), self._got, clinic=self._clinic)
        note = kit.text_area(t("credential.note"), value=t("credential.verify_note"), lines=2)

        async def verify() -> None:
            if self._extract is None:
                self._say(t("credential.extract_needed"), "")
                return
            await self._do(file, self._review.verify, self._extract, note.text)

        kit.button("primary", t("credential.do.verify"), verify)

    def _got(self, file: Received) -> None:
        self._extract = file.id

    def _approve(self, file: File) -> None:
        note = kit.text_area(t("credential.note"), lines=2)

        async def approve() -> None:
            await self._do(file, self._review.approve, note.text)

        kit.button("primary", t("credential.do.approve"), approve)

    def _certify(self, file: File) -> None:
        serial = kit.field(t("credential.certificate_serial"), required=True, complete="off")
        valid_to = kit.field(t("credential.certificate_valid_to"), content="date", required=True)

        async def certify() -> None:
            if kit.left_out(serial, valid_to):
                return
            with kit.told({"valid_to": valid_to}):
                day = typed_date(valid_to.text, "valid_to")
                await self._do(file, self._review.certify, serial.text, day)

        kit.button("primary", t("credential.do.certify"), certify)

    def _file(self, file: File) -> None:
        number = kit.field(t("credential.filing_number"), required=True, complete="off")

        async def tell() -> None:
            if not kit.left_out(number):
                await self._do(file, self._review.file, number.text)

        kit.button("primary", t("credential.do.file"), tell)

    def _activate(self, file: File) -> None:
        kit.paragraph(t("credential.activate_text"), "muted")
        kit.button("primary", t("credential.do.activate"), partial(self._begin, file))

    async def _begin(self, file: File) -> None:
        await self._do(file, self._review.activate)

    def _stop(self, file: File) -> None:
        """Offer to take the right away, or to give it back. (R-STF-5)"""
        can = viewer().can
        with kit.side_by_side():
            if file.state is CredentialState.ACTIVE and can(Action.CREDENTIAL_SUSPEND):
                suspend = partial(self._ask, file, "suspend", self._review.suspend)
                kit.button("stop", t("credential.do.suspend"), suspend)
            if file.state is CredentialState.SUSPENDED and can(Action.CREDENTIAL_RESUME):
                resume = partial(self._ask, file, "resume", self._review.resume)
                kit.button("primary", t("credential.do.resume"), resume)
            ends = file.state in (CredentialState.ACTIVE, CredentialState.SUSPENDED)
            if ends and can(Action.CREDENTIAL_SUSPEND):
                revoke = partial(self._ask, file, "revoke", self._review.revoke)
                kit.button("stop", t("credential.do.revoke"), revoke)

    async def _ask(self, file: File, act: str, do: Reasoned) -> None:
        """Ask for the reason, then do it."""
        answer = await kit.confirm(
            t(f"credential.do.{act}"),
            t(f"credential.consequence.{act}"),
            t(f"credential.do.{act}"),
            reason=t("credential.reason"),
            least=4,
        )
        if answer:
            await self._do(file, do, answer.reason)

    async def _do(self, file: File, act: Reasoned, *told_us: object) -> None:
        """Take a step; a refusal stands where the step was to be taken."""
        self._refused.clear()
        with kit.told(into=self._say):
            await act(current_actor(), file.id, *told_us)
            kit.toast(t("credential.done"))
            await self.show(file.id)
            await self._reload()

    def _say(self, sentence: str, code: str) -> None:
        self._refused.clear()
        with self._refused:
            kit.banner("bad", sentence, code=code)
