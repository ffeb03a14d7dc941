"""Three administrators, three people: whoever is missing is named until they are there. (S-AC-1)"""

from sqlalchemy import update

from data.users import User, UserState
from services.findings import Level
from services.i18n import LANGUAGES, Key, say
from services.institution import NewInstitution
from services.policy import Grant, Role
from services.users.registrar import NewStaff, StaffDetails
from tests.factories import an_actor
from tests.services.health.looks import found

HOUSE_OF_ONE = NewInstitution(name="示范县人民医院", uscc="121101019999000038")


def person(name: str, role: Role) -> NewStaff:
    return NewStaff(name, StaffDetails(display_name=name), frozenset({Grant(role)}))


async def test_a_new_house_is_told_which_administrators_it_lacks(clinic):
    """`xinglin init` makes the security administrator alone, who adds the other two."""
    first = person("anquan", Role.SECURITY_ADMIN)
    institution_id, (added,) = await clinic.founding.found(HOUSE_OF_ONE, [first])

    missing = await found(clinic, "administrators")

    assert {each.level for each in missing} == {Level.WARN}
    assert {each.values["role"] for each in missing} == {
        Key("role.system_admin"),
        Key("role.audit_admin"),
    }
    for language in LANGUAGES:
        for each in missing:
            role = say(language, each.values["role"])
            assert role in say(language, each.what, **each.values)
            assert say(language, each.remedy, **each.values)

    officer = an_actor(Role.SECURITY_ADMIN, user_id=added.user_id, institution_id=institution_id)
    for name, role in (("xitong", Role.SYSTEM_ADMIN), ("shenji", Role.AUDIT_ADMIN)):
        await clinic.staff.add(officer, person(name, role))
    [whole] = await found(clinic, "administrators")
    assert whole.level is Level.OK


async def test_a_house_that_nobody_can_let_anybody_into_is_told_the_way(clinic):
    """Accounts that nobody used sleep, also that of the last security administrator."""
    every = sorted((Role.SECURITY_ADMIN, Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN))
    await clinic.founding.found(HOUSE_OF_ONE, [person(role.value, role) for role in every])
    [whole] = await found(clinic, "administrators")
    assert whole.level is Level.OK
    asleep = update(User).where(User.username == Role.SECURITY_ADMIN.value)
    async with clinic.database.transaction(write=True) as session:
        await session.execute(asleep.values(state=UserState.DORMANT))

    [missing] = await found(clinic, "administrators")

    assert (missing.level, missing.code) == (Level.WARN, "nobody_lets_in")
    assert "xinglin staff add-admin" in say("en", missing.remedy, **missing.values)
