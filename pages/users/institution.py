"""The institution's papers and its sites. (R-ORG-1)"""

from datetime import date
from uuid import UUID

from pages import kit
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.typed import typed_date
from pages.words import t
from services.clinic import Clinic
from services.institution import House, NewInstitution, NewSite, Place
from services.policy import Action

TEXTS = ("name", "uscc", "licence_number", "grading_number", "phone")
DATES = ("licence_valid_to", "grading_valid_to")
FIELDS = ("name", "uscc", "licence_number", "licence_valid_to", "grading_number")
ORDER = (*FIELDS, "grading_valid_to", "phone")


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/institution`."""

    @routes.page("/institution", action=Action.SITE_CHANGE, title="nav.institution")
    async def institution_page() -> None:
        page = InstitutionPage(clinic, await clinic.institutions.read(current_actor()))
        with frame("nav.institution", active="/institution") as surroundings:
            with surroundings.slot:
                kit.button("primary", t("institution.add_site"), page.new_site, icon="plus")
            page.build()
        surroundings.shortcut("n", "institution.add_site", page.new_site)
        await page.load()


class InstitutionPage:
    """The papers at one side, the sites at the other, and the panel of one site."""

    def __init__(self, clinic: Clinic, house: House) -> None:
        self._clinic = clinic
        self._house = house
        self._places: dict[str, Place] = {}

    def build(self) -> None:
        """Make the elements; `load` fills the list of sites."""
        with kit.halves():
            with kit.card(t("institution.papers")), kit.form():
                self._fields = {name: self._field(name) for name in ORDER}
                kit.button("primary", t("institution.save"), self._save)
            with kit.card(t("institution.sites"), flush=True):
                self._table: kit.DataTable[Place] = kit.DataTable(
                    [
                        kit.Column("name", t("institution.site.name"), phone="title"),
                        kit.Column("address", t("institution.site.address")),
                        kit.Column("phone", t("institution.site.phone")),
                    ],
                    self._read,
                    self._row,
                    kit.TableWords(
                        t("institution.sites"),
                        total="institution.sites_total",
                        empty_title=t("institution.no_sites"),
                        empty_text=t("institution.no_sites_text"),
                    ),
                    kit.Answers(open=self._open),
                )
        self._panel = kit.side_panel()

    def _field(self, name: str) -> kit.Field:
        value = getattr(self._house.details, name)
        said = value.isoformat() if isinstance(value, date) else str(value or "")
        return kit.field(
            t(f"institution.{name}"),
            value=said,
            content="date" if name in DATES else "tel" if name == "phone" else "text",
            required=name in TEXTS[:2],
        )

    async def load(self) -> None:
        """Bring the list of sites up to date."""
        await self._table.load()

    async def _save(self) -> None:
        with kit.told(self._fields):
            typed = {name: self._fields[name].text for name in ORDER}
            details = NewInstitution(
                name=typed["name"],
                uscc=typed["uscc"],
                licence_number=typed["licence_number"],
                licence_valid_to=_day("licence_valid_to", typed["licence_valid_to"]),
                grading_number=typed["grading_number"],
                grading_valid_to=_day("grading_valid_to", typed["grading_valid_to"]),
                phone=typed["phone"],
            )
            await self._clinic.institutions.change(current_actor(), details, self._house.version)
            self._house = await self._clinic.institutions.read(current_actor())
            kit.toast(t("institution.saved"))

    async def _read(self, query: kit.Query) -> kit.Page[Place]:
        places = await self._clinic.institutions.sites(current_actor())
        self._places = {str(place.id): place for place in places}
        return kit.Page(places[query.offset : query.offset + query.size], len(places))

    def _row(self, place: Place) -> kit.Row:
        details = place.details
        cells: dict[str, kit.Cell | str] = {
            "name": details.name,
            "address": details.address,
            "phone": details.phone,
        }
        return kit.Row(str(place.id), cells, name=details.name, opens=True)

    def new_site(self) -> None:
        """Ask for a new site."""
        self._show(None)

    def _open(self, key: str) -> None:
        self._table.select_row(key)
        self._show(self._places[key])

    def _show(self, place: Place | None) -> None:
        now = place.details if place else NewSite("")
        with self._panel.fill(now.name or t("institution.add_site")):
            fields = {
                "name": kit.field(t("institution.site.name"), value=now.name, required=True),
                "address": kit.field(t("institution.site.address"), value=now.address),
                "phone": kit.field(t("institution.site.phone"), value=now.phone, content="tel"),
            }

            async def save() -> None:
                with kit.told(fields):
                    details = NewSite(**{name: each.text for name, each in fields.items()})
                    await self._keep(place, details)

            with kit.side_by_side():
                kit.button("primary", t("institution.save"), save)
                if place is not None:
                    kit.button("stop", t("institution.close_site"), lambda: self._close(place))

    async def _keep(self, place: Place | None, details: NewSite) -> None:
        offices = self._clinic.institutions
        if place is None:
            await offices.add_site(current_actor(), details)
        else:
            await offices.change_site(current_actor(), place.id, details, place.version)
        self._panel.close()
        kit.toast(t("institution.saved"))
        await self.load()

    async def _close(self, place: Place) -> None:
        answer = await kit.confirm(
            t("institution.close_title", name=place.details.name),
            t("institution.close_text"),
            t("institution.close_site"),
        )
        if answer:
            await self._clinic.institutions.close_site(current_actor(), UUID(str(place.id)))
            self._panel.close()
            await self.load()


def _day(name: str, text: str) -> date | None:
    return typed_date(text, name) if text else None
