"""Puts the services of this module together; services/clinic.py hands them out."""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from data.clock import Clock
from data.crypto import Keys
from services.notify import Notify
from services.policy_settings import PolicySettings
from services.settings import Settings
from services.tasks import Tasks
from services.transaction import Transactions
from services.users.account import Account
from services.users.codes import Codes
from services.users.credentials import Credentials
from services.users.dormancy import Dormancy
from services.users.emergency import Emergency
from services.users.enrolment import Enrolment
from services.users.entry_links import EntryLinks
from services.users.factors import Factors
from services.users.founding import Founding
from services.users.lockout import Guard
from services.users.oversight import Oversight
from services.users.passwords import Hasher
from services.users.patient_door import PatientDoor
from services.users.patients import Patients
from services.users.registrar import Registrar
from services.users.resets import Desk, Resets
from services.users.roster import Roster
from services.users.sessions import Sessions
from services.users.sign_in import SignIn
from services.users.staff import Staff
from services.users.standards import Standards
from services.users.steps import Steps


@dataclass(frozen=True, slots=True)
class People:
    """Everything about who people are."""

    sessions: Sessions
    sign_in: SignIn
    patient_door: Callable[[Codes], PatientDoor]
    entry_links: EntryLinks
    patients: Callable[[Codes], Patients]
    codes: Callable[[Notify], Codes]
    enrolment: Enrolment
    account: Account
    staff: Staff
    roster: Roster
    founding: Founding
    dormancy: Dormancy
    emergency: Emergency
    oversight: Oversight
    resets: Resets

    @classmethod
    def open(
        cls,
        transactions: Transactions,
        clock: Clock,
        keys: Keys,
        policy: PolicySettings,
        tasks: Tasks,
        settings: Settings,
    ) -> "People":
        """Build each from the others."""
        zone = ZoneInfo(settings.timezone)
        standards, hasher = Standards(policy), Hasher(keys)
        sessions = Sessions(transactions, clock, keys, standards)
        factors, guard = Factors(keys, standards), Guard(keys, standards)
        steps = Steps(transactions, sessions, standards, factors, guard)
        sign_in = SignIn(transactions, sessions, steps, factors, guard, hasher)
        credentials = Credentials(hasher, standards)
        registrar = Registrar(credentials)
        resets = Resets(transactions, Desk(sessions, credentials, factors, guard), tasks)
        return cls(
            sessions=sessions,
            sign_in=sign_in,
            codes=lambda notify: Codes(notify, keys, standards),
            patient_door=lambda codes: PatientDoor(transactions, steps, guard, codes),
            entry_links=EntryLinks(transactions, steps, keys),
            patients=lambda codes: Patients(transactions, sessions, codes, policy, zone),
            enrolment=Enrolment(transactions, steps, factors, credentials),
            account=Account(transactions, sessions, sign_in, factors, credentials),
            staff=Staff(transactions, sessions, registrar, credentials, guard, resets),
            roster=Roster(transactions, factors, guard),
            founding=Founding(transactions, registrar, credentials, factors, demo=settings.demo),
            dormancy=Dormancy(transactions, sessions, standards),
            emergency=Emergency(transactions, sessions, tasks),
            oversight=Oversight(transactions, policy, tasks),
            resets=resets,
        )
