"""Puts the services of this module together: one object for services/clinic.py."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from services.appointments.attendance import Attendance
from services.appointments.booking import Booking
from services.appointments.cover import Cover
from services.appointments.kinds import Kinds
from services.appointments.limits import Limits
from services.appointments.patterns import Patterns
from services.appointments.places import Places
from services.appointments.presence import Presences
from services.appointments.queue import Queue
from services.appointments.reminders import Reminders
from services.appointments.shifts import Shifts
from services.appointments.terms import Known
from services.appointments.tickets import Tickets
from services.appointments.visits import Visits
from services.appointments.waiting_room import WaitingRoom
from services.appointments.waitlist import WaitList
from services.bus import Bus
from services.events import ClinicianSuspended
from services.inquiries import Readiness
from services.notify import Notify
from services.policy_settings import PolicySettings
from services.tasks import Tasks
from services.transaction import Transactions
from services.visit_events import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentExpired,
    AppointmentLapsed,
    AppointmentMissed,
    AppointmentMoved,
    AppointmentReminderDue,
    EncounterEnded,
    EncounterFailed,
    EncounterTerminated,
    EncounterTimedOut,
    HoldOver,
    OfferOver,
    OrderClosed,
    OrderPaid,
    PatientCheckedIn,
    QueueMoved,
    ShiftPassedOn,
    ShiftSuspended,
    TicketCalled,
    TicketEntered,
    TicketLeft,
    TicketUnanswered,
    VisitForgone,
)


@dataclass(frozen=True, slots=True)
class Kernel:
    """What the kernel gives every service of the module."""

    transactions: Transactions
    policy: PolicySettings
    tasks: Tasks
    notify: Notify
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class AppointmentDesk:
    """Timetable, bookings and the line."""

    kinds: Kinds
    shifts: Shifts
    patterns: Patterns
    places: Places
    booking: Booking
    attendance: Attendance
    visits: Visits
    waitlist: WaitList
    queue: Queue
    presences: Presences
    waiting_room: WaitingRoom
    tickets: Tickets
    reminders: Reminders
    cover: Cover

    @classmethod
    def open(cls, house: Kernel, known: Known, readiness: Readiness) -> "AppointmentDesk":
        """Join the module to the kernel and to what it asks of other modules."""
        transactions, policy, zone = house.transactions, house.policy, house.zone
        persons, clinicians = known.persons, known.clinicians
        limits = Limits(policy, zone)
        shifts = Shifts(transactions, clinicians, policy, zone)
        attendance = Attendance(transactions, persons, readiness, limits)
        return cls(
            kinds=Kinds(transactions),
            shifts=shifts,
            patterns=Patterns(transactions, shifts, clinicians, zone),
            places=Places(transactions, clinicians, zone),
            booking=Booking(transactions, known, limits),
            attendance=attendance,
            visits=Visits(transactions, policy, persons, clinicians, attendance),
            waitlist=WaitList(transactions, house.notify, persons, limits),
            queue=Queue(transactions, policy, clinicians, zone),
            presences=Presences(transactions, policy, clinicians, house.tasks, house.notify),
            waiting_room=WaitingRoom(transactions, policy, persons, clinicians, zone),
            tickets=Tickets(transactions, policy, house.notify),
            cover=Cover(transactions, clinicians, house.tasks),
            reminders=Reminders(transactions, policy, persons, house.notify),
        )

    def follow_procedures(self, bus: Bus) -> None:
        """The part of the SOP table that this module answers for. (R092)"""
        bus.on(ClinicianSuspended, self.cover.ask)
        bus.on(OrderPaid, self.booking.confirm)
        bus.on(OrderClosed, self.booking.let_go_unpaid)
        bus.on(HoldOver, self.booking.let_go)
        bus.on(ShiftSuspended, self.booking.clear_shift)
        bus.on(ShiftPassedOn, self.booking.move_shift)
        bus.on(AppointmentConfirmed, self.tickets.expect)
        bus.on(AppointmentConfirmed, self.reminders.confirm)
        bus.on(AppointmentReminderDue, self.reminders.remind)
        bus.on(AppointmentLapsed, self.attendance.lapse)
        bus.on(AppointmentMissed, self.tickets.note_absence)
        bus.on(AppointmentMissed, self.reminders.miss)
        bus.on(AppointmentMoved, self.tickets.move)
        bus.on(AppointmentMoved, self.reminders.move)
        bus.on(AppointmentCancelled, self.tickets.drop)
        bus.on(AppointmentCancelled, self.reminders.cancel)
        bus.on(AppointmentCancelled, self.waitlist.offer_cancelled)
        bus.on(AppointmentExpired, self.waitlist.offer_expired)
        bus.on(OfferOver, self.waitlist.pass_on)
        bus.on(PatientCheckedIn, self.tickets.check_in)
        bus.on(QueueMoved, self.tickets.tell_near)
        bus.on(TicketCalled, self.tickets.learn)
        bus.on(TicketCalled, self.reminders.call)
        bus.on(TicketUnanswered, self.queue.miss)
        bus.on(TicketEntered, self.attendance.begin)
        bus.on(TicketLeft, self.attendance.note_leaving)
        bus.on(VisitForgone, self.attendance.forgo)
        bus.on(EncounterEnded, self.tickets.finish)
        bus.on(EncounterEnded, self.attendance.finish)
        bus.on(EncounterTerminated, self.attendance.break_off)
        bus.on(EncounterTimedOut, self.attendance.give_up)
        bus.on(EncounterFailed, self.tickets.fail)
        bus.on(EncounterFailed, self.attendance.fail)
