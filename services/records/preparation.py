"""What a patient gets ready for one visit, at any time before check-in. (诊前准备)

Asked once, kept for the next time: the evidence of the earlier diagnosis, standing consents and
the number to call back are taken over.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from data.clock import new_id
from data.errors import Conflict, Invalid
from data.records import ConsentKind, Preparation, RedFlags, TriageAnswer
from services.inquiries import BookedVisit, Bookings, Persons
from services.own_files import require_own
from services.permissions import DESK, Action
from services.policy import Actor, Subject
from services.records.consents import Consents
from services.records.evidence import Evidences
from services.records.red_flags import red_flags
from services.transaction import Reading, Transaction, Transactions
from services.visit_events import PreparationReady, RedFlagFound

__all__ = ["PreparationView", "Preparations", "RedFlags"]

SHORTEST, LONGEST = 2, 100
"""Characters of what is wrong, in the patient's words. (domain 2.5)"""
LONGEST_PLACE = 200
MOST_PHOTOS = 9
DEVICES = ("ok", "skipped", "failed")
PHONE_LENGTHS = range(7, 20)
STARTS = "0123456789-+ "


@dataclass(frozen=True, slots=True)
class PreparationView:
    """How far a patient is with getting ready."""

    appointment_id: UUID
    patient_id: UUID
    red_flags: RedFlags
    flags: tuple[str, ...]
    """Codes of the signs that were named."""
    complaint: str
    body_site: str
    photos: tuple[str, ...]
    evidence_id: UUID | None
    where_now: str
    call_back: str
    devices: str
    consents: tuple[ConsentKind, ...]
    """What must still be agreed to."""
    missing: tuple[str, ...]
    needs_devices: bool
    taps: int

    @property
    def is_ready(self) -> bool:
        return not self.missing


