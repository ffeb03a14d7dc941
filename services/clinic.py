"""The whole house in one value: every service, and who listens to whom."""

from dataclasses import dataclass

from data.clock import Clock
from data.crypto import Keys
from data.database import Database
from services.audit import Audit
from services.bus import Bus
from services.events import SettingChanged, StaffSuspended, TaskOverdue
from services.policy_settings import PolicySettings
from services.ports import Ports
from services.settings import Settings
from services.tasks import Tasks
from services.trail import Trail
from services.transaction import Transactions
from services.users.sessions import Sessions
from services.users.standards import Standards


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
    tasks: Tasks
    audit: Audit
    sessions: Sessions

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
        policy = PolicySettings(transactions)
        standards = Standards(policy)
        clinic = cls(
            settings=settings,
            clock=clock,
            keys=keys,
            ports=ports or Ports(),
            database=database,
            bus=bus,
            transactions=transactions,
            policy=policy,
            tasks=Tasks(transactions),
            audit=Audit(transactions, keys, settings.anchor_file),
            sessions=Sessions(transactions, clock, standards),
        )
        clinic.follow_procedures()
        return clinic

    def follow_procedures(self) -> None:
        """The standard operating procedures (SOP): when this has happened, do that. (R092)

        docs/sop.md is generated from this table.
        """
        self.bus.on(SettingChanged, self.policy.reload)
        self.bus.on(StaffSuspended, self.tasks.give_back)
        self.bus.on(TaskOverdue, self.tasks.escalate)
