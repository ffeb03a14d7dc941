"""The panel of one member of staff: roles, and letting them in or keeping them out."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from pages import kit
from pages.kit.element import Html
from pages.session import current_actor
from pages.users import places
from pages.users.roles import chosen_role, role_field
from pages.users.temporary import show_temporary
from pages.viewer import viewer
from pages.words import local, t
from services.clinic import Clinic
from services.policy import Action, Grant
from services.rules import STAFF
from services.users.roster import Dossier
from services.users.suspension import may_lift


class StaffPanel:
    """What can be seen and done about one person."""

    def __init__(
        self, clinic: Clinic, panel: kit.SidePanel, reload: Callable[[], Awaitable[None]]
    ) -> None:
        self._clinic = clinic
        self._panel = panel
        self._reload = reload

    async def show(self, user_id: UUID) -> None:
        """Read the person anew and fill the panel."""
        dossier = await self._clinic.roster.get(current_actor(), user_id)
        names = await places.names_of_sites(self._clinic)
        can = viewer().can
        with self._panel.fill(dossier.member.username):
            self._facts(dossier)
            if can(Action.STAFF_SUSPEND) and places.is_beyond(dossier.member, Action.STAFF_SUSPEND):
                kit.banner("info", t("error.beyond_your_site"))
                return
            if can(Action.STAFF_GRANT):
                self._roles(dossier, names)
            if can(Action.STAFF_RESET):
                self._help(dossier)
            if can(Action.STAFF_SUSPEND):
                self._door(dossier)

    def _facts(self, dossier: Dossier) -> None:
        member, held = dossier.member, dossier.enrolled
        if dossier.locked_until:
            kit.banner("warn", t("staff.locked", until=local(dossier.locked_until)))
        if waits := dossier.reset_waits_until:
            kit.banner("warn", t("staff.reset_waits", until=local(waits)))
        facts = [
            (t("staff.name"), member.name),
            (t("staff.number"), member.staff_number or "-"),
            (t("account.email"), member.email or "-"),
            (t("staff.state"), t(f"staff.state.{member.state}")),
            (t("account.totp"), t("account.bound") if held.totp else t("account.not_bound")),
            (t("account.codes_left"), t("account.codes_held", count=held.codes_left)),
        ]
        if member.state_reason:
            facts.append((t("staff.reason"), member.state_reason))
        if member.kept_out_by:
            offices = sorted(t(f"role.{role}") for role in member.kept_out_by)
            facts.append((t("staff.kept_out_by"), ", ".join(offices)))
        kit.facts(facts)

    def _roles(self, dossier: Dossier, names: dict[UUID | None, str]) -> None:
        member = dossier.member
        kit.heading(t("staff.roles"), 3)
        with Html("div", "rows"):
            for grant in sorted(member.grants, key=str):
                with kit.side_by_side():
                    kit.tag(places.words_of(grant, names))
                    kit.button(
                        "quiet",
                        t("staff.withdraw"),
                        partial(self._withdraw, member.id, grant),
                        small=True,
                    )
        held = {grant.role for grant in member.grants if grant.site_id is None}
        wanted = role_field(STAFF - held)
        where = kit.select(t("staff.site"), places.choices(names, Action.STAFF_GRANT))

        async def give() -> None:
            with kit.told({"role": wanted}):
                grant = Grant(chosen_role(wanted), places.chosen(where.text))
                await self._clinic.staff.grant(current_actor(), member.id, grant)
                await self._after(member.id, "staff.granted")

        kit.button("line", t("staff.grant"), give)

    async def _withdraw(self, user_id: UUID, grant: Grant) -> None:
        await self._clinic.staff.withdraw(current_actor(), user_id, grant)
        await self._after(user_id, "staff.withdrawn")

    def _help(self, dossier: Dossier) -> None:
        user_id, waits = dossier.member.id, dossier.reset_waits_until is not None
        if waits and not dossier.locked_until:
            return
        kit.heading(t("staff.help"), 3)
        with kit.side_by_side():
            if not waits:
                kit.button("line", t("staff.reset"), lambda: self._reset(dossier, factors=False))
                kit.button("line", t("staff.reset_all"), lambda: self._reset(dossier, factors=True))
            if dossier.locked_until:
                kit.button("line", t("staff.unlock"), lambda: self._unlock(user_id))

    async def _reset(self, dossier: Dossier, *, factors: bool) -> None:
        self._clinic.transactions.ask_first(current_actor(), Action.STAFF_RESET)
        member, second = dossier.member, dossier.reset_needs_second
        answer = await kit.confirm(
            t("staff.reset_all") if factors else t("staff.reset"),
            t("staff.reset_admin_text") if second else t("staff.reset_text"),
            t("staff.reset_do"),
        )
        if not answer:
            return
        username = member.username
        password = await self._clinic.staff.reset(current_actor(), member.id, factors=factors)
        if password is None:
            await self._after(member.id, "staff.reset_asked")
            return
        with self._panel.fill(t("staff.reset")):
            show_temporary(self._clinic, t("staff.reset_done"), username, password)

    async def _unlock(self, user_id: UUID) -> None:
        await self._clinic.staff.unlock(current_actor(), user_id)
        await self._after(user_id, "staff.unlocked")

    def _door(self, dossier: Dossier) -> None:
        member = dossier.member
        if str(member.state) == "active":
            kit.button("stop", t("staff.suspend"), lambda: self._suspend(member.id))
        elif may_lift(current_actor().roles, member.kept_out_by):
            kit.button("primary", t("staff.reactivate"), lambda: self._reactivate(member.id))
        else:
            kit.banner("info", t("error.suspended_by_another"))

    async def _suspend(self, user_id: UUID) -> None:
        self._clinic.transactions.ask_first(current_actor(), Action.STAFF_SUSPEND)
        answer = await kit.confirm(
            t("staff.suspend"),
            t("staff.suspend_text"),
            t("staff.suspend"),
            reason=t("staff.reason"),
            least=4,
        )
        if answer:
            await self._clinic.staff.suspend(current_actor(), user_id, answer.reason)
            await self._after(user_id, "staff.suspended")

    async def _reactivate(self, user_id: UUID) -> None:
        self._clinic.transactions.ask_first(current_actor(), Action.STAFF_REACTIVATE)
        answer = await kit.confirm(
            t("staff.reactivate"),
            t("staff.reactivate_text"),
            t("staff.reactivate"),
            reason=t("staff.reason"),
            least=4,
        )
        if answer:
            await self._clinic.staff.reactivate(current_actor(), user_id, answer.reason)
            await self._after(user_id, "staff.reactivated")

    async def _after(self, user_id: UUID, said: str) -> None:
        kit.toast(t(said))
        await self.show(user_id)
        await self._reload()
