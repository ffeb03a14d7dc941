"""Papers that end are asked for sixty, thirty and seven days before, once each. (R-ORG-1)"""

from datetime import date, timedelta

import pytest

from data.errors import Conflict
from data.institution import Institution
from services.policy import HOUSE, Action, Role, Subject
from services.tasks import Priority, Search
from tests.factories import INSTITUTION, an_actor

TODAY = date(2026, 3, 2)


async def founded(clinic, licence, grading=date(2030, 1, 1)):
    async with clinic.transactions.open(HOUSE) as tx:
        tx.allow(Action.INSTITUTION_FOUND, Subject("institution"))
        tx.session.add(
            Institution(
                id=INSTITUTION,
                name="示范县人民医院(测试)",
                uscc="121101019999000038",
                licence_valid_to=licence,
                grading_valid_to=grading,
                created_at=tx.now,
            )
        )


async def asked(clinic):
    rows, _ = await clinic.tasks.page(an_actor(Role.SYSTEM_ADMIN), Search(text="licence"))
    return [(row.kind, row.priority) for row in rows]


async def test_each_warning_comes_once_and_the_last_one_presses(clinic, clock):
    await founded(clinic, TODAY + timedelta(days=61))
    assert await clinic.licences.remind() == 0
    kinds = []
    for days in (1, 0, 30, 0, 23, 0):
        clock.forward(days=days)
        await clinic.licences.remind()
        kinds.append(len(await asked(clinic)))
    assert kinds == [1, 1, 2, 2, 3, 3]
    assert (await asked(clinic))[0] == ("licence_expires", Priority.URGENT)


async def test_a_paper_that_has_ended_is_said_to_have(clinic):
    await founded(clinic, TODAY - timedelta(days=1))
    await clinic.licences.remind()
    assert await asked(clinic) == [("licence_expired", Priority.URGENT)]


@pytest.mark.parametrize(
    ("ends", "open_for_visits"), [(TODAY, True), (TODAY - timedelta(1), False)]
)
async def test_no_new_visit_once_the_licence_has_ended(clinic, ends, open_for_visits):
    """R015, R-ORG-1: the last day still counts; the hospital may choose otherwise."""
    await founded(clinic, ends)
    async with clinic.transactions.read(HOUSE) as tx:
        tx.allow(Action.INSTITUTION_READ, Subject("institution"))
        institution = await tx.get(Institution, INSTITUTION)
        if open_for_visits:
            clinic.licences.require(tx, institution)
            return
        with pytest.raises(Conflict) as refusal:
            clinic.licences.require(tx, institution)
    assert refusal.value.code == "licence_expired"
    admin = an_actor(Role.SYSTEM_ADMIN)
    key = "policy.org.block_on_expired_licence"
    await clinic.policy.change(admin, key, False, "renewal is on its way")
    async with clinic.transactions.read(HOUSE) as tx:
        tx.allow(Action.INSTITUTION_READ, Subject("institution"))
        clinic.licences.require(tx, institution)
