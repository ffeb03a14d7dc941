"""The list of staff: masked, searched, sorted and paged. (S-PI-1, R014)"""

import pytest

from data.clock import new_id
from data.errors import DomainError, Forbidden, Invalid
from data.users import UserState
from services.audit import Search
from services.institution import NewSite
from services.policy import Role
from services.users.roster import SORTS, StaffSearch, Standing
from tests.factories import OTHER_INSTITUTION, an_actor
from tests.services.users.conftest import HERE, PASSWORD, SECRET, somebody


@pytest.fixture
async def ward(hospital):
    """Seven nurses and a doctor, beside the security administrator."""
    nurses = [
        somebody(
            f"hushi{number}",
            Role.NURSE,
            display_name=f"王小{'一二三四五六七'[number]}",
            staff_number=f"N-{9 - number}",
            phone=f"1381234000{number}",
            email=f"n{number}@example.org",
        )
        for number in range(7)
    ]
    people = [*nurses, somebody("lihua", Role.DOCTOR, display_name="李小华")]
    await hospital.clinic.founding.seed(hospital.id, people, PASSWORD, SECRET)
    return hospital


async def names(hospital, **search):
    page = await hospital.clinic.roster.page(hospital.security(), StaffSearch(**search))
    return [member.username for member in page.members]


async def test_a_list_is_masked(ward):
    """S-PI-1."""
    page = await ward.clinic.roster.page(ward.security(), StaffSearch(text="hushi0"))
    [member] = page.members
    assert (member.name, member.phone, member.email) == (
        "王*一",
        "138****0000",
        "n****@example.org",
    )


async def test_unmasking_says_why_and_is_noted(ward):
    """S-PI-1, S-AUD-1: unmask = logged action."""
    [member] = (await ward.clinic.roster.page(ward.security(), StaffSearch(text="hushi0"))).members
    with pytest.raises(Invalid, match="reason_needed"):
        await ward.clinic.roster.unmask(ward.security(), member.id, " ")

    clear = await ward.clinic.roster.unmask(ward.security(), member.id, "call about the shift")

    assert (clear.display_name, clear.phone, clear.email) == (
        "王小一",
        "13812340000",
        "n0@example.org",
    )
    auditor = ward.acting(Role.AUDIT_ADMIN)
    [entry], _ = await ward.clinic.audit.page(auditor, Search(action="staff:unmask"))
    assert (entry.purpose, entry.subject) == (
        "call about the shift",
        f"user_account:{member.id}",
    )
    with pytest.raises(Forbidden):
        await ward.clinic.roster.unmask(auditor, member.id, "curiosity")


FOUND = {
    "hushi3": ["hushi3"],
    "HUSHI3": ["hushi3"],
    "N-9": ["hushi0"],
    "小华": ["lihua"],
    "13812340005": ["hushi5"],
    "1381234": [],  # a phone number is found whole or not at all
    "%": [],
    "_": [],
    "nobody": [],
}


async def test_people_are_found_by_what_one_knows(ward):
    assert {text: await names(ward, text=text) for text in FOUND} == FOUND


async def test_lists_narrow_by_role_state_and_site(ward):
    assert await names(ward, role=Role.DOCTOR) == ["lihua"]
    assert await names(ward, state=UserState.SUSPENDED) == []
    site = await ward.clinic.institutions.add_site(ward.acting(Role.SYSTEM_ADMIN), NewSite("北院"))
    assert await names(ward, site_id=site) == []
    await ward.hire("beiyuan", Role.NURSE, site_id=site)
    assert await names(ward, site_id=site) == ["beiyuan"]


async def test_pages_follow_each_other_without_gap_or_overlap(ward):
    seen = []
    for offset in range(0, 9, 4):
        search = StaffSearch(sort="created_at", offset=offset, limit=4)
        page = await ward.clinic.roster.page(ward.security(), search)
        assert page.total == 9
        seen += [member.id for member in page.members]
    assert len(seen) == len(set(seen)) == 9


async def test_lists_sort_both_ways(ward):
    for sort in SORTS:
        for descending in (False, True):
            assert len(await names(ward, sort=sort, descending=descending)) == 9


async def test_sorting_sorts(ward):
    numbers = ["hushi6", "hushi5", "hushi4", "hushi3", "hushi2", "hushi1", "hushi0"]
    assert await names(ward, sort="staff_number", role=Role.NURSE) == numbers
    assert await names(ward, sort="staff_number", role=Role.NURSE, descending=True) == numbers[::-1]


async def test_only_what_is_meant_to_be_sorted_by_is(ward):
    for sort in ("", "display_name; DROP TABLE user_account", "phone", "id"):
        with pytest.raises(Invalid, match="sort_unknown"):
            await names(ward, sort=sort)


async def test_a_page_has_a_sensible_size(ward):
    for limit, seen in ((-5, 1), (0, 1), (100_000, 9)):
        assert len(await names(ward, limit=limit)) == seen


async def test_who_may_not_see_staff_sees_none(ward):
    with pytest.raises(Forbidden):
        await ward.clinic.roster.page(ward.acting(Role.NURSE), StaffSearch())
    stranger = ward.acting(Role.HR)
    stranger = type(stranger)(stranger.user_id, stranger.grants, new_id())
    assert (await ward.clinic.roster.page(stranger, StaffSearch())).total == 0


async def test_a_role_at_one_site_sees_that_site_and_what_is_everybodys(ward):
    """What belongs to no site is everybody's; another site's is not."""
    system = ward.acting(Role.SYSTEM_ADMIN)
    north = await ward.clinic.institutions.add_site(system, NewSite("北院"))
    south = await ward.clinic.institutions.add_site(system, NewSite("南院"))
    await ward.hire("bei", Role.NURSE, site_id=north)
    await ward.hire("nan", Role.NURSE, site_id=south)
    hr = ward.acting(Role.HR, site_id=north)
    page = await ward.clinic.roster.page(hr, StaffSearch(role=Role.NURSE, limit=100))
    seen = {member.username for member in page.members}
    assert "bei" in seen
    assert "nan" not in seen


async def test_who_of_the_staff_cannot_come_in_is_counted(hospital):
    """And what somebody guessed at who has no account is nobody's."""
    staff, roster = hospital.clinic.staff, hospital.clinic.roster
    ann = await hospital.hire("ann", Role.NURSE)
    ben = await hospital.hire("ben", Role.NURSE)
    assert await roster.standing(hospital.security()) == Standing(0, 0, 0)

    await staff.suspend(hospital.security(), ann.id, "on leave")
    for name in (ben.username, "nobody"):
        for _ in range(5):
            hospital.clock.forward(seconds=17)
            with pytest.raises(DomainError):
                await hospital.clinic.sign_in.begin(name, "Winter-sturm 9", HERE)
    assert await roster.standing(hospital.security()) == Standing(1, 0, 1)
    stranger = an_actor(Role.SECURITY_ADMIN, institution_id=OTHER_INSTITUTION)
    assert await roster.standing(stranger) == Standing(0, 0, 0)
    hospital.clock.forward(hours=2)
    assert await roster.standing(hospital.security()) == Standing(1, 0, 0)
