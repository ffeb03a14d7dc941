"""Enters people in the register of staff: account, roles, first password; and checks all three."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from data.clock import new_id
from data.errors import Conflict, Forbidden, Invalid, NotFound
from data.users import RoleGrant, User, UserKind
from services.events import AdministratorMade, StaffAdded
from services.i18n import LANGUAGES
from services.institution import checked_name, checked_phone, open_site
from services.permissions import Action
from services.policy import Grant, Role, Subject, clash, reach
from services.rules import ADMINISTRATORS, STAFF
from services.transaction import Reading, Transaction
from services.users.credentials import Credentials
from services.users.standards import fold

USERNAME = re.compile(r"[a-z][a-z0-9._-]{2,31}")
SHORTEST_REASON, LONGEST_REASON = 4, 500
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class StaffDetails:
    """What is written about a member of staff, and may change."""

    display_name: str
    staff_number: str = ""
    phone: str = ""
    email: str = ""
    language: str = "zh_CN"
    site_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewStaff:
    """A member of staff to be: the user name stays for good."""

    username: str
    details: StaffDetails
    grants: frozenset[Grant]
    is_synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """A new account, and the password for its first sign-in: shown this once."""

    user_id: UUID
    username: str
    temporary_password: str


class Registrar:
    """The one who writes in the register; each method is part of its caller's unit of work."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def enter(
        self, tx: Transaction, new: NewStaff, institution_id: UUID, kept: str, *, temporary: bool
    ) -> User:
        """Make an account with its roles and its first password."""
        site_id = await open_site(tx, institution_id, new.details.site_id)
        user = _account(new, institution_id, site_id, tx)
        tx.allow(Action.STAFF_ADD, user)
        if await tx.session.scalar(select(User.id).where(User.username == user.username)):
            raise Conflict("username_taken", username=user.username)
        tx.session.add(user)
        await settle(tx)
        self._credentials.put(tx, user, kept, temporary=temporary)
        if not new.grants:
            raise Invalid("role_needed")
        for grant in sorted(new.grants, key=str):
            await self.give(tx, user, grant, new.grants)
        tx.announce(StaffAdded(user_id=user.id, institution_id=institution_id))
        return user

    async def give(
        self, tx: Transaction, user: User, grant: Grant, together: Collection[Grant]
    ) -> None:
        """Give a role to somebody who then holds all of `together`."""
        tx.allow(Action.STAFF_GRANT, user, role=str(grant.role))
        require_reach(tx, Action.STAFF_GRANT, user, sites_of(together))
        if grant.role not in STAFF:
            raise Invalid("role_not_for_staff", role=str(grant.role))
        if both := clash(roles_of(together)):
            raise Conflict("roles_clash", roles=", ".join(sorted(both)))
        site_id = await open_site(tx, user.institution_id, grant.site_id)
        tx.session.add(
            RoleGrant(
                user_id=user.id,
                role=str(grant.role),
                site_id=site_id,
                granted_by=tx.actor.user_id,
                at=tx.now,
            )
        )
        if grant.role in ADMINISTRATORS and Role.HOUSE not in tx.actor.roles:
            by = tx.actor.user_id
            tx.announce(AdministratorMade(user_id=user.id, role=str(grant.role), made_by=by))


async def staff_member(tx: Reading, user_id: UUID) -> User:
    """Return the account if it is one of staff; in a `Transaction` it is kept until we are done."""
    user = await tx.get(User, user_id)
    if user.kind is not UserKind.STAFF:
        raise NotFound("not_found", what="User", key=str(user_id))
    return user


def require_reach(
    tx: Transaction, action: Action, user: User, sites: Iterable[UUID | None]
) -> None:
    """Go on only if the actor may do this at each of these sites (None: in the whole house).

    Who answers for one site gives and takes nothing that counts in the whole house, and does not
    get hold of an account that does.
    """
    reached = reach(tx.actor, action)
    if None not in reached and not reached.issuperset(sites):
        raise Forbidden("beyond_your_site", action=str(action), subject=str(Subject.of(user)))


def sites_of(grants: Iterable[Grant]) -> frozenset[UUID | None]:
    """Return where these roles are held; None stands for the whole house."""
    return frozenset(grant.site_id for grant in grants)


def checked_reason(reason: str) -> str:
    """Return why somebody does something, without stray blanks; raise `Invalid` if nothing says."""
    reason = " ".join(reason.split())
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise Invalid("reason_needed", low=SHORTEST_REASON, high=LONGEST_REASON)
    return reason


def checked(details: StaffDetails) -> StaffDetails:
    """Return the details without stray blanks; raise `Invalid` for what is malformed."""
    email = details.email.strip()
    if email and not EMAIL.fullmatch(email):
        raise Invalid("email_malformed")
    if details.language not in LANGUAGES:
        raise Invalid("language_unknown", language=details.language)
    return StaffDetails(
        display_name=checked_name(details.display_name),
        staff_number=details.staff_number.strip(),
        phone=checked_phone(details.phone),
        email=email,
        language=details.language,
        site_id=details.site_id,
    )


def _account(new: NewStaff, institution_id: UUID, site_id: UUID | None, tx: Transaction) -> User:
    details, username = checked(new.details), fold(new.username)
    if not USERNAME.fullmatch(username):
        raise Invalid("username_malformed")
    user_id = new_id()
    return User(
        id=user_id,
        owner_id=user_id,
        institution_id=institution_id,
        site_id=site_id,
        username=username,
        staff_number=details.staff_number,
        display_name=details.display_name,
        phone=details.phone or None,
        email=details.email,
        language=details.language,
        is_synthetic=new.is_synthetic,
        created_at=tx.now,
        woken_at=tx.now,
    )


def roles_of(grants: Iterable[Grant]) -> frozenset[Role]:
    """Return which roles these are, wherever they are held."""
    return frozenset(grant.role for grant in grants)


async def settle(tx: Transaction) -> None:
    """Write what was added; raise `Conflict` if a name or number was given to somebody else."""
    try:
        await tx.session.flush()
    except IntegrityError:  # user names are unique in the house, staff numbers in an institution
        raise Conflict("staff_number_taken") from None
