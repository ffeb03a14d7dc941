"""What other modules may know of a patient: who they are, and who acts for them. (R057, R-PAT-2)"""

import pytest

from data.clock import new_id
from data.errors import NotFound
from services.inquiries import Person
from services.policy import HOUSE
from services.users.person_directory import PersonDirectory
from tests.services.users.test_patients import ADULT, CHILD, MOTHER, house, verified, who

__all__ = ["house"]  # the fixture


async def person(house, patient_id) -> Person:
    async with house.transactions.read(HOUSE) as tx:
        return await PersonDirectory().person(tx, patient_id)


async def test_a_child_has_a_guardian_and_an_adult_has_an_account(house):
    """R-PAT-2: the guardian is the account that acts for the child, and nobody else."""
    token = await verified(house, MOTHER)
    child = await house.patients.register(await who(house, token), CHILD)
    mother = (await who(house, token)).user_id
    [own, _] = await house.patients.family(await who(house, token))

    small = await person(house, child)
    assert (small.name, small.birth_date.year, small.is_verified) == (CHILD.name, 2020, False)
    assert (small.guardians, small.accounts) == (frozenset({mother}), frozenset({mother}))

    grown = await person(house, own.patient_id)
    assert (grown.name, grown.phone, grown.is_verified) == (ADULT.name, MOTHER, True)
    assert (grown.guardians, grown.accounts) == (frozenset(), frozenset({mother}))


async def test_who_acts_no_longer_is_named_no_longer(house):
    token = await verified(house, MOTHER)
    child = await house.patients.register(await who(house, token), CHILD)
    await house.patients.leave(await who(house, token), child, "不再监护")
    alone = await person(house, child)
    assert (alone.guardians, alone.accounts) == (frozenset(), frozenset())


async def test_of_many_those_are_told_of_whom_there_are_any(house):
    token = await verified(house, MOTHER)
    [own] = await house.patients.family(await who(house, token))
    async with house.transactions.read(HOUSE) as tx:
        found = await PersonDirectory().persons(tx, [own.patient_id, new_id()])
        assert set(found) == {own.patient_id}
        assert await PersonDirectory().persons(tx, []) == {}
        with pytest.raises(NotFound):
            await PersonDirectory().person(tx, new_id())
