"""The whole house in one value: every service, and who listens to whom."""

from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from data.clock import Clock
from data.crypto import Keys
from data.database import Database
from data.files import FileStore
from services.addresses import Front
from services.appointments.appointment_desk import AppointmentDesk, Kernel
from services.appointments.appointment_directory import AppointmentDirectory
from services.appointments.attendance import Attendance
from services.appointments.booking import Booking
from services.appointments.kinds import Kinds
from services.appointments.patterns import Patterns
from services.appointments.places import Places
from services.appointments.presence import Presences
from services.appointments.queue import Queue
from services.appointments.shifts import Shifts
from services.appointments.terms import Known
from services.appointments.visits import Visits
from services.appointments.waiting_room import WaitingRoom
from services.appointments.waitlist import WaitList
from services.audit import Audit
from services.audit_downloads import AuditDownloads
from services.authority import Authority
from services.billing.orders import Bills
from services.billing.receipts import Receipts
from services.billing.refunds import Refunds
from services.billing.settlement import Settlement
from services.billing.simulator import Simulator
from services.billing.tariff import Tariffs
from services.billing.till import Till
from services.bus import Bus
from services.deliveries import Deliveries
from services.drafts import Drafts
from services.events import (
    AccountLocked,
    AdministratorMade,
    ContactChanged,
    CredentialsReset,
    DeliveryParked,
    EmergencyAccessOpened,
    MessageFailed,
    MessageQueued,
    ResetAsked,
    ResetOverdue,
    SettingChanged,
    StaffSuspended,
    TaskEscalated,
    TaskOverdue,
    TaskRaised,
)
from services.export import Export
from services.facts import Facts
from services.health import Health, House
from services.idempotency import Once
from services.inbox import Inbox
from services.infrastructure import Infrastructure
from services.institution import Institutions
from services.licences import Licences
from services.metrics import Metrics
from services.notes import Ways
from services.notices import Notices
from services.notify import Notify
from services.overload import Overload
from services.policy_settings import PolicySettings
from services.ports import Ports
from services.procedures import Procedures
from services.records.consents import Consents
from services.records.evidence import Evidences
from services.records.preparation import Preparations
from services.settings import Settings
from services.tasks import Tasks
from services.trail import Trail
from services.transaction import Transactions
from services.undelivered import Undelivered
from services.uploads import Uploads
from services.users.account import Account
from services.users.clinician_directory import ClinicianDirectory
from services.users.clinicians import ClinicianFiles
from services.users.credential_desk import CredentialDesk
from services.users.credential_review import CredentialReview
from services.users.departments import Departments
from services.users.directory import UserDirectory
from services.users.dormancy import Dormancy
from services.users.emergency import Emergency
from services.users.enrolment import Enrolment
from services.users.entry_links import EntryLinks
from services.users.founding import Founding
from services.users.oversight import Oversight
from services.users.patient_door import PatientDoor
from services.users.patient_register import PatientRegister
from services.users.patients import Patients
from services.users.people import People
from services.users.person_directory import PersonDirectory
from services.users.real_name import RealName
from services.users.resets import Resets
from services.users.roster import Roster
from services.users.sessions import Sessions
from services.users.sign_in import SignIn
from services.users.staff import Staff
from services.users.warnings import Warnings
from services.visit_events import (
    AppointmentCancelled,
    AppointmentExpired,
    AppointmentHeld,
    OrderOverdue,
    OrderRefunded,
    PaymentDoubted,
    RefundDue,
)
from services.workbench.encounters import Encounters


