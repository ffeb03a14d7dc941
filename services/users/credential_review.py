"""Reviews a clinician's papers step by step, each by somebody else. (资质审核, domain 5.9)

Nobody becomes ACTIVE but by the six steps of `STEPS`, taken by six different people; back from a
suspension only who has been through them, and whose papers still hold.
"""

from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from data.clinicians import (
    Clinician,
    CredentialState,
    CredentialStep,
    PaperKind,
)
from data.errors import Conflict, Forbidden, Invalid
from services.events import ClinicianActivated, ClinicianSuspended
from services.i18n import Key
from services.own_files import require_own
from services.permissions import Action
from services.policy import HOUSE, Actor, Role, Subject
from services.policy_settings import PolicySettings
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Reading, Transaction, Transactions
from services.users.clinicians import papers_of, put_paper, steps_of
from services.users.credential_desk import lacks
from services.users.credential_rules import RETURNABLE, STEPS, Step, require_complete
from services.users.registrar import checked_reason
from services.users.sessions import Sessions

LONGEST_NUMBER = 60
EXPIRED = "expired"


class CredentialReview:
    """The reviewers' desk."""

    def __init__(
        self,
        transactions: Transactions,
        sessions: Sessions,
        policy: PolicySettings,
        tasks: Tasks,
        zone: ZoneInfo,
    ) -> None:
        self._transactions = transactions
        self._sessions = sessions
        self._policy = policy
        self._tasks = tasks
        self._zone = zone

    async def submit(self, actor: Actor, clinician_id: UUID) -> None:
        """Hand in one's own file. Raise `Conflict("credential_state_wrong")` and as
        `require_complete`."""
        async with self._transactions.open(actor) as tx:
            row = await self._take(tx, clinician_id, STEPS[0])
            await self._require_complete(tx, row)
            _step(tx, row, STEPS[0].goes_to)

    async def verify(self, actor: Actor, clinician_id: UUID, extract_id: UUID, note: str) -> None:
        """HR has found the licence in the national register; `extract_id`: the file that shows
        it. All papers are verified with that. (R-STF-1)"""
        async with self._transactions.open(actor) as tx:
            row = await self._take(tx, clinician_id, STEPS[1])
            await self._require_complete(tx, row)
            await require_own(tx, [extract_id])
            put_paper(tx, row, PaperKind.REGISTER_EXTRACT, extract_id)
            await tx.session.flush()
            for paper in await papers_of(tx, row.id):
                paper.verified_by, paper.verified_at = actor.user_id, tx.now
            _step(tx, row, STEPS[1].goes_to, note)

    async def approve(self, actor: Actor, clinician_id: UUID, note: str = "") -> None:
        """Medical affairs: they may practise here, in these departments."""
        async with self._transactions.open(actor) as tx:
            row = await self._take(tx, clinician_id, STEPS[2])
            await self._require_complete(tx, row)
            _step(tx, row, STEPS[2].goes_to, note)

    async def certify(self, actor: Actor, clinician_id: UUID, serial: str, valid_to: date) -> None:
        """Security: the certificate they sign with. Raise `Invalid("certificate_wrong")`."""
        number = " ".join(serial.split())
        async with self._transactions.open(actor) as tx:
            row = await self._take(tx, clinician_id, STEPS[3])
            if not number or len(number) > LONGEST_NUMBER or valid_to < self._today(tx):
                raise Invalid("certificate_wrong")
            row.certificate_serial, row.certificate_valid_to = number, valid_to
            _step(tx, row, STEPS[3].goes_to, number)

    async def file(self, actor: Actor, clinician_id: UUID, number: str) -> None:
        """Quality: the regulator has been told. Raise `Invalid("filing_number_needed")`."""
        words = " ".join(number.split())
        if not words or len(words) > LONGEST_NUMBER:
            raise Invalid("filing_number_needed")
        async with self._transactions.open(actor) as tx:
            row = await self._take(tx, clinician_id, STEPS[4])
            row.filing_number = words
            _step(tx, row, STEPS[4].goes_to, words)

    async def activate(self, actor: Actor, clinician_id: UUID) -> None:
        """The head of the department: they begin. Raise `Conflict("licence_over")` and as
        `require_complete`."""
        async with self._transactions.open(actor) as tx:
            row = await self._take(tx, clinician_id, STEPS[5])
            await self._require_ready(tx, row)
            self._activate(tx, row)

    async def give_back(self, actor: Actor, clinician_id: UUID, reason: str) -> None:
        """Return a file to its owner, with the reason; the review begins anew then."""
        words = checked_reason(reason)
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Clinician, clinician_id)
            tx.allow(Action.CREDENTIAL_RETURN, row, purpose=words)
            if row.state not in RETURNABLE:
                raise Conflict("credential_state_wrong", state=str(row.state))
            row.state_reason = words
            _step(tx, row, CredentialState.DRAFT, words)

    async def revise(self, actor: Actor, clinician_id: UUID) -> None:
        """Open one's own file again, for a paper is new; the review begins anew. (renewal)"""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Clinician, clinician_id)
            tx.allow(Action.CREDENTIAL_KEEP, row, purpose="revise")
            if row.state not in (CredentialState.ACTIVE, CredentialState.SUSPENDED):
                raise Conflict("credential_state_wrong", state=str(row.state))
            was_active = row.state is CredentialState.ACTIVE
            _step(tx, row, CredentialState.DRAFT)
            if was_active:
                tx.announce(_suspended(row))

    async def suspend(self, actor: Actor, clinician_id: UUID, reason: str) -> None:
        """Take the right to treat away at once: their sessions end. (R-STF-5)"""
        words = checked_reason(reason)
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Clinician, clinician_id)
            tx.allow(Action.CREDENTIAL_SUSPEND, row, purpose=words)
            await self._suspend(tx, row, words)

    async def resume(self, actor: Actor, clinician_id: UUID, reason: str) -> None:
        """Give the right back to who was suspended. Raise as `require_complete`."""
        words = checked_reason(reason)
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Clinician, clinician_id)
            tx.allow(Action.CREDENTIAL_RESUME, row, purpose=words)
            if row.state is not CredentialState.SUSPENDED:
                raise Conflict("credential_state_wrong", state=str(row.state))
            await self._require_ready(tx, row)
            self._activate(tx, row, words)

    async def revoke(self, actor: Actor, clinician_id: UUID, reason: str) -> None:
        """End somebody's right to treat here for good."""
        words = checked_reason(reason)
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Clinician, clinician_id)
            tx.allow(Action.CREDENTIAL_SUSPEND, row, purpose=words, revoke=True)
            if row.state is CredentialState.REVOKED:
                raise Conflict("credential_state_wrong", state=str(row.state))
            _step(tx, row, CredentialState.REVOKED, words)
            await self._sessions.end_of(tx, row.owner_id, "credentials_suspended")
            tx.announce(_suspended(row))

    async def watch(self) -> int:
        """Warn of papers that end, 60, 30 and 7 days before, and suspend once they have ended.

        A job calls it every day. Return how many were suspended.
        """
        async with self._transactions.open(HOUSE) as tx:
            tx.allow(Action.CREDENTIAL_SUSPEND, Subject("clinician"), purpose="watch")
            query = select(Clinician).where(Clinician.state == CredentialState.ACTIVE)
            suspended = 0
            for row in await tx.session.scalars(query.with_for_update()):
                for name, ends in _ends(row).items():
                    left = (ends - self._today(tx)).days
                    if left < 0 and row.state is CredentialState.ACTIVE:
                        await self._suspend(tx, row, EXPIRED)
                        suspended += 1
                    await self._warn(tx, row, name, ends, left)
            return suspended

    async def _warn(
        self, tx: Transaction, row: Clinician, name: str, ends: date, left: int
    ) -> None:
        steps: list[int] = self._policy.value("policy.org.licence_warn_days", row.institution_id)
        step = min((each for each in steps if left <= each), default=None)
        if step is None:
            return
        step = 0 if left < 0 else step
        wanted = Wanted(
            kind="credential_expires" if step else "credential_expired",
            key=f"credential:{row.id}:{name}:{ends.isoformat()}:{step}",
            institution_id=row.institution_id,
            site_id=row.site_id,
            role=Role.HR,
            values={"name": row.name, "document": Key(f"paper.{name}"), "day": ends},
            subject=f"clinician:{row.id}",
            due_at=tx.now + timedelta(days=7 if step else 1),
            escalates_to=Role.MEDICAL_AFFAIRS,
            priority=Priority.URGENT if left <= min(steps) else Priority.HIGH,
            barred_id=row.owner_id,
        )
        await self._tasks.raise_(tx, wanted)

    async def _take(self, tx: Transaction, clinician_id: UUID, step: Step) -> Clinician:
        """Return the file if it is this step's turn, and the actor another than all before."""
        row = await tx.get(Clinician, clinician_id)
        tx.allow(step.action, row, purpose=str(step.goes_to))
        if row.state is not step.came_from:
            raise Conflict("credential_state_wrong", state=str(row.state))
        if step is STEPS[0]:
            return row
        if tx.actor.user_id in {row.owner_id, *await _takers(tx, row.id)}:
            place = str(Subject.of(row))
            raise Forbidden("credential_same_person", action=str(step.action), subject=place)
        return row

    async def _require_complete(self, tx: Transaction, row: Clinician) -> None:
        require_complete(await lacks(tx, row, self._policy, self._today(tx)))

    async def _require_ready(self, tx: Transaction, row: Clinician) -> None:
        """As `_require_complete`, and what they sign with holds today too: it may have run out
        between the day it was bound and the day they begin."""
        await self._require_complete(tx, row)
        if row.certificate_valid_to is None or row.certificate_valid_to < self._today(tx):
            raise Conflict("licence_over")

    async def _suspend(self, tx: Transaction, row: Clinician, words: str) -> None:
        if row.state is not CredentialState.ACTIVE:
            raise Conflict("credential_state_wrong", state=str(row.state))
        row.state_reason = words
        _step(tx, row, CredentialState.SUSPENDED, words)
        await self._sessions.end_of(tx, row.owner_id, "credentials_suspended")
        tx.announce(_suspended(row))

    def _activate(self, tx: Transaction, row: Clinician, words: str = "") -> None:
        row.state_reason = ""
        _step(tx, row, CredentialState.ACTIVE, words)
        tx.announce(
            ClinicianActivated(
                clinician_id=row.id, user_id=row.owner_id, institution_id=row.institution_id
            )
        )

    def _today(self, tx: Reading) -> date:
        return tx.now.astimezone(self._zone).date()


async def _takers(tx: Reading, clinician_id: UUID) -> set[UUID]:
    """Return who has taken a step since the file was last handed in."""
    steps = await steps_of(tx, clinician_id)
    last = max(
        (n for n, step in enumerate(steps) if step.went_to is CredentialState.SUBMITTED), default=0
    )
    return {step.taken_by for step in steps[last:]}


def _step(tx: Transaction, row: Clinician, goes_to: CredentialState, note: str = "") -> None:
    tx.session.add(
        CredentialStep(
            institution_id=row.institution_id,
            site_id=row.site_id,
            owner_id=row.owner_id,
            clinician_id=row.id,
            came_from=row.state,
            went_to=goes_to,
            taken_by=tx.actor.user_id,
            taken_at=tx.now,
            note=" ".join(note.split()),
        )
    )
    row.state = goes_to


def _suspended(row: Clinician) -> ClinicianSuspended:
    return ClinicianSuspended(
        clinician_id=row.id, user_id=row.owner_id, institution_id=row.institution_id
    )


def _ends(row: Clinician) -> dict[str, date]:
    ends = {"licence": row.licence_valid_to, "certificate": row.certificate_valid_to}
    return {name: day for name, day in ends.items() if day is not None}
