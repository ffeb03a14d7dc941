"""Getting ready for a visit: one step at a time, what is known filled in. (诊前准备)"""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from nicegui import context

from data.errors import Invalid
from pages import kit
from pages.kit.buttons import Press
from pages.kit.element import Html
from pages.kit.fields import Checkbox
from pages.nameplate import Nameplate
from pages.records.device_test import DeviceTest
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import action_bar, patient_frame
from pages.typed import typed_date
from pages.uploads import FileUpload
from pages.words import day, language, t
from services.clinic import Clinic
from services.policy import Action
from services.records.consents import ConsentKind, From
from services.records.evidence import NewEvidence
from services.records.preparation import PreparationView, RedFlags
from services.records.red_flags import groups, red_flags
from services.uploads import Received

PREPARE = "/prepare/{appointment_id}"
CALL = "btn btn--stop btn--block btn--lg"
ORDER = ("red_flags", "complaint", "evidence", "consents", "whereabouts", "devices")


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/prepare/{appointment_id}`."""
    plate = Nameplate(clinic)

    @routes.page(PREPARE, action=Action.EVIDENCE_KEEP, title="prepare.title")
    async def prepare_page(appointment_id: UUID) -> None:
        page = PreparePage(clinic, appointment_id, phone=await plate.phone())
        await page.load()
        back = f"/visits/{appointment_id}"
        with patient_frame("prepare.title", back=back, phone=await plate.phone()):
            page.build()


class PreparePage:
    """The present step in a card; what is done in lines above it, each of which opens again."""

    def __init__(self, clinic: Clinic, appointment_id: UUID, *, phone: str) -> None:
        self._clinic = clinic
        self._id = appointment_id
        self._phone = phone
        self._step = ""
        self._taps = 0
        self._photos: list[UUID] = []
        self._proof: UUID | None = None

    async def load(self) -> None:
        """Read how far it is."""
        actor = current_actor()
        self._view: PreparationView = await self._clinic.preparations.of(actor, self._id)
        self._evidences = await self._clinic.evidences.of(actor, self._view.patient_id)
        self._words = await self._clinic.consents.words(actor, actor.home)
        self._photos = [UUID(photo) for photo in self._view.photos]
        open_ = [step for step in ORDER if step in self._view.missing]
        self._step = open_[0] if open_ else ""

    def build(self) -> None:
        """Make the elements, and show the present step."""
        self._list = Html("div", "stack")
        with action_bar():
            self._bar = Html("div", "actionbar__row")
        self._show()

    async def _again(self) -> None:
        await self.load()
        self._show()

    def _open(self, step: str) -> None:
        self._taps += 1
        self._step = step
        self._show()

    def _show(self) -> None:
        self._list.clear()
        self._bar.clear()
        if self._view.red_flags is RedFlags.FOUND:
            self._emergency()
            return
        with self._list:
            kit.paragraph(t("prepare.why"), "muted")
            for step in ORDER:
                if step == "devices" and not self._view.needs_devices:
                    continue
                if step == self._step:
                    with kit.card(t(f"prepare.{step}"), lift=True):
                        getattr(self, f"_{step}")()
                elif step not in self._view.missing:
                    self._done(step)
                else:
                    kit.line(t(f"prepare.{step}"), t("prepare.to_do"), icon="p0")
        if not self._step:
            with self._bar:
                href = f"/visits/{self._id}"
                kit.link_button("go", t("prepare.ready"), href, block=True, large=True)

    def _done(self, step: str) -> None:
        with Html("div", "done-step"):
            kit.line(t(f"prepare.{step}"), self._said(step), icon="ok")
            kit.button("quiet", t("prepare.change"), partial(self._open, step))

    def _said(self, step: str) -> str:
        """Return in a few words what was told."""
        view = self._view
        if step == "complaint":
            return view.complaint
        if step == "evidence":
            known = next((each for each in self._evidences if each.id == view.evidence_id), None)
            return f"{day(known.day)} {known.diagnosis}" if known else ""
        if step == "whereabouts":
            return f"{view.where_now} {view.call_back}"
        return t(f"prepare.{step}_done")

    def _emergency(self) -> None:
        """Somebody has named a sign of danger: 120 and the nearest emergency department."""
        with self._list:
            kit.banner("bad", t("emergency.title_patient"), t("error.red_flag_found"))
            with kit.card(flush=True), Html("div", "rows"):
                for code in self._view.flags:
                    kit.line(red_flags()[code].texts[language()], icon="alert", tone="bad")
                if self._phone:
                    note = t("prepare.nearest_note")
                    kit.line(t("prepare.nearest"), note, icon="building", href=f"tel:{self._phone}")
            kit.paragraph(t("prepare.mistake"), "muted")
        with self._bar:
            Html("a", CALL, t("prepare.call_120"), href="tel:120")

    def _red_flags(self) -> None:
        kit.paragraph(t("prepare.red_flags_ask"))
        boxes: dict[str, Checkbox] = {}
        for group, flags in groups().items():
            with Html("details", "how"):
                Html("summary", text=t(f"flags.{group}"))
                for flag in flags:
                    boxes[flag.code] = kit.checkbox(flag.texts[language()])

        async def answer() -> None:
            chosen = [code for code, box in boxes.items() if box.value]
            await self._keep(self._clinic.preparations.answer, chosen)

        def follow() -> None:
            some = any(box.value for box in boxes.values())
            button.set_text(t("prepare.some") if some else t("prepare.none"))

        with self._bar:
            button = kit.button("go", t("prepare.none"), answer, block=True, large=True)
        for box in boxes.values():
            box.on_value_change(follow)

    def _complaint(self) -> None:
        words = kit.text_area(
            t("prepare.complaint_label"),
            value=self._view.complaint,
            lines=3,
            hint=t("prepare.complaint_hint"),
        )
        site = kit.field(t("prepare.site"), value=self._view.body_site)
        FileUpload(
            t("prepare.photos"),
            lambda file: self._photos.append(file.id),
            clinic=self._clinic,
            patient_id=self._view.patient_id,
            many=True,
        )

        async def keep() -> None:
            await self._keep(
                self._clinic.preparations.describe, words.text, site.text, list(self._photos)
            )

        self._go_on(keep)

    def _evidence(self) -> None:
        kit.paragraph(t("prepare.evidence_why"), "muted")
        for known in self._evidences:
            title = f"{day(known.day)} {known.diagnosis}"
            kit.button("soft", title, partial(self._use, known.id), block=True)
        kit.heading(t("prepare.evidence_new"), 3)
        where = kit.field(t("prepare.evidence_where"))
        when = kit.field(t("prepare.evidence_day"), content="date")
        what = kit.field(t("prepare.evidence_what"))
        number = kit.field(t("prepare.evidence_number"), hint=t("prepare.evidence_number_hint"))
        FileUpload(
            t("prepare.evidence_photo"),
            self._got_proof,
            clinic=self._clinic,
            patient_id=self._view.patient_id,
        )

        async def keep() -> None:
            with kit.told():
                on = typed_date(when.text, "day")
                new = NewEvidence(where.text, on, what.text, self._proof, his_visit=number.text)
                actor = current_actor()
                added = await self._clinic.evidences.add(actor, self._view.patient_id, new)
                await self._use(added)

        self._go_on(keep)

    def _got_proof(self, file: Received) -> None:
        self._proof = file.id

    async def _use(self, evidence_id: UUID) -> None:
        await self._keep(self._clinic.preparations.use_evidence, evidence_id)

    def _consents(self) -> None:
        boxes: dict[ConsentKind, Checkbox] = {}
        for kind in self._view.consents:
            with Html("details", "how"):
                Html("summary", text=t(f"consent.{kind}"))
                for line in self._words[kind].text(language()).split("\n"):
                    kit.paragraph(line)
            boxes[kind] = kit.checkbox(t("consent.agree", what=t(f"consent.{kind}")))

        async def agree() -> None:
            with kit.told():
                if not all(box.value for box in boxes.values()):
                    raise Invalid("consent_each")
                kinds = {kind: self._words[kind].version for kind in boxes}
                actor = current_actor()
                whence = From(device=context.client.request.headers.get("user-agent", ""))
                patient_id = self._view.patient_id
                await self._clinic.consents.give(actor, patient_id, kinds, self._id, whence)
                await self._clinic.preparations.settle(actor, self._id, self._counted())
                await self._again()

        self._go_on(agree)

    def _whereabouts(self) -> None:
        kit.paragraph(t("prepare.where_why"), "muted")
        where = kit.field(t("prepare.where"), value=self._view.where_now)
        phone = kit.field(t("prepare.call_back"), value=self._view.call_back, mode="tel")

        async def keep() -> None:
            await self._keep(self._clinic.preparations.locate, where.text, phone.text)

        self._go_on(keep)

    def _devices(self) -> None:
        kit.paragraph(t("prepare.devices_why"), "muted")

        async def result(outcome: str, report: dict[str, object]) -> None:
            await self._keep(self._clinic.preparations.test_devices, outcome, report)

        async def skip() -> None:
            await result("skipped", {})

        DeviceTest(result)
        with self._bar:
            kit.button("line", t("device.skip"), skip, block=True, large=True)

    def _go_on(self, do: Press) -> None:
        with self._bar:
            kit.button("go", t("prepare.next"), do, block=True, large=True)

    def _counted(self) -> int:
        self._taps, taps = 0, self._taps + 1
        return taps

    async def _keep(self, use_case: Callable[..., Awaitable[None]], *told_us: object) -> None:
        """Tell the service, with what it took, and go to the next step."""
        with kit.told():
            await use_case(current_actor(), self._id, *told_us, taps=self._counted())
            await self._again()
