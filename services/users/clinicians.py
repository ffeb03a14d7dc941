"""A clinician's own file: what they tell about themselves, and their papers. (资质档案)"""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from data.clinicians import (
    Clinician,
    CredentialPaper,
    CredentialState,
    CredentialStep,
    Department,
    DepartmentMember,
    PaperKind,
    Profession,
)
from data.clock import new_id
from data.errors import Conflict, Forbidden, Invalid, NotFound
from data.patients import IdentityDocument
from services.institution import checked_name
from services.own_files import require_own
from services.permissions import Action
from services.policy import Actor, Subject
from services.transaction import Reading, Transaction, Transactions
from services.users.credential_rules import professions_of
from services.users.identity import checked_identity

__all__ = ["ClinicianFiles", "CredentialState", "Details", "File", "PaperKind", "Profession"]

OPEN_TO_CHANGE = (CredentialState.DRAFT,)
LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Details:
    """What a clinician tells about themselves."""

    profession: Profession
    name: str
    identity: str
    licence: str
    licence_valid_to: date | None = None
    qualification: str = ""
    title: str = ""
    category: str = ""
    scope: str = ""
    practising_since: date | None = None
    main_institution: str = ""
    introduction: str = ""
    department_ids: frozenset[UUID] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper of evidence."""

    id: UUID
    kind: PaperKind
    file_id: UUID
    valid_to: date | None
    added_at: datetime
    verified_by: UUID | None
    verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Taken:
    """One step of the review that was taken."""

    came_from: CredentialState
    went_to: CredentialState
    taken_by: UUID
    taken_at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class File:
    """Everything about one clinician's right to work here; the identity number is not in it."""

    id: UUID
    owner_id: UUID
    profession: Profession
    name: str
    title: str
    licence: str
    licence_valid_to: date | None
    qualification: str
    category: str
    scope: str
    practising_since: date | None
    main_institution: str
    introduction: str
    certificate_serial: str
    certificate_valid_to: date | None
    filing_number: str
    state: CredentialState
    reason: str
    department_ids: frozenset[UUID]
    papers: tuple[Paper, ...]
    steps: tuple[Taken, ...]
    version: int


class ClinicianFiles:
    """The personnel files of those who treat."""

    def __init__(self, transactions: Transactions, zone: ZoneInfo) -> None:
        self._transactions = transactions
        self._zone = zone

    async def keep(self, actor: Actor, details: Details, version: int = 0) -> UUID:
        """Begin one's own file, or change it while it is a draft; return it.

        `version` is that of the file as it was shown, 0 if there was none. An empty identity
        number leaves the one that is known: nobody is asked twice.

        Raise `Invalid` for what is malformed, `Forbidden("profession_not_yours")`, `Conflict`:
        `credential_in_review`, `changed_meanwhile`.
        """
        async with self._transactions.open(actor) as tx:
            tx.allow(
                Action.CREDENTIAL_KEEP,
                Subject("clinician", "", actor.home, owner_id=actor.user_id),
            )
            if details.profession not in professions_of(actor):
                raise Forbidden("profession_not_yours", action=str(Action.CREDENTIAL_KEEP))
            row = await _own(tx, details.profession)
            if row is not None and row.state not in OPEN_TO_CHANGE:
                raise Conflict("credential_in_review", state=str(row.state))
            if version != (row.version if row else 0):
                raise Conflict("changed_meanwhile")
            known = row.identity if row and not details.identity.strip() else ""
            number = known or _number(details.identity, self._today(tx))
            if row is None:
                row = Clinician(
                    id=new_id(),
                    institution_id=actor.home,
                    owner_id=actor.user_id,
                    profession=details.profession,
                    name=checked_name(details.name),
                    created_at=tx.now,
                )
                tx.session.add(row)
            _write(row, details, number)
            await tx.session.flush()
            await _join(tx, row, details.department_ids)
            return tx.answer(row.id)

    async def add_paper(
        self,
        actor: Actor,
        clinician_id: UUID,
        kind: PaperKind,
        file_id: UUID,
        valid_to: date | None = None,
    ) -> UUID:
        """Put a paper into one's own file, while it is a draft."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Clinician, clinician_id)
            tx.allow(Action.CREDENTIAL_KEEP, row, purpose=str(kind))
            if row.state not in OPEN_TO_CHANGE:
                raise Conflict("credential_in_review", state=str(row.state))
            await require_own(tx, [file_id])
            paper = put_paper(tx, row, kind, file_id, valid_to)
            return tx.answer(paper.id)

    async def remove_paper(self, actor: Actor, paper_id: UUID) -> None:
        """Take a paper out of one's own draft."""
        async with self._transactions.open(actor) as tx:
            paper = await tx.get(CredentialPaper, paper_id)
            tx.allow(Action.CREDENTIAL_KEEP, paper, purpose="remove")
            row = await tx.get(Clinician, paper.clinician_id)
            if row.state not in OPEN_TO_CHANGE:
                raise Conflict("credential_in_review", state=str(row.state))
            paper.deleted_at = tx.now

    async def mine(self, actor: Actor) -> list[File]:
        """Return one's own files: one a profession."""
        async with self._transactions.read(actor) as tx:
            tx.allow(
                Action.CREDENTIAL_READ,
                Subject("clinician", "", actor.home, owner_id=actor.user_id),
            )
            query = select(Clinician).where(Clinician.owner_id == actor.user_id)
            return [await file_of(tx, row) for row in await tx.session.scalars(query)]

    async def one(self, actor: Actor, clinician_id: UUID) -> File:
        """Return a file, or raise `NotFound`."""
        async with self._transactions.read(actor) as tx:
            row = await tx.get(Clinician, clinician_id)
            tx.allow(Action.CREDENTIAL_READ, row)
            return await file_of(tx, row)

    def _today(self, tx: Reading) -> date:
        return tx.now.astimezone(self._zone).date()


