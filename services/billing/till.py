"""Puts the services of this module together; services/clinic.py hands them out."""

from dataclasses import dataclass

from services.billing.orders import Bills
from services.billing.refunds import Refunds
from services.billing.settlement import Settlement
from services.billing.simulator import Simulator
from services.billing.tariff import Tariffs
from services.policy_settings import PolicySettings
from services.ports import Ports
from services.tasks import Tasks
from services.transaction import Transactions


@dataclass(frozen=True, slots=True)
class Till:
    """Everything about money."""

    tariffs: Tariffs
    bills: Bills
    refunds: Refunds
    settlement: Settlement
    simulator: Simulator

    @classmethod
    def open(
        cls, transactions: Transactions, ports: Ports, policy: PolicySettings, tasks: Tasks
    ) -> "Till":
        """Build each from the others."""
        refunds = Refunds(transactions, ports, policy, tasks)
        settlement = Settlement(transactions, ports, tasks, refunds)
        return cls(
            tariffs=Tariffs(transactions),
            bills=Bills(transactions, settlement, refunds),
            refunds=refunds,
            settlement=settlement,
            simulator=Simulator(transactions, ports, settlement),
        )
