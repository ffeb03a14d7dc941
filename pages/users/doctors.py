"""Who treats here and by which licence, for anybody to see. (R-STF-3, R-ORG-1)"""

from data.errors import NotFound
from pages import kit
from pages.kit.element import Html
from pages.nameplate import Nameplate
from pages.routes import Routes
from pages.shell import patient_frame
from pages.words import day, t
from services.clinic import Clinic
from services.inquiries import Colleague
from services.institution import House
from services.policy import ANYBODY
from services.users.departments import DepartmentView

DOCTORS = "/doctors"
WHY_PUBLIC = "who treats here, and by which licence, is shown before anybody signs in"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/doctors`."""
    plate = Nameplate(clinic)

    @routes.page(DOCTORS, public=WHY_PUBLIC, title="doctors.title")
    async def doctors_page() -> None:
        try:
            house: House | None = await clinic.institutions.read(ANYBODY)
        except NotFound:  # there is no hospital yet
            house = None
        departments = await clinic.departments.all(ANYBODY, house.id) if house else []
        doctors = await clinic.clinician_directory.doctors(ANYBODY, house.id) if house else []
        with patient_frame("doctors.title", back="/", phone=await plate.phone()):
            if house is not None:
                _licence(house)
            _departments(departments, doctors)


def _licence(house: House) -> None:
    """The institution's own papers. (R-ORG-1)"""
    details = house.details
    facts = [(t("doctors.uscc"), details.uscc)]
    if details.licence_number:
        facts.append((t("doctors.licence"), details.licence_number))
    if details.licence_valid_to:
        facts.append((t("doctors.valid_to"), day(details.licence_valid_to)))
    with kit.card(details.name):
        kit.facts(facts)


def _departments(departments: list[DepartmentView], doctors: list[Colleague]) -> None:
    shown = False
    for department in departments:
        here = [each for each in doctors if department.id in each.department_ids]
        if department.is_online and here:
            shown = True
            _department(department.name, here)
    if not shown:
        kit.empty(t("doctors.none"), t("doctors.none_text"))


def _department(name: str, doctors: list[Colleague]) -> None:
    kit.heading(name)
    with kit.card(flush=True), Html("div", "rows"):
        for each in sorted(doctors, key=lambda doctor: doctor.name):
            words = f"{each.name} {each.title}".strip()
            kit.line(words, t("book.licence", number=each.licence), icon="person")
