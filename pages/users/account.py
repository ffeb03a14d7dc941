"""One's own account: password, second factors, and where one is signed in."""

from uuid import UUID

from pages import kit
from pages.kit.element import Html
from pages.nameplate import Nameplate
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import SIGN_OUT, frame, language_button, patient_frame
from pages.text_size import TextSize
from pages.users.family import FAMILY
from pages.users.own_factors import OwnFactors
from pages.users.password_rules import password_rules
from pages.users.sign_in import say_error
from pages.words import local, t
from services.clinic import Clinic
from services.masking import mask_phone
from services.permissions import Action
from services.rules import OUTSIDERS
from services.users.account import Profile
from services.users.sessions import Visit


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/account`: what patients see of it has no password and no second factor."""
    plate = Nameplate(clinic)

    @routes.page("/account", action=Action.ACCOUNT_READ, title="shell.account")
    async def account_page(error: str = "", done: str = "") -> None:
        profile = await clinic.account.profile(current_actor())
        page = AccountPage(clinic, profile)
        if current_actor().roles <= OUTSIDERS:
            await patient_account(page, phone=await plate.phone())
            return
        with frame("shell.account"):
            say_error(error)
            if done == "passkey":
                kit.banner("ok", t("account.passkey_made"))
            with kit.halves():
                page.build_profile()
                page.build_password()
                page.build_looks()
            OwnFactors(clinic).build(profile)
            page.build_visits()
        await page.load()


async def patient_account(page: "AccountPage", *, phone: str) -> None:
    """Build a patient's own account: their phone masked, how it looks, where they are signed in."""
    with patient_frame("shell.account", back="/", phone=phone):
        page.build_patient()
        page.build_looks()
        with kit.card(t("account.language")):
            language_button()
        with kit.card(flush=True), Html("div", "rows"):
            kit.line(t("family.title"), t("home.family_note"), icon="people", href=FAMILY)
        page.build_visits()
        with kit.form(SIGN_OUT):
            kit.button("line", t("shell.sign_out"), submit=True, block=True, large=True)
    await page.load()


class AccountPage:
    """The cards about the person, the password and where they are signed in."""

    def __init__(self, clinic: Clinic, profile: Profile) -> None:
        self._clinic = clinic
        self._profile = profile
        self._visits: dict[str, Visit] = {}

    def build_profile(self) -> None:
        """Show what is written about this person; the staff office changes it."""
        who = self._profile
        with kit.card(t("account.who")):
            kit.facts(
                [
                    (t("account.name"), who.display_name),
                    (t("account.username"), who.username),
                    (t("account.number"), who.staff_number or "-"),
                    (t("account.phone"), who.phone or "-"),
                    (t("account.email"), who.email or "-"),
                ]
            )
            kit.paragraph(t("account.who_changes"), "muted small")

    def build_patient(self) -> None:
        """Show a patient whose account this is; the number as others may read it. (S-PI-1)"""
        who = self._profile
        with kit.card(t("account.who")):
            kit.facts(
                [
                    (t("account.name"), who.display_name),
                    (t("account.phone"), mask_phone(who.phone)),
                ]
            )

    def build_password(self) -> None:
        """Ask for a new password."""
        since = self._profile.password_since
        with kit.card(t("account.password")), kit.form():
            if since:
                kit.paragraph(t("account.password_since", at=local(since)), "muted small")
            self._old = kit.field(
                t("account.old"), content="password", complete="current-password", required=True
            )
            self._new = kit.field(
                t("account.new"),
                content="password",
                complete="new-password",
                required=True,
                hint=password_rules(self._clinic),
            )
            kit.button("primary", t("account.change_password"), self._change_password)

    async def _change_password(self) -> None:
        with kit.told(into=lambda words, _: setattr(self._new, "error", words)):
            await self._clinic.account.change_password(
                current_actor(), str(self._old.value), str(self._new.value)
            )
            self._old.value = self._new.value = ""
            kit.toast(t("account.password_changed"))

    def build_looks(self) -> None:
        """Let somebody have pages written larger, wherever they sign in."""
        with kit.card(t("account.looks")):
            TextSize()
            kit.paragraph(t("account.looks_kept"), "muted small")

    def build_visits(self) -> None:
        """List where this person is signed in."""
        with kit.card(t("account.visits"), flush=True):
            self._table: kit.DataTable[Visit] = kit.DataTable(
                [
                    kit.Column("where", t("account.where"), phone="title"),
                    kit.Column("since", t("account.since")),
                    kit.Column("seen", t("account.seen")),
                ],
                self._read,
                self._row,
                kit.TableWords(t("account.visits"), total="account.visits_total"),
                kit.Answers(act=self._end),
            )

    async def load(self) -> None:
        """Bring the list of sessions up to date."""
        await self._table.load()

    async def _read(self, query: kit.Query) -> kit.Page[Visit]:
        visits = await self._clinic.sessions.mine(current_actor())
        return kit.Page(visits[query.offset : query.offset + query.size], len(visits))

    def _row(self, visit: Visit) -> kit.Row:
        here = t("account.here") if visit.current else ""
        where = kit.Cell(here or visit.address or t("audit.no_address"), note=visit.user_agent[:60])
        acts = () if visit.current else (kit.Act("end", t("account.end"), "stop"),)
        return kit.Row(
            str(visit.id),
            {
                "where": where,
                "since": local(visit.opened_at),
                "seen": kit.ago_cell(visit.last_seen_at, now=self._clinic.clock.now()),
            },
            name=where.text,
            acts=acts,
        )

    async def _end(self, key: str, name: str) -> None:
        if name == "end":
            await self._clinic.sessions.revoke(current_actor(), [UUID(key)])
            await self.load()
