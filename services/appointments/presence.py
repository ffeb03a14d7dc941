"""Knows whether a clinician is there, and helps those who wait when not. (在岗心跳, domain 5.3)"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from data.queue import Presence, Ticket, TicketState
from services.appointments import rows
from services.inquiries import Clinicians
from services.notify import Note, Notify
from services.permissions import Action
from services.policy import HOUSE, Actor, Role, Subject
from services.policy_settings import PolicySettings
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Reading, Transaction, Transactions
from services.visit_events import ClinicianCame, ClinicianSilent, QueueMoved

SILENT, GONE = 1, 2
"""Steps of the escalation: the desk is asked to help; patients are offered a way out."""


class Presences:
    """The one who sees that doctors are there."""

    def __init__(
        self,
        transactions: Transactions,
        policy: PolicySettings,
        clinicians: Clinicians,
        tasks: Tasks,
        notify: Notify,
    ) -> None:
        self._transactions = transactions
        self._policy = policy
        self._clinicians = clinicians
        self._tasks = tasks
        self._notify = notify

    async def beat(self, actor: Actor) -> None:
        """Say that one is at work; the page does it by itself as long as it is open."""
        async with self._transactions.open(actor) as tx:
            me = Subject("presence", actor.user_id, actor.home, owner_id=actor.user_id)
            row = await _row(tx, actor.user_id)
            was_there = row is not None and await rows.is_there(
                tx, self._policy, actor.user_id, actor.home
            )
            if was_there:
                tx.allow_often(Action.PRESENCE_BEAT, me, "still at work")
            else:
                tx.allow(Action.PRESENCE_BEAT, me, purpose="came")
            if row is None:
                row = Presence(
                    institution_id=actor.home,
                    owner_id=actor.user_id,
                    since=tx.now,
                    last_beat_at=tx.now,
                )
                tx.session.add(row)
            asked, row.last_beat_at = _key(row), tx.now
            if not was_there:
                row.since, row.away_since = tx.now, None
                tx.announce(
                    ClinicianCame(clinician_id=actor.user_id, institution_id=actor.home),
                    QueueMoved(clinician_id=actor.user_id, institution_id=actor.home),
                )
            if row.told_step:
                row.told_step = 0
                await self._tasks.settle(tx, actor.home, asked, "came")

    async def watch(self) -> int:
        """Find clinicians for whom patients wait and of whom nothing is seen; return how many.

        After 5 minutes the desk gets a task, after 30 the patients may go with their money back.
        A job calls it every minute.
        """
        async with self._transactions.open(HOUSE) as tx:
            tx.go_unnoted("looks round; what it finds is noted")
            silent = 0
            for home, clinician_id, since in await _awaited(tx):
                if await rows.is_there(tx, self._policy, clinician_id, home):
                    continue
                row = await self._known(tx, home, clinician_id)
                gone = tx.now - max(row.last_beat_at, since)
                step = self._step(home, gone)
                if step > row.told_step:
                    tx.allow(Action.TICKET_SETTLE, row, purpose="silent")
                    row.told_step = step
                    await self._help(tx, row, step, int(gone.total_seconds() // 60))
                silent += 1
            return silent

    def _step(self, home: UUID, gone: timedelta) -> int:
        if gone >= self._policy.span("policy.queue.refund_after_minutes", home):
            return GONE
        return (
            SILENT if gone >= self._policy.span("policy.queue.doctor_silent_minutes", home) else 0
        )

    async def _known(self, tx: Transaction, home: UUID, clinician_id: UUID) -> Presence:
        """Return a clinician's row; who has never come is away since patients wait."""
        row = await _row(tx, clinician_id)
        if row is None:
            begin = tx.now - timedelta(days=1)
            row = Presence(
                institution_id=home, owner_id=clinician_id, since=begin, last_beat_at=begin
            )
            tx.session.add(row)
        if row.away_since is None:
            row.away_since = row.last_beat_at
            tx.announce(QueueMoved(clinician_id=clinician_id, institution_id=home))
        return row

    async def _help(self, tx: Transaction, row: Presence, step: int, minutes: int) -> None:
        people = await self._clinicians.colleagues(tx, {row.owner_id})
        name = people[row.owner_id].name if row.owner_id in people else ""
        waiting = await rows.tickets(tx, row.owner_id, [TicketState.WAITING])
        wanted = Wanted(
            kind="clinician_silent",
            key=_key(row),
            institution_id=row.institution_id,
            site_id=row.site_id,
            role=Role.NURSE,
            values={"name": name, "minutes": minutes, "count": len(waiting)},
            subject=f"presence:{row.owner_id}",
            due_at=tx.now + timedelta(minutes=10),
            escalates_to=Role.MEDICAL_AFFAIRS,
            priority=Priority.URGENT,
        )
        await self._tasks.raise_(tx, wanted)
        tx.announce(
            ClinicianSilent(
                clinician_id=row.owner_id, institution_id=row.institution_id, minutes=minutes
            )
        )
        if step == GONE:
            await self._offer_way_out(tx, waiting)

    async def _offer_way_out(self, tx: Transaction, waiting: list[Ticket]) -> None:
        for ticket in waiting:
            if ticket.owner_id is not None:
                note = Note(
                    "doctor_gone",
                    f"gone:{ticket.id}",
                    ticket.institution_id,
                    to=ticket.owner_id,
                    link=f"/visits/{ticket.appointment_id}",
                    opens_until=tx.now + rows.OPEN_FOR,
                )
                await self._notify.tell(tx, note)


async def is_gone(tx: Reading, clinician_id: UUID) -> bool:
    """Tell whether a clinician is away for so long that patients may go with their money back."""
    query = select(Presence.told_step).where(Presence.owner_id == clinician_id)
    return (await tx.session.scalar(query) or 0) >= GONE


async def _row(tx: Transaction, clinician_id: UUID) -> Presence | None:
    query = select(Presence).where(Presence.owner_id == clinician_id)
    return await tx.session.scalar(query.with_for_update())


async def _awaited(tx: Transaction) -> list[tuple[UUID, UUID, datetime]]:
    """Return for whom patients wait whose time has come, and since when."""
    query = select(Ticket).where(Ticket.state == TicketState.WAITING, Ticket.slot_at <= tx.now)
    since: dict[tuple[UUID, UUID], datetime] = {}
    for ticket in await tx.session.scalars(query):
        at = max(ticket.checked_in_at or ticket.slot_at, ticket.slot_at)
        key = ticket.institution_id, ticket.clinician_id
        since[key] = min(since.get(key, at), at)
    return [(home, clinician, at) for (home, clinician), at in since.items()]


def _key(row: Presence) -> str:
    return f"silent:{row.owner_id}:{(row.away_since or row.last_beat_at).isoformat()}"
