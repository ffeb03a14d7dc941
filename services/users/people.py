"""Puts the services of this module together; services/clinic.py hands them out."""

from dataclasses import dataclass

from data.clock import Clock
from data.crypto import Keys
from services.policy_settings import PolicySettings
from services.transaction import Transactions
from services.users.account import Account
from services.users.credentials import Credentials
from services.users.enrolment import Enrolment
from services.users.factors import Factors
from services.users.lockout import Guard
from services.users.passwords import Hasher
from services.users.sessions import Sessions
from services.users.sign_in import SignIn
from services.users.standards import Standards
from services.users.steps import Steps


@dataclass(frozen=True, slots=True)
class People:
    """Everything about who people are."""

    sessions: Sessions
    sign_in: SignIn
    enrolment: Enrolment
    account: Account

    @classmethod
    def open(
        cls,
        transactions: Transactions,
        clock: Clock,
        keys: Keys,
        policy: PolicySettings,
    ) -> "People":
        """Build each from the others."""
        standards, hasher = Standards(policy), Hasher(keys)
        sessions = Sessions(transactions, clock, keys, standards)
        factors, guard = Factors(keys, standards), Guard(keys, standards)
        steps = Steps(transactions, sessions, standards, factors, guard)
        sign_in = SignIn(transactions, sessions, steps, factors, guard, hasher)
        credentials = Credentials(hasher, standards)
        return cls(
            sessions=sessions,
            sign_in=sign_in,
            enrolment=Enrolment(transactions, steps, factors, credentials),
            account=Account(transactions, sessions, sign_in, factors, credentials),
        )
