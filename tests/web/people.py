"""Signed-in people for tests of pages, sockets and the API: real accounts with real sessions."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from data.clock import new_id
from data.institution import Institution
from data.users import RoleGrant, Session, SessionStage, User, UserKind
from services.clinic import Clinic
from services.policy import HOUSE, Actor, Role
from services.rules import OUTSIDERS
from services.users.sessions import new_token
from tests.factories import INSTITUTION

USCC = "91350100M000100Y43"  # the example of GB 32100


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who has just signed in: `token` is what their browser's cookie holds."""

    token: str
    actor: Actor

    @property
    def session_id(self) -> UUID:
        assert self.actor.session_id
        return self.actor.session_id


async def signed_in(
    clinic: Clinic,
    *roles: Role,
    name: str = "",
    site_id: UUID | None = None,
    institution_id: UUID = INSTITUTION,
) -> SignedIn:
    """Return somebody with these roles, as if they had signed in with all factors a moment ago."""
    user_id, session_id, token, now = new_id(), new_id(), new_token(), clinic.clock.now()
    place = {"institution_id": institution_id, "site_id": site_id}
    kind = UserKind.PATIENT if set(roles) <= OUTSIDERS else UserKind.STAFF
    async with clinic.database.transaction(write=True) as session:
        if await session.get(Institution, institution_id) is None:
            code = USCC if institution_id == INSTITUTION else f"{institution_id.hex[:18].upper()}"
            session.add(Institution(id=institution_id, name="测试医院", uscc=code, created_at=now))
        session.add(
            User(
                id=user_id,
                owner_id=user_id,
                kind=kind,
                username=name or f"user-{user_id}",
                display_name=name or "测试人员",
                created_at=now,
                woken_at=now,
                **place,
            )
        )
        await session.flush()
        session.add_all(
            RoleGrant(
                user_id=user_id, role=str(role), site_id=site_id, granted_by=HOUSE.user_id, at=now
            )
            for role in roles
        )
        session.add(
            Session(
                id=session_id,
                user_id=user_id,
                owner_id=user_id,
                token_digest=clinic.sessions.digest(token),
                stage=SessionStage.OPEN,
                proven=True,
                opened_at=now,
                last_seen_at=now,
                ends_at=now + timedelta(hours=12),
                confirmed_at=now,
                **place,
            )
        )
    actor = await clinic.sessions.actor_of(token)
    assert actor
    return SignedIn(token, actor)
