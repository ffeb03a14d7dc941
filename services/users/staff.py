"""Who works here: accounts and roles, given and taken by somebody else, never by oneself.

System, security and audit administrator are three different people (三权分立, S-AC-1), and there
is always one who can let others in again.
"""

from uuid import UUID

from sqlalchemy import select

from data.errors import Conflict, Invalid, NotFound
from data.institution import Institution
from data.users import RoleGrant, User, UserKind, UserState
from services.events import ContactChanged, CredentialsReset, RolesChanged, StaffSuspended
from services.institution import open_site
from services.permissions import Action
from services.policy import Actor, Grant, Role
from services.transaction import Transaction, Transactions
from services.users.credentials import Credentials
from services.users.lockout import Guard
from services.users.registrar import (
    Added,
    NewStaff,
    Registrar,
    StaffDetails,
    checked,
    checked_reason,
    require_reach,
    settle,
    sites_of,
    staff_member,
)
from services.users.resets import Resets, needs_second
from services.users.rights import grants_of
from services.users.sessions import Sessions
from services.users.standards import fold
from services.users.suspension import keep_out, require_lifter
from services.users.warnings import FORMER_COUNTS_FOR

HOUSE_GUARD = Grant(Role.SECURITY_ADMIN)
"""Who can let anybody in: security in the whole house, not at one site of it."""


