"""What somebody types is kept for a week, for nobody but them."""

import pytest
from sqlalchemy import select, text

from data.drafts import Draft
from data.errors import Forbidden, Invalid, Unauthenticated
from services.policy import ANYBODY, HOUSE, Role
from tests.factories import an_actor

FORM = "staff-new"


async def test_a_draft_is_there_again_after_it_was_put(clinic, clock):
    nurse = an_actor(Role.NURSE)
    await clinic.drafts.put(nurse, FORM, {"name": "测试"})
    clock.forward(minutes=1)
    at = await clinic.drafts.put(nurse, FORM, {"name": "测试人员"})

    kept = await clinic.drafts.take(nurse, FORM)

    assert kept is not None
    assert kept.values == {"name": "测试人员"}
    assert kept.saved_at == at == clock.now()


async def test_nobody_finds_anothers_draft(clinic):
    await clinic.drafts.put(an_actor(Role.NURSE), FORM, {"name": "测试"})
    assert await clinic.drafts.take(an_actor(Role.NURSE), FORM) is None


async def test_a_visitor_keeps_no_draft(clinic):
    with pytest.raises((Unauthenticated, Forbidden)):
        await clinic.drafts.put(ANYBODY, FORM, {"name": "测试"})


async def test_a_draft_that_was_sent_is_gone(clinic):
    nurse = an_actor(Role.NURSE)
    await clinic.drafts.put(nurse, FORM, {"name": "测试"})
    await clinic.drafts.drop(nurse, FORM)
    await clinic.drafts.drop(nurse, FORM)  # a second tab says so too
    assert await clinic.drafts.take(nurse, FORM) is None


async def test_a_draft_is_forgotten_after_a_week(clinic, clock, database):
    nurse = an_actor(Role.NURSE)
    await clinic.drafts.put(nurse, FORM, {"name": "测试"})
    clock.forward(days=6)
    assert await clinic.drafts.take(nurse, FORM) is not None
    clock.forward(days=1)
    assert await clinic.drafts.take(nurse, FORM) is None

    await clinic.drafts.prune(HOUSE)

    async with database.transaction(write=False) as session:
        assert (await session.scalars(select(Draft))).all() == []


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("../etc", {}),
        ("", {}),
        (FORM, {str(n): "" for n in range(101)}),
        (FORM, {"note": "字" * 30_000}),
    ],
)
async def test_what_is_no_draft_is_refused(clinic, form, values):
    with pytest.raises(Invalid, match="draft_not_kept"):
        await clinic.drafts.put(an_actor(Role.NURSE), form, values)


async def test_no_draft_stands_readable_in_the_database(clinic, database):
    """Sealed also where the file itself is not encrypted (PostgreSQL). (S-CRY-1)"""
    await clinic.drafts.put(an_actor(Role.NURSE), FORM, {"name": "geheimnis"})
    async with database.transaction(write=False) as session:
        typed = (await session.execute(text("SELECT typed FROM draft"))).scalar_one()
    assert b"geheimnis" not in bytes(typed)