@dataclass(frozen=True, slots=True)
class Clinic:
    """What pages, jobs and the API are given."""

    settings: Settings
    clock: Clock
    keys: Keys
    ports: Ports
    database: Database
    bus: Bus
    transactions: Transactions
    policy: PolicySettings
    undelivered: Undelivered
    deliveries: Deliveries
    tasks: Tasks
    notify: Notify
    notices: Notices
    inbox: Inbox
    drafts: Drafts
    facts: Facts
    health: Health
    infrastructure: Infrastructure
    licences: Licences
    metrics: Metrics
    procedures: Procedures
    audit: Audit
    audit_downloads: AuditDownloads
    authority: Authority
    export: Export
    sessions: Sessions
    uploads: Uploads
    overload: Overload
    once: Once
    sign_in: SignIn
    patient_door: PatientDoor
    entry_links: EntryLinks
    patients: Patients
    patient_register: PatientRegister
    real_name: RealName
    enrolment: Enrolment
    account: Account
    staff: Staff
    roster: Roster
    founding: Founding
    dormancy: Dormancy
    emergency: Emergency
    oversight: Oversight
    resets: Resets
    warnings: Warnings
    institutions: Institutions
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
    encounters: Encounters
    consents: Consents
    evidences: Evidences
    preparations: Preparations
    departments: Departments
    clinician_files: ClinicianFiles
    credential_desk: CredentialDesk
    credential_review: CredentialReview
    clinician_directory: ClinicianDirectory
    tariffs: Tariffs
    bills: Bills
    refunds: Refunds
    settlement: Settlement
    simulator: Simulator
    receipts: Receipts

    @classmethod
    def open(
        cls,
        database: Database,
        clock: Clock,
        keys: Keys,
        settings: Settings,
        ports: Ports | None = None,
    ) -> "Clinic":
        """Put the services together over an open database."""
        database.unlock(keys)
        bus = Bus(database, clock)
        transactions = Transactions(database, bus, Trail(keys, clock), clock)
        directory = UserDirectory()
        policy = PolicySettings(transactions, directory)
        transactions.confirmed_for = partial(policy.span, "policy.auth.confirm_minutes")
        tasks = Tasks(transactions, directory)
        people = People.open(transactions, clock, keys, policy, tasks, settings)
        ports = ports or Ports()
        facts = Facts(database, clock)
        house = House(
            *(settings, clock, database, transactions, policy, ports),
            accounts=directory,
            tasks=tasks,
            facts=facts,
        )
        health = Health(house)
        ways = Ways(Front(ports, settings), people.entry_links)
        notify = Notify(transactions, ports, directory, policy, tasks, ways)
        audit = Audit(transactions, keys, settings.anchor_file, directory)
        codes = people.codes(notify)
        till = Till.open(transactions, ports, policy, tasks)
        licences = Licences(transactions, policy, tasks, notify, settings.timezone)
        zone = ZoneInfo(settings.timezone)
        persons, appointments = PersonDirectory(), AppointmentDirectory(policy)
        clinicians = ClinicianDirectory(transactions)
        consents = Consents(transactions, persons, policy, zone)
        evidences = Evidences(transactions, policy, zone)
        preparations = Preparations(transactions, appointments, persons, consents, evidences)
        known = Known(persons, clinicians, till.tariffs, licences)
        desk = AppointmentDesk.open(
            Kernel(transactions, policy, tasks, notify, zone), known, preparations
        )
        clinic = cls(
            settings=settings,
            clock=clock,
            keys=keys,
            ports=ports,
            database=database,
            bus=bus,
            transactions=transactions,
            policy=policy,
            undelivered=Undelivered(transactions, tasks),
            deliveries=Deliveries(transactions, bus, tasks),
            tasks=tasks,
            notify=notify,
            notices=Notices(transactions),
            inbox=Inbox(transactions, demo=settings.demo),
            drafts=Drafts(transactions),
            facts=facts,
            health=health,
            infrastructure=Infrastructure(transactions, clock),
            licences=licences,
            metrics=Metrics(database, bus, health),
            procedures=Procedures(transactions, bus),
            authority=Authority(ports, settings),
            audit=audit,
            audit_downloads=AuditDownloads(audit, settings.home / "outgoing", settings.timezone),
            export=Export(transactions, keys, settings.files),
            sessions=people.sessions,
            overload=Overload(),
            once=Once(database),
            uploads=Uploads(
                transactions,
                clock,
                FileStore(settings.files, keys),
                ports.scanner,
                settings.home / "incoming",
            ),
            sign_in=people.sign_in,
            patient_door=people.patient_door(codes),
            entry_links=people.entry_links,
            patients=people.patients(codes),
            patient_register=PatientRegister(transactions, persons, zone),
            real_name=RealName(transactions, ports),
            enrolment=people.enrolment,
            account=people.account,
            staff=people.staff,
            roster=people.roster,
            founding=people.founding,
            dormancy=people.dormancy,
            emergency=people.emergency,
            oversight=people.oversight,
            resets=people.resets,
            warnings=Warnings(transactions, notify),
            institutions=Institutions(transactions),
            kinds=desk.kinds,
            shifts=desk.shifts,
            patterns=desk.patterns,
            places=desk.places,
            booking=desk.booking,
            attendance=desk.attendance,
            visits=desk.visits,
            waitlist=desk.waitlist,
            queue=desk.queue,
            presences=desk.presences,
            waiting_room=desk.waiting_room,
            encounters=Encounters(transactions, policy, appointments),
            consents=consents,
            evidences=evidences,
            preparations=preparations,
            departments=Departments(transactions),
            clinician_files=ClinicianFiles(transactions, zone),
            credential_desk=CredentialDesk(transactions, directory, policy, zone),
            credential_review=CredentialReview(transactions, people.sessions, policy, tasks, zone),
            clinician_directory=clinicians,
            tariffs=till.tariffs,
            bills=till.bills,
            refunds=till.refunds,
            settlement=till.settlement,
            simulator=till.simulator,
            receipts=Receipts(transactions, notify, directory),
        )
        health.measured_by(clinic.overload)
        bus.pause = clinic.overload.refresh_pause
        clinic.follow_procedures()
        desk.follow_procedures(bus)
        clinic.encounters.follow_procedures(bus)
        return clinic

    async def close(self) -> None:
        """Write down what is only in memory and let threads go, before the database closes."""
        await self.sessions.close()
        self.sign_in.close()
        self.uploads.close()

    def follow_procedures(self) -> None:
        """The standard operating procedures (SOP): when this has happened, do that. (R092)

        docs/sop.md is generated from this table.
        """
        self.bus.on(SettingChanged, self.policy.reload)
        self.bus.on(StaffSuspended, self.tasks.give_back)
        self.bus.on(AccountLocked, self.notify.announce_lock)
        self.bus.on(AdministratorMade, self.oversight.ask_about_administrator)
        self.bus.on(ContactChanged, self.warnings.tell_of_change)
        self.bus.on(ResetAsked, self.warnings.tell_of_request)
        self.bus.on(ResetOverdue, self.resets.lapse)
        self.bus.on(CredentialsReset, self.notify.announce_reset)
        self.bus.on(CredentialsReset, self.oversight.ask_for_check)
        self.bus.on(EmergencyAccessOpened, self.emergency.call_for_review)
        self.bus.on(TaskRaised, self.notify.announce_task)
        self.bus.on(TaskOverdue, self.tasks.escalate)
        self.bus.on(TaskEscalated, self.notify.announce_overdue)
        self.bus.on(MessageQueued, self.notify.deliver)
        self.bus.on(MessageFailed, self.notify.report)
        self.bus.on(DeliveryParked, self.deliveries.call_for_help)
        self.bus.on(AppointmentHeld, self.bills.open_order)
        self.bus.on(AppointmentCancelled, self.bills.give_back)
        self.bus.on(AppointmentExpired, self.bills.drop)
        self.bus.on(OrderOverdue, self.bills.close_unpaid)
        self.bus.on(PaymentDoubted, self.settlement.look_up)
        self.bus.on(RefundDue, self.refunds.send)
        self.bus.on(OrderRefunded, self.receipts.tell_of_refund)
