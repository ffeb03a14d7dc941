"""Work is raised once, done by one, never lost, and goes on when nobody does it."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from data.errors import Conflict, Forbidden, Invalid, NotFound
from data.outbox import Timer
from data.tasks import Task
from data.users import User, UserState
from services.audit import Search as AuditSearch
from services.events import StaffSuspended, TaskRaised
from services.policy import HOUSE, Action, Role, Subject
from services.tasks import Priority, Search, Sort, TaskState, Wanted
from tests.factories import INSTITUTION, MONDAY, OTHER_INSTITUTION, an_actor
from tests.web.people import signed_in

SOUTH = UUID("01900000-0000-7000-8000-000000000011")
NORTH = UUID("01900000-0000-7000-8000-000000000012")


def wanted(key="a", **more):
    settled = {
        "kind": "asked",
        "institution_id": INSTITUTION,
        "role": Role.NURSE,
        "values": {"words": "Call the patient back"},
        **more,
    }
    return Wanted(key=key, **settled)


async def test_raising_the_same_twice_makes_one(clinic):
    told = []
    clinic.bus.watch(told.append)
    first = await clinic.tasks.add(HOUSE, wanted())
    again = await clinic.tasks.add(HOUSE, wanted(values={"words": "Something else"}))

    assert first == again
    assert [type(event) for event in told] == [TaskRaised]
    assert (await clinic.tasks.page(an_actor(Role.NURSE), Search()))[1] == 1


async def test_a_task_raised_in_a_unit_that_fails_was_never_raised(clinic):
    async def raise_and_fail():
        async with clinic.transactions.open(HOUSE) as tx:
            tx.allow(Action.TASK_RAISE, Subject("task"))
            await clinic.tasks.raise_(tx, wanted(due_at=MONDAY))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await raise_and_fail()
    assert (await clinic.tasks.page(an_actor(Role.NURSE), Search()))[1] == 0
    await clinic.bus.ring()  # its timer is gone with it


async def test_a_task_for_nobody_is_refused(clinic):
    with pytest.raises(Invalid) as refusal:
        await clinic.tasks.add(HOUSE, wanted(role=None))
    assert refusal.value.code == "task_for_nobody"


async def test_two_colleagues_cannot_take_the_same_task(clinic):
    task = await clinic.tasks.add(HOUSE, wanted())
    ann, ben = an_actor(Role.NURSE), an_actor(Role.NURSE)

    assert (await clinic.tasks.take(ann, task)).owner_id == ann.user_id
    await clinic.tasks.take(ann, task)  # twice by the same hand is once
    with pytest.raises(Conflict) as refusal:
        await clinic.tasks.take(ben, task)
    assert refusal.value.code == "task_taken"


async def test_a_task_goes_from_hand_to_hand_and_is_closed_with_a_note(clinic, clock):
    task = await clinic.tasks.add(HOUSE, wanted())
    ann, ben = an_actor(Role.NURSE), (await signed_in(clinic, Role.NURSE)).actor
    await clinic.tasks.take(ann, task)
    await clinic.tasks.hand_over(ann, task, to=ben.user_id)
    clock.forward(minutes=3)

    closed = await clinic.tasks.close(ben, task, " reached the daughter ")

    assert closed.state is TaskState.DONE
    assert (closed.note, closed.closed_by) == ("reached the daughter", ben.user_id)
    assert closed.closed_at == clock.now()
    with pytest.raises(Conflict) as refusal:
        await clinic.tasks.close(ann, task, "again")
    assert refusal.value.code == "task_closed"


async def test_work_is_not_handed_to_somebody_who_would_never_see_it(clinic):
    """R061: nobody, a patient, another role, another site, another hospital, a leaver."""
    nurse = an_actor(Role.NURSE)
    task = await clinic.tasks.add(HOUSE, wanted(site_id=SOUTH))
    here = await signed_in(clinic, Role.NURSE, site_id=SOUTH)
    leaver = await signed_in(clinic, Role.NURSE)
    async with clinic.database.transaction(write=True) as session:
        (await session.get(User, leaver.actor.user_id)).state = UserState.SUSPENDED
    strangers = [
        an_actor(Role.NURSE),
        leaver.actor,
        *[
            (await signed_in(clinic, role, **place)).actor
            for role, place in (
                (Role.PATIENT, {}),
                (Role.DOCTOR, {}),
                (Role.NURSE, {"site_id": NORTH}),
                (Role.NURSE, {"institution_id": OTHER_INSTITUTION}),
            )
        ],
    ]
    for stranger in strangers:
        with pytest.raises(Invalid) as refusal:
            await clinic.tasks.hand_over(nurse, task, to=stranger.user_id)
        assert refusal.value.code == "task_person_wrong"
    assert (await clinic.tasks.one(nurse, task)).owner_id is None
    offered = await clinic.tasks.candidates(nurse, task)
    assert [each.id for each in offered] == [here.actor.user_id], "and nobody else is offered"
    await clinic.tasks.hand_over(nurse, task, to=here.actor.user_id)
    assert (await clinic.tasks.one(here.actor, task)).owner_id == here.actor.user_id


async def test_what_somebody_took_goes_back_to_all_who_could_do_it(clinic):
    ann, ben = an_actor(Role.NURSE), an_actor(Role.NURSE)
    task = await clinic.tasks.add(HOUSE, wanted())
    await clinic.tasks.take(ann, task)
    back = await clinic.tasks.hand_over(ann, task)
    assert (back.owner_id, back.state) == (None, TaskState.OPEN)
    assert (await clinic.tasks.take(ben, task)).owner_id == ben.user_id

    mine = await clinic.tasks.add(HOUSE, wanted("mine", role=None, owner_id=ann.user_id))
    with pytest.raises(Invalid, match="task_for_nobody"):
        await clinic.tasks.hand_over(ann, mine)


async def test_closing_without_a_note_is_refused(clinic):
    task = await clinic.tasks.add(HOUSE, wanted())
    with pytest.raises(Invalid) as refusal:
        await clinic.tasks.close(an_actor(Role.NURSE), task, "   ")
    assert refusal.value.code == "task_note_needed"


@pytest.mark.parametrize("act", ["take", "close", "hand_over"])
async def test_nobody_touches_the_work_of_another_role(clinic, act):
    """R061: and the refusal is in the trail."""
    task = await clinic.tasks.add(HOUSE, wanted(role=Role.SECURITY_ADMIN))
    nurse = an_actor(Role.NURSE)
    acts = {
        "take": lambda: clinic.tasks.take(nurse, task),
        "close": lambda: clinic.tasks.close(nurse, task, "done"),
        "hand_over": lambda: clinic.tasks.hand_over(nurse, task),
    }
    with pytest.raises(Forbidden):
        await acts[act]()
    with pytest.raises(NotFound):
        await clinic.tasks.one(nurse, task)
    entries, _ = await clinic.audit.page(an_actor(Role.AUDIT_ADMIN), AuditSearch(result="denied"))
    assert [entry.action for entry in entries] == [f"task:{act}"]


async def test_a_list_holds_what_is_mine_or_for_my_roles_at_my_sites(clinic):
    nurse = an_actor(Role.NURSE, site_id=SOUTH)
    for_me = await clinic.tasks.add(HOUSE, wanted("1", role=None, owner_id=nurse.user_id))
    here = await clinic.tasks.add(HOUSE, wanted("2", site_id=SOUTH))
    anywhere = await clinic.tasks.add(HOUSE, wanted("3"))
    await clinic.tasks.add(HOUSE, wanted("4", site_id=NORTH))
    await clinic.tasks.add(HOUSE, wanted("5", role=Role.DOCTOR))
    await clinic.tasks.add(HOUSE, wanted("6", institution_id=OTHER_INSTITUTION))

    rows, total = await clinic.tasks.page(nurse, Search())

    assert {row.id for row in rows} == {for_me, here, anywhere}
    assert total == 3
    with pytest.raises(Forbidden):
        await clinic.tasks.page(an_actor(Role.PATIENT), Search())


async def test_what_presses_most_stands_first_and_lists_are_sorted_searched_and_paged(clinic):
    nurse = an_actor(Role.NURSE)
    for number in range(5):
        await clinic.tasks.add(
            HOUSE,
            wanted(
                str(number),
                values={"words": f"请回电 No{number}"},
                due_at=MONDAY + timedelta(hours=5 - number),
                priority=Priority.URGENT if number == 0 else Priority.NORMAL,
            ),
        )

    rows, total = await clinic.tasks.page(nurse, Search(), limit=2)
    assert total == 5
    assert [row.values["words"][-1] for row in rows] == ["0", "4"]
    rows, _ = await clinic.tasks.page(nurse, Search(sort=Sort.DUE), offset=3, limit=2)
    assert [row.values["words"][-1] for row in rows] == ["1", "0"]
    rows, total = await clinic.tasks.page(nurse, Search(text="回电 no3"))
    assert ([row.values["words"][-1] for row in rows], total) == (["3"], 1)
    assert (await clinic.tasks.page(nurse, Search(text="%")))[1] == 0


async def test_the_frame_is_told_how_much_waits(clinic, clock):
    nurse = an_actor(Role.NURSE)
    await clinic.tasks.add(HOUSE, wanted("1", due_at=MONDAY + timedelta(hours=1)))
    second = await clinic.tasks.add(HOUSE, wanted("2", priority=Priority.URGENT))
    await clinic.tasks.take(nurse, second)
    clock.forward(hours=2)

    counts = await clinic.tasks.counts(nurse)

    assert (counts.open, counts.mine, counts.overdue, counts.urgent) == (2, 1, 1, 1)


async def test_an_overdue_task_goes_on_to_the_next_role_once(clinic, clock):
    await clinic.tasks.add(
        HOUSE, wanted(due_at=MONDAY + timedelta(hours=1), escalates_to=Role.MEDICAL_AFFAIRS)
    )
    affairs = an_actor(Role.MEDICAL_AFFAIRS)
    assert (await clinic.tasks.page(affairs, Search()))[1] == 0
    clock.forward(minutes=61)
    await clinic.bus.ring()
    await clinic.bus.deliver()

    [row], _ = await clinic.tasks.page(affairs, Search())
    assert row.escalated_at == clock.now()
    assert row.priority is Priority.HIGH
    assert row.overdue
    assert (await clinic.tasks.page(an_actor(Role.NURSE), Search()))[1] == 1  # still theirs too


async def test_a_closed_task_rings_nobody(clinic, clock, database):
    task = await clinic.tasks.add(
        HOUSE, wanted(due_at=MONDAY + timedelta(hours=1), escalates_to=Role.MEDICAL_AFFAIRS)
    )
    await clinic.tasks.close(an_actor(Role.NURSE), task, "done")
    async with database.transaction(write=False) as session:
        assert await session.scalar(select(Timer)) is None
    clock.forward(hours=2)
    await clinic.bus.ring()
    await clinic.bus.deliver()
    async with database.transaction(write=False) as session:
        assert (await session.scalar(select(Task))).escalated_at is None


async def test_the_work_of_somebody_who_is_suspended_goes_back_to_their_role(clinic):
    """R-STF-5: nothing waits for a person who cannot come in."""
    ann, ben = an_actor(Role.NURSE), an_actor(Role.NURSE)
    task = await clinic.tasks.add(HOUSE, wanted())
    await clinic.tasks.take(ann, task)

    for _ in range(2):  # twice is once
        await clinic.tasks.give_back(StaffSuspended(user_id=ann.user_id))

    assert (await clinic.tasks.take(ben, task)).owner_id == ben.user_id


async def test_a_task_whose_cause_is_gone_is_settled(clinic):
    await clinic.tasks.add(HOUSE, wanted())
    async with clinic.transactions.open(HOUSE) as tx:
        tx.allow(Action.TASK_CLOSE, Subject("task"))
        assert await clinic.tasks.settle(tx, INSTITUTION, "a", "works again")
    async with clinic.transactions.open(HOUSE) as tx:
        tx.allow(Action.TASK_CLOSE, Subject("task"))
        assert not await clinic.tasks.settle(tx, INSTITUTION, "a", "works again")


async def test_what_ends_only_by_its_own_act_is_not_closed_by_hand(clinic):
    """R042: a review or an approval is given where it belongs, not ticked off; the try is noted."""
    clinic.tasks.ends_at("asked", "/reviews?of={id}")
    task = await clinic.tasks.add(HOUSE, wanted(subject="thing:7"))
    nurse = an_actor(Role.NURSE)
    assert (await clinic.tasks.one(nurse, task)).place == "/reviews?of=7"

    for state in (TaskState.DONE, TaskState.CANCELLED):
        with pytest.raises(Forbidden) as refusal:
            await clinic.tasks.close(nurse, task, "done", state=state)
        assert refusal.value.code == "task_ends_elsewhere"
    entries, _ = await clinic.audit.page(an_actor(Role.AUDIT_ADMIN), AuditSearch(result="denied"))
    assert [entry.action for entry in entries] == ["task:close", "task:close"]

    async with clinic.transactions.open(nurse) as tx:
        tx.allow(Action.TASK_CLOSE, Subject("task", institution_id=INSTITUTION))
        assert await clinic.tasks.settle(tx, INSTITUTION, "a", "judged")


async def test_work_about_somebody_is_never_theirs(clinic):
    """R042: not by their role, not by a colleague's hand, not by what settles it."""
    ann, ben = an_actor(Role.NURSE), an_actor(Role.NURSE)
    task = await clinic.tasks.add(HOUSE, wanted(barred_id=ann.user_id))

    assert (await clinic.tasks.page(ann, Search()))[1] == 0
    assert (await clinic.tasks.counts(ann)).open == 0
    assert (await clinic.tasks.page(ben, Search()))[1] == 1
    for act in (
        clinic.tasks.take(ann, task),
        clinic.tasks.close(ann, task, "fine"),
        clinic.tasks.hand_over(ben, task, to=ann.user_id),
    ):
        with pytest.raises(Forbidden):
            await act
    with pytest.raises(Forbidden):
        async with clinic.transactions.open(ann) as tx:
            tx.allow(Action.TASK_CLOSE, Subject("task", institution_id=INSTITUTION))
            await clinic.tasks.settle(tx, INSTITUTION, "a", "fine")
    assert (await clinic.tasks.close(ben, task, "looked at")).state is TaskState.DONE


