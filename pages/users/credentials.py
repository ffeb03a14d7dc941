"""The review of credentials: what waits for whom, and the file with its one next act. (R-STF-1)"""

from uuid import UUID

from nicegui.events import ValueChangeEventArguments
from starlette.requests import Request
from starlette.responses import Response

from pages import kit
from pages.live import on_event
from pages.routes import Routes
from pages.session import actor_of, current_actor
from pages.shell import frame
from pages.uploads import answer_with
from pages.users import credential_parts as parts
from pages.users.credential_panel import CredentialPanel
from pages.words import day, t
from services.clinic import Clinic
from services.events import ClinicianActivated, ClinicianSuspended
from services.policy import Action
from services.users.clinicians import CredentialState
from services.users.credential_desk import Entry, Sought

CREDENTIALS = "/credentials"
ALL = ""


def register_files(clinic: Clinic, routes: Routes) -> None:
    """Enter where a paper is read."""

    @routes.http("GET", parts.PAPER, action=Action.CREDENTIAL_READ)
    async def give(request: Request, paper_id: UUID) -> Response:
        kept = await clinic.credential_desk.paper(actor_of(request), paper_id)
        return answer_with(clinic, request, kept)


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/credentials`."""

    @routes.page(CREDENTIALS, action=Action.CREDENTIAL_REVIEW, title="nav.credentials")
    async def credentials_page() -> None:
        page = CredentialsPage(clinic)
        with frame("nav.credentials", active=CREDENTIALS):
            page.build()
        await page.load()
        on_event(clinic.bus, ClinicianActivated, ClinicianSuspended, do=page.load)


class CredentialsPage:
    """The list and the panel of one file."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._state: CredentialState | None = None

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        kit.paragraph(t("credential.why"), "muted")
        states = [kit.Choice(each, t(f"credential.state.{each}")) for each in CredentialState]
        choices = [kit.Choice(ALL, t("credential.all")), *states]
        kit.chips(t("credential.state"), choices, value=ALL, on_change=self._filter)
        columns = [
            kit.Column("name", t("credential.name"), phone="title"),
            kit.Column("profession", t("credential.profession")),
            kit.Column("valid_to", t("credential.licence_valid_to")),
            kit.Column("state", t("credential.state")),
            kit.Column("turn", t("credential.turn"), phone="plain"),
        ]
        words = kit.TableWords(
            t("nav.credentials"),
            total="credential.total",
            search=t("credential.search"),
            empty_title=t("credential.empty"),
            empty_text=t("credential.empty_text"),
        )
        with kit.card(flush=True):
            self._table: kit.DataTable[Entry] = kit.DataTable(
                columns, self._read, self._row, words, kit.Answers(open=self._open)
            )
        self._panel = kit.side_panel()

    async def load(self) -> None:
        """Bring the list up to date."""
        await self._table.load()

    async def _filter(self, event: ValueChangeEventArguments[str]) -> None:
        self._state = CredentialState(event.value) if event.value else None
        self._table.query = kit.Query(self._table.query.sort, search=self._table.query.search)
        await self.load()

    async def _read(self, query: kit.Query) -> kit.Page[Entry]:
        sought = Sought(self._state, query.search, query.offset, query.size)
        page = await self._clinic.credential_desk.page(current_actor(), sought)
        return kit.Page(page.entries, page.total)

    def _row(self, entry: Entry) -> kit.Row:
        turn: tuple[tuple[str, kit.Tone], ...] = ((t("credential.your_turn"), "go"),)
        return kit.Row(
            str(entry.id),
            {
                "name": kit.Cell(entry.name, note=entry.title),
                "profession": t(f"profession.{entry.profession}"),
                "valid_to": day(entry.licence_valid_to) if entry.licence_valid_to else "",
                "state": kit.state_cell(
                    t(f"credential.state.{entry.state}"), parts.tone_of(entry.state)
                ),
                "turn": kit.tags_cell(*(turn if entry.is_turn else ())),
            },
            name=entry.name,
            opens=True,
        )

    async def _open(self, key: str) -> None:
        self._table.select_row(key)
        await CredentialPanel(self._clinic, self._panel, self.load).show(UUID(key))
