"""The first day of a house, and the people of a demo."""

import pytest

from data.errors import Conflict, Forbidden, Invalid
from services.clinic import Clinic
from services.policy import ANYBODY, Role
from services.users.roster import StaffSearch
from tests.services.users.conftest import HERE, HOSPITAL, PASSWORD, SECRET, somebody

THREE = [
    somebody("anquan", Role.SECURITY_ADMIN),
    somebody("xitong", Role.SYSTEM_ADMIN),
    somebody("shenji", Role.AUDIT_ADMIN),
]


async def test_a_house_is_founded_with_three_administrators(clinic):
    """S-AC-1: three different people from the first day."""
    institution_id, accounts = await clinic.founding.found(HOSPITAL, THREE)

    assert [account.username for account in accounts] == ["anquan", "xitong", "shenji"]
    assert len({account.temporary_password for account in accounts}) == 3
    for account in accounts:
        step = await clinic.sign_in.begin(account.username, account.temporary_password, HERE)
        assert step.stage == "new_password"
    house = await clinic.institutions.read(ANYBODY)
    assert (house.id, house.details, house.is_demo) == (institution_id, HOSPITAL, False)
    await clinic.close()


async def test_a_house_is_founded_once(clinic):
    await clinic.founding.found(HOSPITAL, THREE)
    with pytest.raises(Conflict, match="institution_founded_already"):
        await clinic.founding.found(HOSPITAL, THREE)
    await clinic.close()


@pytest.mark.parametrize("administrators", [[], THREE[1:]])
async def test_somebody_must_be_able_to_let_others_in(clinic, administrators):
    with pytest.raises(Invalid, match="security_admin_needed"):
        await clinic.founding.found(HOSPITAL, administrators)
    await clinic.close()


async def test_a_founding_that_fails_leaves_nothing(clinic):
    both = somebody("both", Role.SECURITY_ADMIN, Role.AUDIT_ADMIN)
    with pytest.raises(Conflict, match="roles_clash"):
        await clinic.founding.found(HOSPITAL, [both])
    assert (await clinic.founding.found(HOSPITAL, THREE))[1]
    await clinic.close()


async def test_a_known_password_is_for_demos_only(clinic):
    """After `init` no demo account or password is active."""
    institution_id, _ = await clinic.founding.found(HOSPITAL, THREE)
    people = [somebody("lihua", Role.DOCTOR)]
    with pytest.raises(Forbidden, match="demo_only"):
        await clinic.founding.seed(institution_id, people, PASSWORD, SECRET)

    demo = clinic.settings.model_copy(update={"demo": True})  # the settings alone do not help
    careless = Clinic.open(clinic.database, clinic.clock, clinic.keys, demo)
    with pytest.raises(Forbidden, match="demo_only"):
        await careless.founding.seed(institution_id, people, PASSWORD, SECRET)
    await clinic.close()
    await careless.close()


async def test_a_demo_is_filled_with_people_who_can_sign_in(hospital):
    people = [somebody(f"yisheng{n}", Role.DOCTOR) for n in range(3)]
    ids = await hospital.clinic.founding.seed(hospital.id, people, PASSWORD, SECRET)

    page = await hospital.clinic.roster.page(hospital.security(), StaffSearch(role=Role.DOCTOR))
    assert {member.id for member in page.members} == set(ids)
    assert all(member.is_synthetic for member in page.members)
    assert (await hospital.clinic.institutions.read(hospital.security())).is_demo
