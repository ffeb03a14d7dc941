"""The staff: who there is, what each may do, and letting people in or keeping them out. (R061)"""

from uuid import UUID

from pages import kit
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.users import places
from pages.users.roles import chosen_role, role_field
from pages.users.staff_panel import StaffPanel
from pages.users.temporary import show_temporary
from pages.viewer import viewer
from pages.words import t
from services.clinic import Clinic
from services.events import RolesChanged, StaffAdded, StaffSuspended
from services.policy import Action, Grant
from services.rules import STAFF
from services.users.registrar import Added, NewStaff, StaffDetails
from services.users.roster import Member, StaffSearch

TONES: dict[str, kit.Tone] = {"active": "ok", "suspended": "bad", "dormant": "warn"}


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/staff`."""

    @routes.page("/staff", action=Action.STAFF_READ, title="nav.staff")
    async def staff_page() -> None:
        page = StaffPage(clinic)
        may_add = viewer().can(Action.STAFF_ADD)
        with frame("nav.staff", active="/staff") as surroundings:
            if may_add:
                with surroundings.slot:
                    kit.button("primary", t("staff.add"), page.ask_new, icon="plus")
                surroundings.shortcut("n", "staff.add", page.ask_new)
            page.build()
        await page.load()
        on_event(clinic.bus, StaffAdded, StaffSuspended, RolesChanged, do=page.load)


class StaffPage:
    """The list and the panel of one person."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        can = viewer().can
        self._may_unmask = can(Action.STAFF_UNMASK)
        columns = [
            kit.Column("username", t("staff.username"), sort=True, phone="title"),
            kit.Column("name", t("staff.name")),
            kit.Column("roles", t("staff.roles")),
            kit.Column("phone", t("staff.phone")),
            kit.Column("state", t("staff.state")),
            kit.Column("last", t("staff.last")),
        ]
        words = kit.TableWords(
            t("nav.staff"),
            total="staff.total",
            search=t("staff.search"),
            empty_title=t("staff.empty"),
            empty_text=t("staff.empty_text"),
        )
        answers = kit.Answers(open=self._open, unmask=self._unmask)
        with kit.card(flush=True):
            self._table: kit.DataTable[Member] = kit.DataTable(
                columns, self._read, self._row, words, answers
            )
        self._panel = kit.side_panel()

    async def load(self) -> None:
        """Bring the list up to date."""
        await self._table.load()

    async def _read(self, query: kit.Query) -> kit.Page[Member]:
        page = await self._clinic.roster.page(
            current_actor(),
            StaffSearch(
                text=query.search,
                sort=query.sort,
                descending=query.down,
                offset=query.offset,
                limit=query.size,
            ),
        )
        return kit.Page(page.members, page.total)

    def _row(self, member: Member) -> kit.Row:
        roles = sorted({t(f"role.{grant.role}") for grant in member.grants})
        return kit.Row(
            str(member.id),
            {
                "username": kit.Cell(member.username, note=member.staff_number),
                "name": kit.masked_cell(member.name, can=self._may_unmask),
                "roles": kit.tags_cell(*((role, "") for role in roles)),
                "phone": kit.masked_cell(member.phone, can=self._may_unmask and bool(member.phone)),
                "state": kit.state_cell(
                    t(f"staff.state.{member.state}"), TONES.get(str(member.state), "")
                ),
                "last": kit.ago_cell(
                    member.last_signed_in_at, now=self._clinic.clock.now(), never=t("staff.never")
                ),
            },
            name=member.username,
            tone="" if str(member.state) == "active" else "off",
            opens=True,
        )

    async def _unmask(self, key: str, column: str) -> str:
        """Show one value whole; who looked and why is in the trail. (S-PI-1)"""
        self._clinic.transactions.ask_first(current_actor(), Action.STAFF_UNMASK)
        answer = await kit.confirm(
            t("staff.unmask"),
            t("staff.unmask_text"),
            t("staff.unmask_do"),
            reason=t("staff.reason"),
            least=4,
        )
        if not answer:
            return ""
        whole = await self._clinic.roster.unmask(current_actor(), UUID(key), answer.reason)
        return whole.phone if column == "phone" else whole.display_name

    async def _open(self, key: str) -> None:
        self._table.select_row(key)
        await StaffPanel(self._clinic, self._panel, self.load).show(UUID(key))

    async def ask_new(self) -> None:
        """Ask for a new account."""
        self._clinic.transactions.ask_first(current_actor(), Action.STAFF_ADD)
        where = places.choices(await places.names_of_sites(self._clinic), Action.STAFF_ADD)
        with self._panel.fill(t("staff.add")):
            fields = {
                "username": kit.field(t("staff.username"), required=True, complete="off"),
                "display_name": kit.field(t("staff.name"), required=True),
                "staff_number": kit.field(t("staff.number")),
                "phone": kit.field(t("staff.phone"), content="tel"),
                "email": kit.field(t("account.email"), content="email"),
            }
            role = role_field(STAFF)
            site = kit.select(t("staff.site"), where)

            async def add() -> None:
                if kit.left_out(*fields.values(), role):
                    return
                with kit.told({**fields, "role": role}):
                    typed = {name: each.text for name, each in fields.items()}
                    place = places.chosen(site.text)
                    new = NewStaff(
                        typed.pop("username"),
                        StaffDetails(**typed, site_id=place),
                        frozenset({Grant(chosen_role(role), place)}),
                    )
                    self._show_password(await self._clinic.staff.add(current_actor(), new))
                    await self.load()

            kit.button("primary", t("staff.add"), add)

    def _show_password(self, added: Added) -> None:
        with self._panel.fill(t("staff.added")):
            show_temporary(self._clinic, t("staff.added"), added.username, added.temporary_password)
