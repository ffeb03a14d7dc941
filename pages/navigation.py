"""Where staff can go: the rail shows each person what their roles allow. (R097)"""

from collections.abc import Callable
from dataclasses import dataclass

from services.policy import Action


@dataclass(frozen=True, slots=True)
class NavItem:
    """A place of the house; without an action everybody who is staff sees it."""

    path: str
    icon: str
    key: str
    """The key of its name."""
    action: Action | None = None
    demo: bool = False
    """Whether it stands in a demo only."""


NAV = (
    NavItem("/", "home", "nav.home"),
    NavItem("/worklist", "video", "nav.worklist", Action.TICKET_CALL),
    NavItem("/tasks", "tasks", "nav.tasks", Action.TASK_READ),
    NavItem("/queue", "clock", "nav.queue", Action.APPOINTMENT_CANCEL_FOR_HOSPITAL),
    NavItem("/patients", "person", "nav.patients", Action.PATIENT_FIND),
    NavItem("/timetable", "calendar", "nav.timetable", Action.SHIFT_READ),
    NavItem("/emergency", "glass", "nav.emergency", Action.EMERGENCY_OPEN),
    NavItem("/emergency/reviews", "eye", "nav.emergency_reviews", Action.EMERGENCY_REVIEW),
    NavItem("/staff", "people", "nav.staff", Action.STAFF_READ),
    NavItem("/credentials", "shield", "nav.credentials", Action.CREDENTIAL_REVIEW),
    NavItem("/credentials/mine", "key", "nav.own_credentials", Action.CREDENTIAL_KEEP),
    NavItem("/departments", "menu", "nav.departments", Action.DEPARTMENT_CHANGE),
    NavItem("/institution", "building", "nav.institution", Action.SITE_CHANGE),
    NavItem("/tariff", "yuan", "nav.tariff", Action.TARIFF_CHANGE),
    NavItem("/refunds", "undo", "nav.refunds", Action.REFUND_READ),
    NavItem("/audit", "trail", "nav.audit", Action.AUDIT_READ),
    NavItem("/deliveries", "parcel", "nav.deliveries", Action.DELIVERY_READ),
    NavItem("/settings", "settings", "nav.settings", Action.SETTING_READ),
    NavItem("/health", "health", "nav.health", Action.HEALTH_READ),
    NavItem("/procedures", "book", "nav.procedures", Action.PROCEDURE_READ),
    NavItem("/inbox", "mail", "nav.inbox", Action.INBOX_READ, demo=True),
)


def offered(can: Callable[[Action], bool], *, demo: bool) -> list[NavItem]:
    """Return the places somebody may go to."""
    there = (item for item in NAV if demo or not item.demo)
    return [item for item in there if item.action is None or can(item.action)]