def put_paper(
    tx: Transaction, row: Clinician, kind: PaperKind, file_id: UUID, valid_to: date | None = None
) -> CredentialPaper:
    """Put a paper into a file, as part of what `tx` does."""
    paper = CredentialPaper(
        id=new_id(),
        institution_id=row.institution_id,
        site_id=row.site_id,
        owner_id=row.owner_id,
        clinician_id=row.id,
        kind=kind,
        file_id=file_id,
        valid_to=valid_to,
        added_at=tx.now,
    )
    tx.session.add(paper)
    return paper


async def papers_of(tx: Reading, clinician_id: UUID) -> list[CredentialPaper]:
    """Return the papers of a file that count."""
    query = select(CredentialPaper).where(
        CredentialPaper.clinician_id == clinician_id, CredentialPaper.deleted_at.is_(None)
    )
    return list(await tx.session.scalars(query.order_by(CredentialPaper.added_at)))


async def steps_of(tx: Reading, clinician_id: UUID) -> list[CredentialStep]:
    """Return the steps of a review in the order they were taken."""
    query = select(CredentialStep).where(CredentialStep.clinician_id == clinician_id)
    return list(
        await tx.session.scalars(query.order_by(CredentialStep.taken_at, CredentialStep.id))
    )


async def departments_of(tx: Reading, clinician_id: UUID) -> frozenset[UUID]:
    """Return the departments a clinician belongs to and the institution is licensed for."""
    query = (
        select(DepartmentMember.department_id)
        .join(Department, Department.id == DepartmentMember.department_id)
        .where(
            DepartmentMember.clinician_id == clinician_id,
            DepartmentMember.deleted_at.is_(None),
            Department.deleted_at.is_(None),
        )
    )
    return frozenset(await tx.session.scalars(query))


async def file_of(tx: Reading, row: Clinician) -> File:
    """Return everything about one clinician."""
    return File(
        id=row.id,
        owner_id=row.owner_id,
        profession=row.profession,
        name=row.name,
        title=row.title,
        licence=row.licence,
        licence_valid_to=row.licence_valid_to,
        qualification=row.qualification,
        category=row.category,
        scope=row.scope,
        practising_since=row.practising_since,
        main_institution=row.main_institution,
        introduction=row.introduction,
        certificate_serial=row.certificate_serial,
        certificate_valid_to=row.certificate_valid_to,
        filing_number=row.filing_number,
        state=row.state,
        reason=row.state_reason,
        department_ids=await departments_of(tx, row.id),
        papers=tuple(
            Paper(
                *(paper.id, paper.kind, paper.file_id, paper.valid_to),
                *(paper.added_at, paper.verified_by, paper.verified_at),
            )
            for paper in await papers_of(tx, row.id)
        ),
        steps=tuple(
            Taken(step.came_from, step.went_to, step.taken_by, step.taken_at, step.note)
            for step in await steps_of(tx, row.id)
        ),
        version=row.version,
    )


async def _own(tx: Transaction, profession: Profession) -> Clinician | None:
    query = select(Clinician).where(
        Clinician.owner_id == tx.actor.user_id, Clinician.profession == profession
    )
    return await tx.session.scalar(query.with_for_update())


def _number(typed: str, today: date) -> str:
    return checked_identity(IdentityDocument.RESIDENT_CARD, typed, today).number


def _write(row: Clinician, details: Details, number: str) -> None:
    if len(details.introduction) > LONGEST_TEXT:
        raise Invalid("text_too_long", high=LONGEST_TEXT)
    row.name, row.title = checked_name(details.name), details.title.strip()
    row.identity = number
    row.licence, row.licence_valid_to = details.licence.strip(), details.licence_valid_to
    row.qualification = details.qualification.strip()
    row.category, row.scope = details.category.strip(), details.scope.strip()
    row.practising_since = details.practising_since
    row.main_institution = details.main_institution.strip()
    row.introduction = details.introduction.strip()


async def _join(tx: Transaction, row: Clinician, wanted: frozenset[UUID]) -> None:
    """Make the clinician a member of exactly these departments; raise `NotFound` for others."""
    known = select(Department.id).where(
        Department.institution_id == row.institution_id,
        Department.deleted_at.is_(None),
        Department.id.in_(wanted),
    )
    if set(await tx.session.scalars(known)) != set(wanted):
        raise NotFound("not_found", what="Department", key="")
    query = select(DepartmentMember).where(
        DepartmentMember.clinician_id == row.id, DepartmentMember.deleted_at.is_(None)
    )
    members = {member.department_id: member for member in await tx.session.scalars(query)}
    for department_id, member in members.items():
        if department_id not in wanted:
            member.deleted_at = tx.now
    tx.session.add_all(
        DepartmentMember(
            institution_id=row.institution_id,
            site_id=row.site_id,
            owner_id=row.owner_id,
            clinician_id=row.id,
            department_id=department_id,
            since=tx.now,
        )
        for department_id in sorted(wanted - set(members))
    )
