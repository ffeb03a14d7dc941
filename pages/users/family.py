"""Oneself and one's family: who is registered, whose identity is sure, one more. (就诊人)"""

from functools import partial

from nicegui import ui

from data.errors import DomainError
from pages import kit
from pages.kit.element import Html
from pages.nameplate import Nameplate
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import action_bar, patient_frame
from pages.users.particulars_form import ParticularsForm, sex_and_age
from pages.words import day, t
from services.clinic import Clinic
from services.policy import Action
from services.users.patients import Member, NewPatient, Relation
from services.users.real_name import IdentityOutcome

FAMILY = "/family"
ADD = "/family/add"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/family` and `/family/add`."""
    plate = Nameplate(clinic)

    @routes.page(FAMILY, action=Action.PATIENT_READ, title="family.title")
    async def family_page() -> None:
        members = await clinic.patients.family(current_actor())
        with patient_frame("family.title", back="/", phone=await plate.phone()):
            FamilyPage(clinic).build(members)

    @routes.page(ADD, action=Action.PATIENT_REGISTER, title="family.add")
    async def add_page() -> None:
        members = await clinic.patients.family(current_actor())
        has_self = any(each.relation is Relation.SELF for each in members)
        title = "family.add" if has_self else "family.add_self"
        with patient_frame(title, back=FAMILY, phone=await plate.phone()):
            AddPage(clinic, has_self=has_self).build()


class FamilyPage:
    """One card a person."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    def build(self, members: list[Member]) -> None:
        """Show everybody, oneself first."""
        self._list = Html("div", "stack")
        self._show(members)
        has_self = any(each.relation is Relation.SELF for each in members)
        with action_bar():
            word = t("family.add") if has_self else t("family.add_self")
            kit.link_button("primary", word, ADD, icon="plus", block=True, large=True)

    def _show(self, members: list[Member]) -> None:
        self._list.clear()
        with self._list:
            if not members:
                kit.empty(t("family.empty"), t("family.empty_text"))
            for member in members:
                self._card(member)

    def _card(self, member: Member) -> None:
        with kit.card():
            with kit.side_by_side():
                kit.heading(member.name)
                kit.tag(t(f"relation.{member.relation}"), "")
                if member.is_verified:
                    kit.state(t("family.verified"), "ok")
                else:
                    kit.state(t("family.unverified"), "warn")
            kit.facts(
                [
                    (t("family.sex_and_age"), sex_and_age(member)),
                    (t("family.born"), day(member.birth_date)),
                    (t(f"document.{member.document}"), member.number),
                    (t("family.phone"), member.phone or "-"),
                ]
            )
            if not member.is_verified:
                kit.button("primary", t("family.verify"), partial(self._verify, member))
                kit.paragraph(t("family.verify_why"), "muted small")
            if member.relation is not Relation.SELF:
                kit.button("quiet", t("family.leave"), partial(self._leave, member))

    async def _verify(self, member: Member) -> None:
        outcome = await self._clinic.real_name.verify(current_actor(), member.patient_id)
        await self._again()
        matches = outcome is IdentityOutcome.MATCH
        kit.toast(t("family.verified_now") if matches else t("family.differs"))

    async def _leave(self, member: Member) -> None:
        title = t("family.leave_title", name=member.name)
        if await kit.confirm(title, t("family.leave_text"), t("family.leave")):
            await self._clinic.patients.leave(current_actor(), member.patient_id)
            await self._again()

    async def _again(self) -> None:
        self._show(await self._clinic.patients.family(current_actor()))


class AddPage:
    """The form for one person more; who is known here is added with a code from their phone."""

    def __init__(self, clinic: Clinic, *, has_self: bool) -> None:
        self._clinic = clinic
        self._has_self = has_self

    def build(self) -> None:
        """Ask for a name and a number, and for more only where the number does not tell."""
        with kit.form(), kit.card():
            if self._has_self:
                others = [each for each in Relation if each is not Relation.SELF]
                words = {str(each): t(f"relation.{each}") for each in others}
                self._relation = kit.select(t("family.relation"), words)
            self._form = ParticularsForm()
            if self._has_self:
                self._phone = kit.field(
                    t("family.phone"), content="tel", mode="numeric", hint=t("family.phone_hint")
                )
                self._guardian = kit.checkbox(t("family.guardian"))
        with Html("div", "stack") as self._code_place:
            pass
        with action_bar():
            kit.button("primary", t("family.save"), self._save, block=True, large=True)

    def _told(self) -> NewPatient:
        if not self._has_self:
            return self._form.told()
        return self._form.told(
            relation=Relation(self._relation.text),
            phone=self._phone.text,
            is_guardian=bool(self._guardian.value),
        )

    async def _save(self) -> None:
        if kit.left_out(self._form.name, self._form.number):
            return
        try:
            await self._clinic.patients.register(current_actor(), self._told())
        except DomainError as refusal:
            if refusal.code == "patient_known":
                await self._by_code(str(refusal.details["phone"]))
                return
            self._form.number.error = kit.sentence(refusal)
            return
        ui.navigate.to(FAMILY)

    async def _by_code(self, phone: str) -> None:
        """Ask for the code from the phone of somebody who is known here."""
        await self._clinic.patients.ask_to_join(current_actor(), self._told())
        self._code_place.clear()
        with self._code_place, kit.card(t("family.known")):
            kit.paragraph(t("family.known_text", phone=phone), "muted")

            async def join() -> None:
                with kit.told(into=lambda words, _: setattr(box, "error", words)):
                    told, code = self._told(), box.text
                    await self._clinic.patients.join(current_actor(), told, code)
                    ui.navigate.to(FAMILY)

            box = kit.code_box(t("welcome.code"), required=True, on_full=join)