async def test_work_for_one_person_is_not_raised_for_whom_it_is_about(clinic):
    ann = an_actor(Role.NURSE)
    with pytest.raises(Invalid) as refusal:
        await clinic.tasks.add(HOUSE, wanted(owner_id=ann.user_id, barred_id=ann.user_id))
    assert refusal.value.code == "task_for_nobody"


async def test_who_plays_two_roles_looks_at_the_work_of_one(clinic, clock):
    """E1: with what has come to that role because it was overdue; never at that of others."""
    head = an_actor(Role.DOCTOR, Role.DEPARTMENT_HEAD)
    late = {"due_at": MONDAY + timedelta(hours=1), "escalates_to": Role.DEPARTMENT_HEAD}
    doctors = await clinic.tasks.add(HOUSE, wanted("1", role=Role.DOCTOR))
    heads = await clinic.tasks.add(HOUSE, wanted("2", role=Role.DEPARTMENT_HEAD))
    passed_on = await clinic.tasks.add(HOUSE, wanted("3", role=Role.NURSE, **late))
    await clinic.tasks.add(HOUSE, wanted("4", role=Role.PHARMACIST))
    clock.forward(minutes=61)
    await clinic.bus.ring()
    await clinic.bus.deliver()

    async def seen(role):
        rows, total = await clinic.tasks.page(head, Search(role=role))
        assert total == len(rows) == (await clinic.tasks.counts(head, role=role)).open
        return {row.id for row in rows}

    assert await seen(Role.DOCTOR) == {doctors}
    assert await seen(Role.DEPARTMENT_HEAD) == {heads, passed_on}
    assert await seen(Role.NURSE) == {passed_on}
    assert await seen(Role.PHARMACIST) == set()
    assert await seen(None) == {doctors, heads, passed_on}
