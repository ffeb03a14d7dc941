"""What the reviewers of credentials see: the list, one file with all it lacks, its papers. (5.9)"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, or_, select

from data.clinicians import Clinician, CredentialPaper, CredentialState, PaperKind, Profession
from data.errors import NotFound
from data.files import StoredFile
from data.institution import Institution
from data.stored_file import KeptFile
from services.permissions import RULES, Action
from services.policy import Actor, Subject, visible
from services.policy_settings import PolicySettings
from services.transaction import Reading, Transactions
from services.uploads import Kept
from services.users.clinicians import File, departments_of, file_of, papers_of
from services.users.credential_rules import STEPS, Lack, Papers, missing, needed
from services.users.directory import UserDirectory

LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class Sought:
    """Which files to look for; empty fields look for all."""

    state: CredentialState | None = None
    text: str = ""
    """Part of a name, or a whole licence number."""
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list."""

    id: UUID
    name: str
    profession: Profession
    title: str
    licence_valid_to: date | None
    state: CredentialState
    created_at: datetime
    is_turn: bool
    """Whether the next step is one that the reader's role takes."""


@dataclass(frozen=True, slots=True)
class Entries:
    """A page of the list, and how many there are in all."""

    entries: tuple[Entry, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Look:
    """One file, with what is still to be done about it."""

    file: File
    missing: tuple[Lack, ...]
    needed: tuple[PaperKind, ...]
    names: dict[UUID, str]
    """What those are called who have taken a step."""
    media_types: dict[UUID, str]
    """What sort of file each paper is, by the file's id."""


class CredentialDesk:
    """The reading side of the review."""

    def __init__(
        self,
        transactions: Transactions,
        directory: UserDirectory,
        policy: PolicySettings,
        zone: ZoneInfo,
    ) -> None:
        self._transactions = transactions
        self._directory = directory
        self._policy = policy
        self._zone = zone

    async def page(self, actor: Actor, sought: Sought) -> Entries:
        """Return one page of the files the actor reviews: those whose turn it is, first."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.CREDENTIAL_REVIEW, Subject("clinician", "", actor.home))
            turns = turns_of(actor)
            where = [visible(actor, Action.CREDENTIAL_REVIEW, Clinician), *_clauses(sought)]
            total = await tx.session.scalar(select(func.count(Clinician.id)).where(*where))
            query = (
                select(Clinician)
                .where(*where)
                .order_by(
                    Clinician.state.not_in(turns),
                    Clinician.state == CredentialState.DRAFT,
                    *(Clinician.created_at, Clinician.id),
                )
                .offset(sought.offset)
                .limit(max(1, min(sought.limit, LARGEST_PAGE)))
            )
            rows = await tx.session.scalars(query)
            return Entries(tuple(_entry(row, turns) for row in rows), total or 0)

    async def look(self, actor: Actor, clinician_id: UUID) -> Look:
        """Return a file with all it lacks, to its owner and to who reviews it."""
        async with self._transactions.read(actor) as tx:
            row = await tx.get(Clinician, clinician_id)
            tx.allow(Action.CREDENTIAL_READ, row)
            file = await file_of(tx, row)
            takers = {step.taken_by for step in file.steps}
            return Look(
                file=file,
                missing=await lacks(tx, row, self._policy, tx.now.astimezone(self._zone).date()),
                needed=needed(row.profession, row.main_institution, await _here(tx, row)),
                names=await self._directory.usernames(tx.session, takers),
                media_types=await _media_types(tx, [paper.file_id for paper in file.papers]),
            )

    async def paper(self, actor: Actor, paper_id: UUID) -> Kept:
        """Return the file of a paper to who may read what it belongs to; looking is noted.

        Raise `NotFound`, `Forbidden`.
        """
        async with self._transactions.open(actor) as tx:
            paper = await tx.get(CredentialPaper, paper_id)
            tx.allow(Action.CREDENTIAL_READ, paper, purpose=str(paper.kind))
            row = await tx.session.get(KeptFile, paper.file_id)
            if row is None or row.shredded_at is not None:
                raise NotFound("not_found", what="KeptFile", key=str(paper.file_id))
            return Kept(row.id, row.media_type, row.size, StoredFile.of(row))


def turns_of(actor: Actor) -> frozenset[CredentialState]:
    """Return the states out of which the actor's roles take the next step."""
    return frozenset(
        step.came_from for step in STEPS[1:] if not actor.roles.isdisjoint(RULES[step.action])
    )


async def lacks(
    tx: Reading, row: Clinician, policy: PolicySettings, today: date
) -> tuple[Lack, ...]:
    """Return all that a file lacks today."""
    papers = Papers(
        profession=row.profession,
        licence=row.licence,
        licence_valid_to=row.licence_valid_to,
        practising_since=row.practising_since,
        main_institution=row.main_institution,
        kinds=_valid(await papers_of(tx, row.id), today),
        departments=len(await departments_of(tx, row.id)),
    )
    years = policy.number("policy.staff.min_independent_years", row.institution_id)
    return missing(papers, await _here(tx, row), years, today)


async def _here(tx: Reading, row: Clinician) -> str:
    institution = await tx.session.get(Institution, row.institution_id)
    return institution.name if institution else ""


async def _media_types(tx: Reading, file_ids: Collection[UUID]) -> dict[UUID, str]:
    query = select(KeptFile.id, KeptFile.media_type).where(KeptFile.id.in_(file_ids))
    return {row.id: row.media_type for row in await tx.session.execute(query)}


def _valid(papers: Collection[CredentialPaper], today: date) -> set[PaperKind]:
    return {paper.kind for paper in papers if paper.valid_to is None or paper.valid_to >= today}


def _clauses(sought: Sought) -> list[ColumnElement[bool]]:
    clauses: list[ColumnElement[bool]] = []
    if sought.state is not None:
        clauses.append(Clinician.state == sought.state)
    if text := sought.text.strip():
        named = Clinician.name.contains(text, autoescape=True)
        clauses.append(or_(named, Clinician.licence == text))
    return clauses


def _entry(row: Clinician, turns: frozenset[CredentialState]) -> Entry:
    return Entry(
        *(row.id, row.name, row.profession, row.title, row.licence_valid_to),
        *(row.state, row.created_at, row.state in turns),
    )
