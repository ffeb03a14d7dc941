"""Who somebody is, asked for: a name and a number, and more only where the number does not tell."""

from pages import kit
from pages.kit.element import Html
from pages.typed import typed_date
from pages.words import t
from services.users.identity import TELLING
from services.users.particulars import NewPatient, Shown
from services.users.patients import IdentityDocument, Relation, Sex


class ParticularsForm:
    """The fields; made where they are to stand."""

    def __init__(self) -> None:
        self.name = kit.field(t("family.name"), complete="off", length=50, required=True)
        documents = {str(each): t(f"document.{each}") for each in IdentityDocument}
        self._document = kit.select(
            t("family.document"), documents, on_change=lambda _: self._ask_more()
        )
        self.number = kit.field(t("family.number"), complete="off", length=30, required=True)
        with Html("div", "stack") as self._more:
            sexes = {str(each): t(f"sex.{each}") for each in Sex}
            self._sex = kit.select(t("family.sex"), sexes)
            self._born = kit.field(t("family.born"), content="date")
        self._more.set_visibility(False)

    def _ask_more(self) -> None:
        self._more.set_visibility(self._document.text not in TELLING)

    def told(
        self, *, relation: Relation = Relation.SELF, phone: str = "", is_guardian: bool = False
    ) -> NewPatient:
        """Return what was typed; raise `Invalid("date_malformed")`."""
        more = self._document.text not in TELLING
        return NewPatient(
            name=self.name.text,
            number=self.number.text,
            relation=relation,
            document=IdentityDocument(self._document.text),
            sex=Sex(self._sex.text) if more else None,
            birth_date=typed_date(self._born.text, "born") if more else None,
            phone=phone,
            is_guardian=is_guardian,
        )


def sex_and_age(person: Shown) -> str:
    """Return both in words: 女，35岁."""
    return t("family.sex_years", sex=t(f"sex.{person.sex}"), years=person.years)
