"""Makers of departments and of those who treat in them, with their papers; see whose.py."""

from datetime import date
from uuid import UUID

from data.clinicians import (
    Clinician,
    CredentialPaper,
    CredentialState,
    Department,
    DepartmentMember,
    PaperKind,
    Profession,
)
from data.clock import new_id
from services.users.credential_rules import NEEDED
from tests.architecture.whose import Case, Maker, Whose, file

ENDS = date(2030, 1, 1)


async def department(case: Case) -> UUID:
    """A department of the case's institution; a closed one for `DELETED`."""
    row = Department(
        id=new_id(),
        code=new_id().hex,
        name="心血管内科专业",
        created_at=case.clinic.clock.now(),
        deleted_at=case.clinic.clock.now() if case.deleted else None,
        **case.place,
    )
    await case.keep(row)
    return row.id


async def treats(case: Case, owner_id: UUID, state: CredentialState) -> tuple[UUID, UUID]:
    """Keep a doctor with everything; return their file and their department."""
    now = case.clinic.clock.now()
    where = Department(
        id=new_id(), code=new_id().hex, name="心血管内科专业", created_at=now, **case.place
    )
    row = Clinician(
        id=new_id(),
        owner_id=owner_id,
        profession=Profession.DOCTOR,
        name="测试医生",
        licence="110110000000001",
        licence_valid_to=ENDS,
        practising_since=date(2010, 1, 1),
        main_institution="测试医院" if case.whose is not Whose.OTHER_HOUSE else "别家",
        certificate_serial="CA-1",
        certificate_valid_to=ENDS,
        state=state,
        created_at=now,
        **case.place,
    )
    await case.keep(where, row)
    mine = {"owner_id": owner_id, "clinician_id": row.id, **case.place}
    await case.keep(DepartmentMember(department_id=where.id, since=now, **mine))
    for kind in NEEDED[Profession.DOCTOR]:
        await case.keep(CredentialPaper(kind=kind, file_id=new_id(), added_at=now, **mine))
    return row.id, where.id


def credential(state: CredentialState) -> Maker:
    """Return a maker of a complete file in this state; files are never deleted."""

    async def make(case: Case) -> UUID:
        if case.deleted:
            return new_id()
        return (await treats(case, case.owner_id, state))[0]

    return make


async def paper(case: Case) -> UUID:
    """A paper in a draft."""
    file_id, _ = await treats(case, case.owner_id, CredentialState.DRAFT)
    now = case.clinic.clock.now()
    row = CredentialPaper(
        id=new_id(),
        owner_id=case.owner_id,
        clinician_id=file_id,
        kind=PaperKind.TITLE,
        file_id=await file(case),
        added_at=now,
        deleted_at=now if case.deleted else None,
        **case.place,
    )
    await case.keep(row)
    return row.id


async def colleague(case: Case) -> UUID:
    """The account of a doctor who may treat."""
    if case.deleted:
        return new_id()
    await treats(case, case.owner_id, CredentialState.ACTIVE)
    return case.owner_id


async def treated_by(case: Case) -> tuple[UUID, UUID]:
    """A doctor of the asker's own institution; return their account and department."""
    here = Case(case.clinic, case.actor, case.role, Whose.ANOTHERS)
    return here.another, (await treats(here, here.another, CredentialState.ACTIVE))[1]
