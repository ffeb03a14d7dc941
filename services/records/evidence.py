"""Earlier diagnoses made where a doctor was present: without one nothing online. (R-FU-1)"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from data.clock import new_id
from data.errors import Invalid, NotFound
from data.records import Evidence
from services.own_files import require_own
from services.permissions import Action
from services.policy import Actor, Subject
from services.policy_settings import PolicySettings
from services.transaction import Reading, Transactions

LONGEST = 100
OLDEST_YEARS = 60


@dataclass(frozen=True, slots=True)
class NewEvidence:
    """What a patient tells of an earlier diagnosis."""

    institution: str
    day: date
    diagnosis: str
    file_id: UUID | None = None
    icd10: str = ""
    his_visit: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """An earlier diagnosis, with what speaks for it."""

    id: UUID
    institution: str
    day: date
    diagnosis: str
    icd10: str
    file_id: UUID | None
    his_visit: str
    is_old: bool
    """Older than the house wants: the doctor decides, with a reason. (R-FU-2)"""
    added_at: datetime


class Evidences:
    """The folder of earlier diagnoses."""

    def __init__(self, transactions: Transactions, policy: PolicySettings, zone: ZoneInfo) -> None:
        self._transactions = transactions
        self._policy = policy
        self._zone = zone

    async def add(self, actor: Actor, patient_id: UUID, new: NewEvidence) -> UUID:
        """Put an earlier diagnosis into a patient's folder; return it.

        Raise `Invalid`: `evidence_words_needed`, `evidence_day_wrong`, `evidence_proof_needed`
        (a picture of the paper, or the number of the visit in the hospital's own system);
        `NotFound` for a picture that is not one's own.
        """
        institution, diagnosis = " ".join(new.institution.split()), " ".join(new.diagnosis.split())
        if not (0 < len(institution) <= LONGEST and 0 < len(diagnosis) <= LONGEST):
            raise Invalid("evidence_words_needed", high=LONGEST)
        if new.file_id is None and not new.his_visit.strip():
            raise Invalid("evidence_proof_needed")
        async with self._transactions.open(actor) as tx:
            today = self._today(tx)
            if not today - timedelta(days=366 * OLDEST_YEARS) <= new.day <= today:
                raise Invalid("evidence_day_wrong")
            row = Evidence(
                id=new_id(),
                institution_id=actor.home,
                owner_id=actor.user_id,
                patient_id=patient_id,
                made_at_institution=institution,
                made_on=new.day,
                diagnosis=diagnosis,
                icd10=new.icd10.strip().upper(),
                file_id=new.file_id,
                his_visit=new.his_visit.strip(),
                added_at=tx.now,
            )
            about = Subject("evidence", row.id, actor.home, patient_id=patient_id)
            tx.allow(Action.EVIDENCE_KEEP, about)
            await require_own(tx, [new.file_id] if new.file_id else [])
            tx.session.add(row)
            return tx.answer(row.id)

    async def of(self, actor: Actor, patient_id: UUID) -> list[EvidenceView]:
        """Return a patient's earlier diagnoses, the latest first."""
        async with self._transactions.read(actor) as tx:
            about = Subject("evidence", "", actor.home, patient_id=patient_id)
            tx.allow(Action.EVIDENCE_KEEP, about)
            return [self._view(tx, row) for row in await _rows(tx, patient_id)]

    async def remove(self, actor: Actor, evidence_id: UUID) -> None:
        """Take an earlier diagnosis out of the folder; visits that used it keep it."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Evidence, evidence_id)
            tx.allow(
                Action.EVIDENCE_KEEP,
                Subject("evidence", row.id, row.institution_id, patient_id=row.patient_id),
                purpose="remove",
            )
            row.deleted_at = tx.now

    async def latest(self, tx: Reading, patient_id: UUID) -> Evidence | None:
        """Return the latest earlier diagnosis that is not too old to be taken over unasked."""
        rows = await _rows(tx, patient_id)
        return next((row for row in rows if not self._is_old(tx, row)), None)

    async def known(self, tx: Reading, patient_id: UUID, evidence_id: UUID) -> Evidence:
        """Return one of a patient's own, or raise `NotFound`."""
        rows = {row.id: row for row in await _rows(tx, patient_id)}
        if evidence_id not in rows:
            raise NotFound("not_found", what="Evidence", key=str(evidence_id))
        return rows[evidence_id]

    def _view(self, tx: Reading, row: Evidence) -> EvidenceView:
        return EvidenceView(
            id=row.id,
            institution=row.made_at_institution,
            day=row.made_on,
            diagnosis=row.diagnosis,
            icd10=row.icd10,
            file_id=row.file_id,
            his_visit=row.his_visit,
            is_old=self._is_old(tx, row),
            added_at=row.added_at,
        )

    def _is_old(self, tx: Reading, row: Evidence) -> bool:
        """R-FU-2."""
        most = self._policy.span("policy.followup.max_evidence_days", row.institution_id)
        return row.made_on < self._today(tx) - most

    def _today(self, tx: Reading) -> date:
        return tx.now.astimezone(self._zone).date()


async def _rows(tx: Reading, patient_id: UUID) -> list[Evidence]:
    query = (
        select(Evidence)
        .where(Evidence.patient_id == patient_id, Evidence.deleted_at.is_(None))
        .order_by(Evidence.made_on.desc(), Evidence.id.desc())
    )
    return list(await tx.session.scalars(query))