class Preparations:
    """The nurse's questions before the visit."""

    def __init__(
        self,
        transactions: Transactions,
        bookings: Bookings,
        persons: Persons,
        consents: Consents,
        evidences: Evidences,
    ) -> None:
        self._transactions = transactions
        self._bookings = bookings
        self._persons = persons
        self._consents = consents
        self._evidences = evidences

    async def of(self, actor: Actor, appointment_id: UUID) -> PreparationView:
        """Return how far it is; what is known from before is filled in already."""
        async with self._transactions.read(actor) as tx:
            visit = await self._bookings.booked(tx, appointment_id)
            tx.allow(Action.PREPARATION_READ, _subject(visit))
            row = await _row(tx, appointment_id)
            fresh = row or await self._new(tx, visit)
            return await self._view(tx, visit, fresh)

    async def answer(
        self, actor: Actor, appointment_id: UUID, codes: Collection[str], taps: int = 0
    ) -> None:
        """Answer the questions about danger; no codes: none of these. (R-FU-4)

        Who has named a sign does not wait here, and takes it back only by talking to the desk.
        Raise `Invalid("red_flag_unknown")`, `Conflict("red_flag_found")`.
        """
        unknown = set(codes) - set(red_flags())
        if unknown:
            raise Invalid("red_flag_unknown", what=min(unknown))
        async with self._transactions.open(actor) as tx:
            visit, row = await self._open(tx, appointment_id, "red_flags")
            if row.red_flags is RedFlags.FOUND and not codes and actor.roles.isdisjoint(DESK):
                raise Conflict("red_flag_found")
            row.red_flags = RedFlags.FOUND if codes else RedFlags.NONE
            row.answered_at = tx.now
            tx.session.add_all(
                TriageAnswer(
                    institution_id=row.institution_id,
                    site_id=row.site_id,
                    patient_id=row.patient_id,
                    preparation_id=row.id,
                    code=code,
                    at=tx.now,
                )
                for code in sorted(codes)
            )
            if codes:
                tx.announce(
                    RedFlagFound(
                        appointment_id=row.appointment_id,
                        patient_id=row.patient_id,
                        codes=tuple(sorted(codes)),
                        institution_id=row.institution_id,
                        site_id=row.site_id,
                    )
                )
            await self._note(tx, visit, row, taps)

    async def describe(
        self,
        actor: Actor,
        appointment_id: UUID,
        complaint: str,
        body_site: str = "",
        photos: Collection[UUID] = (),
        taps: int = 0,
    ) -> None:
        """Say what is wrong, in one's own words, with pictures.

        Raise `Invalid`: `complaint_length`, `too_many_photos`; `NotFound` for another's picture.
        """
        words = " ".join(complaint.split())
        if not SHORTEST <= len(words) <= LONGEST:
            raise Invalid("complaint_length", low=SHORTEST, high=LONGEST)
        if len(photos) > MOST_PHOTOS:
            raise Invalid("too_many_photos", most=MOST_PHOTOS)
        async with self._transactions.open(actor) as tx:
            visit, row = await self._open(tx, appointment_id, "complaint")
            known = set(row.photos)  # perhaps another of the family has added them
            await require_own(tx, [photo for photo in photos if str(photo) not in known])
            row.complaint, row.body_site = words, body_site.strip()[:50]
            row.photos = [str(photo) for photo in photos]
            await self._note(tx, visit, row, taps)

    async def use_evidence(
        self, actor: Actor, appointment_id: UUID, evidence_id: UUID, taps: int = 0
    ) -> None:
        """Show an earlier diagnosis made where a doctor was present. (R-FU-1)

        Raise `NotFound` for what is not this patient's.
        """
        async with self._transactions.open(actor) as tx:
            visit, row = await self._open(tx, appointment_id, "evidence")
            evidence = await self._evidences.known(tx, visit.patient_id, evidence_id)
            row.evidence_id = evidence.id
            await self._note(tx, visit, row, taps)

    async def locate(
        self, actor: Actor, appointment_id: UUID, where: str, call_back: str, taps: int = 0
    ) -> None:
        """Say where one is now and on which number one is called back. Raise `Invalid`:
        `where_needed`, `phone_malformed`."""
        place, phone = " ".join(where.split()), call_back.strip()
        if not SHORTEST <= len(place) <= LONGEST_PLACE:
            raise Invalid("where_needed", low=SHORTEST, high=LONGEST_PLACE)
        if len(phone) not in PHONE_LENGTHS or set(phone) - set(STARTS):
            raise Invalid("phone_malformed")
        async with self._transactions.open(actor) as tx:
            visit, row = await self._open(tx, appointment_id, "whereabouts")
            row.where_now, row.call_back = place, phone
            await self._note(tx, visit, row, taps)

    async def test_devices(
        self,
        actor: Actor,
        appointment_id: UUID,
        outcome: str,
        report: dict[str, Any] | None = None,
        taps: int = 0,
    ) -> None:
        """Keep what the test of camera and microphone has shown. Raise
        `Invalid("device_outcome_wrong")`."""
        if outcome not in DEVICES:
            raise Invalid("device_outcome_wrong")
        async with self._transactions.open(actor) as tx:
            visit, row = await self._open(tx, appointment_id, "devices")
            row.devices, row.device_report = outcome, dict(report or {})
            await self._note(tx, visit, row, taps)

    async def settle(self, actor: Actor, appointment_id: UUID, taps: int = 0) -> PreparationView:
        """Count what it took, and return how far it is."""
        async with self._transactions.open(actor) as tx:
            visit, row = await self._open(tx, appointment_id, "settle")
            await self._note(tx, visit, row, taps)
            return tx.answer(await self._view(tx, visit, row))

    async def missing(self, tx: Reading, appointment_id: UUID) -> tuple[str, ...]:
        """Return what is missing before check-in. (services/inquiries.py, Readiness)"""
        visit = await self._bookings.booked(tx, appointment_id)
        row = await _row(tx, appointment_id) or await self._new(tx, visit)
        return await self._missing(tx, visit, row)

    async def _missing(self, tx: Reading, visit: BookedVisit, row: Preparation) -> tuple[str, ...]:
        consents = await self._consents.missing(tx, visit.patient_id, visit.appointment_id)
        has_devices = not visit.needs_devices or bool(row.devices)
        lacking = {
            "emergency": row.red_flags is RedFlags.FOUND,
            "red_flags": row.red_flags is RedFlags.NOT_ASKED,
            "complaint": not row.complaint,
            "evidence": row.evidence_id is None,
            "consents": bool(consents),
            "whereabouts": not (row.where_now and row.call_back),
            "devices": not has_devices,
        }
        return tuple(name for name, lacks in lacking.items() if lacks)

    async def _open(
        self, tx: Transaction, appointment_id: UUID, purpose: str
    ) -> tuple[BookedVisit, Preparation]:
        """Return the preparation of a visit that can still take place, made if it is the first."""
        visit = await self._bookings.booked(tx, appointment_id)
        tx.allow(Action.PREPARATION_KEEP, _subject(visit), purpose=purpose)
        if not visit.is_coming:
            raise Conflict("appointment_over", state="")
        row = await _row(tx, appointment_id)
        if row is None:
            row = await self._new(tx, visit)
            tx.session.add(row)
            await tx.session.flush()
        return visit, row

    async def _new(self, tx: Reading, visit: BookedVisit) -> Preparation:
        """Return a new preparation with what is known already."""
        latest = await self._evidences.latest(tx, visit.patient_id)
        person = await self._persons.person(tx, visit.patient_id)
        return Preparation(
            id=new_id(),
            institution_id=visit.institution_id,
            site_id=visit.site_id,
            owner_id=visit.owner_id,
            patient_id=visit.patient_id,
            appointment_id=visit.appointment_id,
            evidence_id=latest.id if latest else None,
            call_back=person.phone,
            started_at=tx.now,
        )

    async def _note(self, tx: Transaction, visit: BookedVisit, row: Preparation, taps: int) -> None:
        row.taps += max(0, min(taps, 1000))
        await tx.session.flush()
        if await self._missing(tx, visit, row):
            row.ready_at = None
            return
        if row.ready_at is None:
            row.ready_at = tx.now
            tx.announce(
                PreparationReady(
                    appointment_id=row.appointment_id,
                    patient_id=row.patient_id,
                    taps=row.taps,
                    institution_id=row.institution_id,
                )
            )

    async def _view(self, tx: Reading, visit: BookedVisit, row: Preparation) -> PreparationView:
        query = select(TriageAnswer.code).where(TriageAnswer.preparation_id == row.id)
        found = row.red_flags is RedFlags.FOUND
        codes = set(await tx.session.scalars(query)) if found else set()
        return PreparationView(
            appointment_id=visit.appointment_id,
            patient_id=visit.patient_id,
            red_flags=row.red_flags,
            flags=tuple(sorted(codes)),
            complaint=row.complaint,
            body_site=row.body_site,
            photos=tuple(row.photos),
            evidence_id=row.evidence_id,
            where_now=row.where_now,
            call_back=row.call_back,
            devices=row.devices,
            consents=await self._consents.missing(tx, visit.patient_id, visit.appointment_id),
            missing=await self._missing(tx, visit, row),
            needs_devices=visit.needs_devices,
            taps=row.taps,
        )


async def _row(tx: Reading, appointment_id: UUID) -> Preparation | None:
    query = select(Preparation).where(Preparation.appointment_id == appointment_id)
    return await tx.session.scalar(query)


def _subject(visit: BookedVisit) -> Subject:
    return Subject(
        "preparation",
        visit.appointment_id,
        visit.institution_id,
        visit.site_id,
        owner_id=visit.owner_id,
        patient_id=visit.patient_id,
    )
