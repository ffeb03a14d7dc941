"""What one has agreed to, to read again and to take back with one tap. (知情同意)"""

from functools import partial

from nicegui import context

from pages import kit
from pages.kit.element import Html
from pages.nameplate import Nameplate
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import patient_frame
from pages.words import language, local, t
from services.clinic import Clinic
from services.policy import Action
from services.records.consents import ConsentKind, From, Given
from services.users.patients import Member

CONSENTS = "/consents"
FREE = (
    *(ConsentKind.SENSITIVE_DATA, ConsentKind.RECORDING, ConsentKind.THIRD_PARTIES),
    *(ConsentKind.FACE, ConsentKind.RESEARCH),
)
"""What may be given here as easily as it is taken back."""


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/consents`."""
    plate = Nameplate(clinic)

    @routes.page(CONSENTS, action=Action.CONSENT_GIVE, title="consents.title")
    async def consents_page() -> None:
        page = ConsentsPage(clinic, await clinic.patients.family(current_actor()))
        await page.load()
        with patient_frame("consents.title", back="/", phone=await plate.phone()):
            page.build()


class ConsentsPage:
    """One card a patient; each consent by itself."""

    def __init__(self, clinic: Clinic, family: list[Member]) -> None:
        self._clinic = clinic
        self._family = family

    async def load(self) -> None:
        """Read the words that hold now, and what stands."""
        actor = current_actor()
        self._words = await self._clinic.consents.words(actor, actor.home)
        self._given = {
            each.patient_id: await self._clinic.consents.given(actor, each.patient_id)
            for each in self._family
        }

    def build(self) -> None:
        """Make the elements, and show what there is."""
        self._list = Html("div", "stack")
        self._show()

    def _show(self) -> None:
        self._list.clear()
        with self._list:
            if not self._family:
                kit.empty(t("family.empty"), t("family.empty_text"))
            kit.paragraph(t("consents.why"), "muted")
            for member in self._family:
                with kit.card(member.name):
                    self._of(member)

    def _of(self, member: Member) -> None:
        standing = {
            each.kind: each
            for each in self._given[member.patient_id]
            if each.withdrawn_at is None and each.appointment_id is None
        }
        for kind in FREE:
            self._one(member, kind, standing.get(kind))

    def _one(self, member: Member, kind: ConsentKind, given: Given | None) -> None:
        with Html("details", "how"):
            Html("summary", text=t(f"consent.{kind}"))
            for line in self._words[kind].text(language()).split("\n"):
                kit.paragraph(line)
        with kit.side_by_side():
            if given is None:
                kit.state(t("consents.not_given"), "")
                kit.button("line", t("consents.give"), partial(self._give, member, kind))
            else:
                kit.state(t("consents.given", time=local(given.given_at)), "ok")
                kit.button("quiet", t("consents.withdraw"), partial(self._withdraw, given))

    async def _give(self, member: Member, kind: ConsentKind) -> None:
        with kit.told():
            kinds = {kind: self._words[kind].version}
            whence = From(device=context.client.request.headers.get("user-agent", ""))
            actor = current_actor()
            await self._clinic.consents.give(actor, member.patient_id, kinds, whence=whence)
            await self._again()

    async def _withdraw(self, given: Given) -> None:
        with kit.told():
            await self._clinic.consents.withdraw(current_actor(), given.id)
            await self._again()

    async def _again(self) -> None:
        await self.load()
        self._show()