class Staff:
    """The staff office."""

    def __init__(
        self,
        transactions: Transactions,
        sessions: Sessions,
        registrar: Registrar,
        credentials: Credentials,
        guard: Guard,
        resets: Resets,
    ) -> None:
        self._transactions = transactions
        self._sessions = sessions
        self._registrar = registrar
        self._credentials = credentials
        self._guard = guard
        self._resets = resets

    async def add(self, actor: Actor, new: NewStaff) -> Added:
        """Make an account with its roles; its temporary password is good for one sign-in, soon.

        Raise `Invalid` for what is malformed, `Conflict`: `username_taken`, `staff_number_taken`,
        `roles_clash`.
        """
        password, kept = await self._credentials.temporary()
        async with self._transactions.open(actor) as tx:
            if actor.institution_id is None:
                raise Invalid("institution_needed")
            user = await self._registrar.enter(tx, new, actor.institution_id, kept, temporary=True)
            return tx.answer(Added(user.id, user.username, password))

    async def change(
        self, actor: Actor, user_id: UUID, details: StaffDetails, version: int
    ) -> None:
        """Change what is written about somebody; raise `Conflict("changed_meanwhile")`."""
        async with self._transactions.open(actor) as tx:
            user = await staff_member(tx, user_id)
            tx.allow(Action.STAFF_CHANGE, user)
            details = checked(details)
            sites = sites_of(await grants_of(tx, user.id)) | {details.site_id}
            require_reach(tx, Action.STAFF_CHANGE, user, sites)
            if user.version != version:
                raise Conflict("changed_meanwhile")
            user.site_id = await open_site(tx, user.institution_id, details.site_id)
            user.display_name, user.staff_number = details.display_name, details.staff_number
            user.language = details.language
            _reach_at(tx, user, details)
            await settle(tx)

    async def grant(self, actor: Actor, user_id: UUID, grant: Grant) -> None:
        """Give somebody a role; their open sessions end, so that it counts at once.

        Raise `Conflict("roles_clash")` for roles that one person must not hold together.
        """
        async with self._transactions.open(actor) as tx:
            user = await staff_member(tx, user_id)
            held = await grants_of(tx, user.id)
            if grant in held:
                tx.allow(Action.STAFF_GRANT, user)
                raise Conflict("role_held_already")
            await self._registrar.give(tx, user, grant, held | {grant})
            await self._roles_changed(tx, user)

    async def withdraw(self, actor: Actor, user_id: UUID, grant: Grant) -> None:
        """Take a role from somebody; raise `Conflict("last_security_admin")` for the last."""
        async with self._transactions.open(actor) as tx:
            user = await self._kept_with_house(tx, user_id)
            tx.allow(Action.STAFF_GRANT, user, withdrawn=str(grant.role))
            held = await grants_of(tx, user.id)
            require_reach(tx, Action.STAFF_GRANT, user, sites_of(held))
            query = select(RoleGrant).where(
                RoleGrant.user_id == user.id,
                RoleGrant.role == str(grant.role),
                RoleGrant.site_id == grant.site_id
                if grant.site_id
                else RoleGrant.site_id.is_(None),
                RoleGrant.deleted_at.is_(None),
            )
            row = await tx.session.scalar(query.with_for_update())
            if row is None:
                raise NotFound("role_not_held")
            if grant == HOUSE_GUARD:
                await somebody_guards(tx, user)
            row.deleted_at, row.withdrawn_by = tx.now, actor.user_id
            await self._roles_changed(tx, user)

    async def _roles_changed(self, tx: Transaction, user: User) -> None:
        tx.announce(RolesChanged(user_id=user.id))
        await self._sessions.end_of(tx, user.id, "roles_changed")

    async def suspend(self, actor: Actor, user_id: UUID, reason: str) -> None:
        """Keep somebody out from now on; their open pages close. (R-STF-5)"""
        reason = checked_reason(reason)
        async with self._transactions.open(actor) as tx:
            user = await self._kept_with_house(tx, user_id)
            tx.allow(Action.STAFF_SUSPEND, user, purpose=reason)
            held = await grants_of(tx, user.id)
            require_reach(tx, Action.STAFF_SUSPEND, user, sites_of(held))
            if HOUSE_GUARD in held:
                await somebody_guards(tx, user)
            keep_out(tx, user, reason)
            tx.announce(StaffSuspended(user_id=user.id))
            await self._sessions.end_of(tx, user.id, "suspended")
            tx.answer(None)

    async def reactivate(self, actor: Actor, user_id: UUID, reason: str) -> None:
        """Let somebody in again who was suspended or had not been here for long.

        Security lets anybody in; another office whom it alone keeps out, and nobody else: raise
        `Forbidden("suspended_by_another")`.
        """
        reason = checked_reason(reason)
        async with self._transactions.open(actor) as tx:
            user = await staff_member(tx, user_id)
            tx.allow(Action.STAFF_REACTIVATE, user, purpose=reason)
            require_reach(tx, Action.STAFF_REACTIVATE, user, sites_of(await grants_of(tx, user.id)))
            require_lifter(tx, user)
            user.state, user.state_reason, user.woken_at = UserState.ACTIVE, "", tx.now
            user.kept_out_by = ""
            tx.answer(None)

    async def reset(self, actor: Actor, user_id: UUID, *, factors: bool) -> str | None:
        """Return a temporary password for somebody who forgot theirs; their sessions end.

        With `factors` the second factors go too: the phone is lost, and the codes with it. None: it
        is an administrator, so a second person has to approve first, and nothing has changed yet;
        raise as `Resets.ask`.
        """
        password, kept = await self._credentials.temporary()
        async with self._transactions.open(actor) as tx:
            user = await staff_member(tx, user_id)
            tx.allow(Action.STAFF_RESET, user, factors=factors)
            require_reach(tx, Action.STAFF_RESET, user, sites_of(await grants_of(tx, user.id)))
            if await needs_second(tx, user):
                await self._resets.ask(tx, user, factors=factors)
                return None
            await self._resets.overtake(tx, user)
            done = CredentialsReset(user_id=user.id, reset_by=actor.user_id, factors=factors)
            await self._resets.desk.put(tx, user, kept, done)
        return password

    async def named(self, actor: Actor, username: str) -> UUID:
        """Return whose user name this is; raise `NotFound("username_unknown")`."""
        async with self._transactions.read(actor) as tx:
            query = select(User).where(User.username == fold(username), User.kind == UserKind.STAFF)
            user = await tx.session.scalar(query)
            if user is None:
                raise NotFound("username_unknown", username=username)
            tx.allow(Action.STAFF_RESET, user)
            return user.id

    async def unlock(self, actor: Actor, user_id: UUID) -> None:
        """Let somebody try again who was locked out by too many wrong passwords. (S-AUTH-2)"""
        async with self._transactions.open(actor) as tx:
            user = await staff_member(tx, user_id)
            tx.allow(Action.STAFF_UNLOCK, user)
            require_reach(tx, Action.STAFF_UNLOCK, user, sites_of(await grants_of(tx, user.id)))
            await self._guard.clear(tx, user.username)

    async def _kept_with_house(self, tx: Transaction, user_id: UUID) -> User:
        """Return the user, and keep the institution: who guards it is decided one at a time."""
        user = await staff_member(tx, user_id)
        await tx.get(Institution, user.institution_id)
        return user


def _reach_at(tx: Transaction, user: User, details: StaffDetails) -> None:
    """Write another number or address down; the one before hears of it, and for a month the rest.

    Whoever changes it twice does not get rid of where the person can really be reached.
    """
    if (user.phone or "", user.email) == (details.phone, details.email):
        return
    if user.contact_since is None or tx.now - user.contact_since > FORMER_COUNTS_FOR:
        user.former_phone, user.former_email = user.phone, user.email
    user.phone, user.email, user.contact_since = details.phone or None, details.email, tx.now
    tx.announce(ContactChanged(user_id=user.id, changed_by=tx.actor.user_id))


async def somebody_guards(tx: Transaction, but: User) -> None:
    """Raise if nobody else could let people in once this security administrator is gone."""
    query = (
        select(User.id)
        .join(RoleGrant, RoleGrant.user_id == User.id)
        .where(
            User.institution_id == but.institution_id,
            User.id != but.id,
            User.state == UserState.ACTIVE,
            RoleGrant.role == str(HOUSE_GUARD.role),
            RoleGrant.site_id.is_(None),
            RoleGrant.deleted_at.is_(None),
        )
    )
    if await tx.session.scalar(query.limit(1)) is None:
        raise Conflict("last_security_admin")
