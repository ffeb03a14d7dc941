"""The table of permissions: action by role. Read it as the hospital's own rule book."""

from enum import StrEnum

from services.rules import (
    ADMINISTRATORS,
    STAFF,
    Role,
    Rule,
    anyone,
    in_place,
    not_own,
    not_own_within,
    own,
    treats,
    within,
)


class Action(StrEnum):
    """`<thing>:<verb>`, in alphabetical order."""

    ACCOUNT_CHANGE = "account:change"
    ACCOUNT_OPEN = "account:open"
    ACCOUNT_READ = "account:read"
    ACCOUNT_SECURE = "account:secure"
    APPOINTMENT_BOOK = "appointment:book"
    APPOINTMENT_CANCEL = "appointment:cancel"
    APPOINTMENT_CANCEL_FOR_HOSPITAL = "appointment:cancel_for_hospital"
    APPOINTMENT_CHECK_IN = "appointment:check_in"
    APPOINTMENT_READ = "appointment:read"
    APPOINTMENT_SETTLE = "appointment:settle"
    AUDIT_EXPORT = "audit:export"
    AUDIT_READ = "audit:read"
    AUDIT_VERIFY = "audit:verify"
    BACKUP_RESTORE = "backup:restore"
    BACKUP_RUN = "backup:run"
    BILL_CLOSE = "bill:close"
    BILL_OPEN = "bill:open"
    BILL_PAY = "bill:pay"
    BILL_READ = "bill:read"
    BOARD_READ = "board:read"
    BUS_WORK = "bus:work"
    CHART_READ = "chart:read"
    CLINICIAN_READ = "clinician:read"
    CODE_ASK = "code:ask"
    CONSENT_GIVE = "consent:give"
    CONSENT_READ = "consent:read"
    CONSENT_WITHDRAW = "consent:withdraw"
    CONSENT_WORD = "consent:word"
    CREDENTIAL_ACTIVATE = "credential:activate"
    CREDENTIAL_APPROVE = "credential:approve"
    CREDENTIAL_CERTIFY = "credential:certify"
    CREDENTIAL_FILE = "credential:file"
    CREDENTIAL_KEEP = "credential:keep"
    CREDENTIAL_READ = "credential:read"
    CREDENTIAL_RESUME = "credential:resume"
    CREDENTIAL_RETURN = "credential:return"
    CREDENTIAL_REVIEW = "credential:review"
    CREDENTIAL_SUSPEND = "credential:suspend"
    CREDENTIAL_VERIFY = "credential:verify"
    DELIVERY_READ = "delivery:read"
    DELIVERY_REPLAY = "delivery:replay"
    DEPARTMENT_CHANGE = "department:change"
    DEPARTMENT_READ = "department:read"
    DRAFT_KEEP = "draft:keep"
    EMERGENCY_CLOSE = "emergency:close"
    EMERGENCY_OPEN = "emergency:open"
    EMERGENCY_REVIEW = "emergency:review"
    ENCOUNTER_END = "encounter:end"
    ENCOUNTER_READ = "encounter:read"
    ENCOUNTER_SETTLE = "encounter:settle"
    EVIDENCE_KEEP = "evidence:keep"
    EXPORT_ALL = "export:all"
    FILE_KEEP = "file:keep"
    FILE_READ = "file:read"
    HEALTH_READ = "health:read"
    INBOX_READ = "inbox:read"
    INFRASTRUCTURE_DECLARE = "infrastructure:declare"
    INSTITUTION_CHANGE = "institution:change"
    INSTITUTION_FOUND = "institution:found"
    INSTITUTION_READ = "institution:read"
    KEYS_ROTATE = "keys:rotate"
    KIND_CHANGE = "kind:change"
    KIND_READ = "kind:read"
    LEAVE_ENTER = "leave:enter"
    LINK_OPEN = "link:open"
    MESSAGE_OVERSEE = "message:oversee"
    MESSAGE_READ = "message:read"
    MESSAGE_RESEND = "message:resend"
    MESSAGE_SEND = "message:send"
    PATIENT_CHANGE = "patient:change"
    PATIENT_ENTER = "patient:enter"
    PATIENT_FIND = "patient:find"
    PATIENT_READ = "patient:read"
    PATIENT_REGISTER = "patient:register"
    PATIENT_VERIFY = "patient:verify"
    PATIENT_VERIFY_AT_COUNTER = "patient:verify_at_counter"
    PAYMENT_SETTLE = "payment:settle"
    PAYMENT_SIMULATE = "payment:simulate"
    PLACE_READ = "place:read"
    PREPARATION_KEEP = "preparation:keep"
    PREPARATION_READ = "preparation:read"
    PRESENCE_BEAT = "presence:beat"
    PROCEDURE_READ = "procedure:read"
    QUEUE_READ = "queue:read"
    REFUND_APPROVE = "refund:approve"
    REFUND_ASK = "refund:ask"
    REFUND_READ = "refund:read"
    REFUND_REPEAT = "refund:repeat"
    REFUND_SEND = "refund:send"
    SESSION_CONFIRM = "session:confirm"
    SESSION_LIST = "session:list"
    SESSION_OPEN = "session:open"
    SESSION_REVOKE = "session:revoke"
    SETTING_CHANGE = "setting:change"
    SETTING_CHANGE_CLINICAL = "setting:change_clinical"
    SETTING_CHANGE_SECURITY = "setting:change_security"
    SETTING_READ = "setting:read"
    SHIFT_CHANGE = "shift:change"
    SHIFT_READ = "shift:read"
    SHIFT_SUSPEND = "shift:suspend"
    SITE_CHANGE = "site:change"
    SITE_READ = "site:read"
    STAFF_ADD = "staff:add"
    STAFF_CHANGE = "staff:change"
    STAFF_GRANT = "staff:grant"
    STAFF_REACTIVATE = "staff:reactivate"
    STAFF_READ = "staff:read"
    STAFF_RESET = "staff:reset"
    STAFF_RESET_APPROVE = "staff:reset_approve"
    STAFF_SUSPEND = "staff:suspend"
    STAFF_UNLOCK = "staff:unlock"
    STAFF_UNMASK = "staff:unmask"
    TARIFF_CHANGE = "tariff:change"
    TARIFF_READ = "tariff:read"
    TASK_CLOSE = "task:close"
    TASK_ESCALATE = "task:escalate"
    TASK_HAND_OVER = "task:hand_over"
    TASK_RAISE = "task:raise"
    TASK_READ = "task:read"
    TASK_TAKE = "task:take"
    TICKET_CALL = "ticket:call"
    TICKET_ENTER = "ticket:enter"
    TICKET_LEAVE = "ticket:leave"
    TICKET_READ = "ticket:read"
    TICKET_RETURN = "ticket:return"
    TICKET_SETTLE = "ticket:settle"
    WAITLIST_JOIN = "waitlist:join"
    WAITLIST_SETTLE = "waitlist:settle"


def every(roles: frozenset[Role], rule: Rule) -> dict[Role, Rule]:
    """Give the same rule to each of these roles."""
    return dict.fromkeys(roles, rule)


ACCOUNTS = frozenset({Role.PATIENT, Role.PROXY})
"""Those who come as patients, for themselves or for others."""
PEOPLE = STAFF | ACCOUNTS
DESK = frozenset({Role.NURSE, Role.PATIENT_SERVICE})
"""Those at the counter (导诊台)."""
PLANNERS = frozenset({Role.MEDICAL_AFFAIRS, Role.DEPARTMENT_HEAD})
"""Those who lay out who works when."""
CLINICIANS = frozenset({Role.DOCTOR, Role.NURSE, Role.PHARMACIST, Role.VISITING_DOCTOR})
"""Those whose papers are reviewed before they may work."""
REVIEWERS = frozenset(
    {Role.HR, Role.MEDICAL_AFFAIRS, Role.SECURITY_ADMIN, Role.QUALITY, Role.DEPARTMENT_HEAD}
)
HOUSE_ONLY = {Role.HOUSE: anyone}

RULES: dict[Action, dict[Role, Rule]] = {
    Action.ACCOUNT_CHANGE: every(PEOPLE, own),
    Action.ACCOUNT_OPEN: {Role.VISITOR: anyone},  # with a code from one's own phone
    Action.ACCOUNT_READ: every(PEOPLE, own),
    Action.ACCOUNT_SECURE: every(PEOPLE, own),
    Action.APPOINTMENT_BOOK: {**every(ACCOUNTS, own), **every(DESK, in_place)},
    Action.APPOINTMENT_CANCEL: {**every(ACCOUNTS, own), **every(DESK, in_place)},
    Action.APPOINTMENT_CANCEL_FOR_HOSPITAL: every(DESK | {Role.MEDICAL_AFFAIRS}, in_place),
    Action.APPOINTMENT_CHECK_IN: {**every(ACCOUNTS, own), **every(DESK, in_place)},
    Action.APPOINTMENT_READ: {
        **every(ACCOUNTS, own),
        **every(DESK | {Role.MEDICAL_AFFAIRS}, in_place),
        Role.DOCTOR: treats,
    },
    Action.APPOINTMENT_SETTLE: HOUSE_ONLY,
    Action.AUDIT_EXPORT: {Role.AUDIT_ADMIN: within, Role.HOUSE: anyone},
    Action.AUDIT_READ: {Role.AUDIT_ADMIN: in_place},
    Action.AUDIT_VERIFY: {Role.AUDIT_ADMIN: in_place, Role.HOUSE: anyone},
    Action.BACKUP_RESTORE: HOUSE_ONLY,
    Action.BACKUP_RUN: {Role.SYSTEM_ADMIN: within, Role.HOUSE: anyone},
    Action.BILL_CLOSE: HOUSE_ONLY,
    Action.BILL_OPEN: HOUSE_ONLY,
    Action.BILL_PAY: every(ACCOUNTS, own),
    Action.BILL_READ: {**every(ACCOUNTS, own), Role.CASHIER: in_place},
    Action.BOARD_READ: every(STAFF, in_place),
    Action.BUS_WORK: HOUSE_ONLY,
    # Who treats a patient is known to the modules that come with treatment; until then nobody
    # reads a chart but through broken glass, and patients their own.
    Action.CHART_READ: {Role.PATIENT: own, Role.PROXY: own},
    Action.CLINICIAN_READ: dict.fromkeys((*PEOPLE, Role.VISITOR), anyone),
    Action.CODE_ASK: dict.fromkeys((*ACCOUNTS, Role.VISITOR), anyone),
    Action.CONSENT_GIVE: every(ACCOUNTS, own),
    Action.CONSENT_READ: dict.fromkeys((*PEOPLE, Role.VISITOR), anyone),
    Action.CONSENT_WITHDRAW: every(ACCOUNTS, own),
    Action.CONSENT_WORD: {Role.MEDICAL_AFFAIRS: within},
    Action.CREDENTIAL_ACTIVATE: {Role.DEPARTMENT_HEAD: not_own},
    Action.CREDENTIAL_APPROVE: {Role.MEDICAL_AFFAIRS: not_own},
    Action.CREDENTIAL_CERTIFY: {Role.SECURITY_ADMIN: not_own},
    Action.CREDENTIAL_FILE: {Role.QUALITY: not_own},
    Action.CREDENTIAL_KEEP: every(CLINICIANS, own),
    Action.CREDENTIAL_READ: {**every(CLINICIANS, own), **every(REVIEWERS, in_place)},
    Action.CREDENTIAL_RESUME: {Role.MEDICAL_AFFAIRS: not_own},
    Action.CREDENTIAL_RETURN: every(frozenset({Role.HR, Role.MEDICAL_AFFAIRS}), not_own),
    Action.CREDENTIAL_REVIEW: every(REVIEWERS, in_place),  # the list of all, not one's own file
    Action.CREDENTIAL_SUSPEND: {
        **every(frozenset({Role.HR, Role.MEDICAL_AFFAIRS}), not_own),
        Role.HOUSE: anyone,
    },
    Action.CREDENTIAL_VERIFY: {Role.HR: not_own},
    Action.DELIVERY_READ: {Role.SYSTEM_ADMIN: anyone},
    Action.DELIVERY_REPLAY: {Role.SYSTEM_ADMIN: anyone},
    Action.DEPARTMENT_CHANGE: {Role.MEDICAL_AFFAIRS: within},
    Action.DEPARTMENT_READ: dict.fromkeys((*PEOPLE, Role.VISITOR), anyone),
    Action.DRAFT_KEEP: every(PEOPLE, own),
    Action.EMERGENCY_CLOSE: every(
        frozenset({Role.DOCTOR, Role.NURSE, Role.PHARMACIST, Role.MEDICAL_AFFAIRS}), own
    ),
    Action.EMERGENCY_OPEN: every(
        frozenset({Role.DOCTOR, Role.NURSE, Role.PHARMACIST, Role.MEDICAL_AFFAIRS}), in_place
    ),
    Action.EMERGENCY_REVIEW: {Role.MEDICAL_AFFAIRS: not_own, Role.AUDIT_ADMIN: not_own},
    Action.ENCOUNTER_END: {Role.DOCTOR: treats},
    Action.ENCOUNTER_READ: {**every(ACCOUNTS, own), Role.DOCTOR: treats},
    Action.ENCOUNTER_SETTLE: HOUSE_ONLY,
    Action.EVIDENCE_KEEP: every(ACCOUNTS, own),
    Action.EXPORT_ALL: HOUSE_ONLY,  # from the machine itself, never from a page
    Action.FILE_KEEP: {**every(PEOPLE, own), Role.HOUSE: anyone},
    Action.FILE_READ: {**every(PEOPLE, own), Role.HOUSE: anyone},
    Action.HEALTH_READ: {**every(ADMINISTRATORS, anyone), Role.HOUSE: anyone},
    Action.INBOX_READ: dict.fromkeys((*PEOPLE, Role.VISITOR), anyone),
    Action.INFRASTRUCTURE_DECLARE: {Role.SYSTEM_ADMIN: within},
    Action.INSTITUTION_CHANGE: {Role.SYSTEM_ADMIN: within},
    Action.INSTITUTION_FOUND: HOUSE_ONLY,
    Action.INSTITUTION_READ: dict.fromkeys((*PEOPLE, Role.VISITOR, Role.HOUSE), anyone),
    Action.KEYS_ROTATE: {Role.HOUSE: anyone},
    Action.KIND_CHANGE: {Role.MEDICAL_AFFAIRS: within},
    Action.KIND_READ: dict.fromkeys((*PEOPLE, Role.VISITOR), anyone),
    Action.LEAVE_ENTER: {**every(PLANNERS, within), Role.DOCTOR: own},
    Action.LINK_OPEN: dict.fromkeys((*PEOPLE, Role.VISITOR), anyone),
    Action.MESSAGE_OVERSEE: {Role.SYSTEM_ADMIN: within},
    Action.MESSAGE_READ: every(PEOPLE, own),
    Action.MESSAGE_RESEND: {Role.SYSTEM_ADMIN: within},
    Action.MESSAGE_SEND: HOUSE_ONLY,
    Action.PATIENT_CHANGE: every(ACCOUNTS, own),
    Action.PATIENT_ENTER: every(DESK, in_place),
    Action.PATIENT_FIND: every(DESK, in_place),
    Action.PATIENT_READ: every(ACCOUNTS, own),
    Action.PATIENT_REGISTER: every(ACCOUNTS, own),
    Action.PATIENT_VERIFY: every(ACCOUNTS, own),
    Action.PATIENT_VERIFY_AT_COUNTER: every(DESK, in_place),
    Action.PAYMENT_SETTLE: HOUSE_ONLY,  # what a channel says is believed by its signature
    Action.PAYMENT_SIMULATE: every(ACCOUNTS, anyone),  # in a demo: there is no money in it
    Action.PLACE_READ: dict.fromkeys((*PEOPLE, Role.VISITOR), anyone),
    Action.PREPARATION_KEEP: {**every(ACCOUNTS, own), **every(DESK, in_place)},
    Action.PREPARATION_READ: every(ACCOUNTS, own),
    Action.PRESENCE_BEAT: {Role.DOCTOR: own},
    Action.PROCEDURE_READ: every(STAFF, anyone),
    Action.QUEUE_READ: {Role.DOCTOR: treats, **every(DESK | {Role.MEDICAL_AFFAIRS}, in_place)},
    Action.REFUND_APPROVE: {Role.CASHIER: not_own},
    Action.REFUND_ASK: HOUSE_ONLY,
    Action.REFUND_READ: {Role.CASHIER: in_place},
    Action.REFUND_REPEAT: {Role.CASHIER: in_place},
    Action.REFUND_SEND: HOUSE_ONLY,
    Action.SESSION_CONFIRM: every(PEOPLE, own),
    Action.SESSION_LIST: {**every(PEOPLE, own), Role.SECURITY_ADMIN: within},
    Action.SESSION_OPEN: {Role.VISITOR: anyone},
    Action.SESSION_REVOKE: {
        **every(PEOPLE, own),
        Role.SECURITY_ADMIN: within,
        Role.HOUSE: anyone,
    },
    Action.SETTING_CHANGE: {Role.SYSTEM_ADMIN: within},
    Action.SETTING_CHANGE_CLINICAL: {Role.MEDICAL_AFFAIRS: within},
    Action.SETTING_CHANGE_SECURITY: {Role.SECURITY_ADMIN: within},
    Action.SETTING_READ: {
        **every(ADMINISTRATORS | {Role.MEDICAL_AFFAIRS, Role.QUALITY}, in_place),
        Role.HOUSE: anyone,
    },
    Action.SHIFT_CHANGE: {**every(PLANNERS, within), Role.HOUSE: anyone},
    Action.SHIFT_READ: every(STAFF, in_place),
    Action.SHIFT_SUSPEND: every(PLANNERS, within),
    Action.SITE_CHANGE: {Role.SYSTEM_ADMIN: within},
    Action.SITE_READ: {**every(STAFF, in_place), Role.HOUSE: anyone},
    Action.STAFF_ADD: {Role.SECURITY_ADMIN: within, Role.HOUSE: anyone},
    Action.STAFF_CHANGE: {Role.SECURITY_ADMIN: within, Role.HR: within},
    Action.STAFF_GRANT: {Role.SECURITY_ADMIN: not_own_within, Role.HOUSE: anyone},
    Action.STAFF_READ: every(
        frozenset({Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.HR, Role.MEDICAL_AFFAIRS}), in_place
    ),
    # Of those whom their own office keeps out; security lets in anybody. (Staff.reactivate)
    Action.STAFF_REACTIVATE: {
        Role.SECURITY_ADMIN: not_own_within,
        Role.HR: not_own_within,
        Role.MEDICAL_AFFAIRS: not_own_within,
        Role.HOUSE: anyone,
    },
    Action.STAFF_RESET: {Role.SECURITY_ADMIN: not_own_within, Role.HOUSE: anyone},
    # Of an administrator, and by whom services/users/resets.py says; never one's own asking.
    Action.STAFF_RESET_APPROVE: every(ADMINISTRATORS, not_own_within),
    Action.STAFF_SUSPEND: {
        Role.SECURITY_ADMIN: not_own_within,
        Role.HR: not_own_within,
        Role.MEDICAL_AFFAIRS: not_own_within,
        Role.HOUSE: anyone,
    },
    Action.STAFF_UNLOCK: {Role.SECURITY_ADMIN: not_own_within},
    Action.STAFF_UNMASK: every(frozenset({Role.SECURITY_ADMIN, Role.HR}), within),
    # Who takes the money does not say how much: prices are medical affairs'.
    Action.TARIFF_CHANGE: {Role.MEDICAL_AFFAIRS: within},
    Action.TARIFF_READ: dict.fromkeys((*PEOPLE, Role.VISITOR), anyone),
    Action.TASK_CLOSE: {**every(STAFF, in_place), Role.HOUSE: anyone},
    Action.TASK_ESCALATE: HOUSE_ONLY,
    Action.TASK_HAND_OVER: every(STAFF, in_place),
    Action.TASK_RAISE: {**every(STAFF, in_place), Role.HOUSE: anyone},
    Action.TASK_READ: every(STAFF, in_place),
    Action.TASK_TAKE: every(STAFF, in_place),
    Action.TICKET_CALL: {Role.DOCTOR: treats},
    Action.TICKET_ENTER: every(ACCOUNTS, own),
    Action.TICKET_LEAVE: every(ACCOUNTS, own),
    Action.TICKET_READ: every(ACCOUNTS, own),
    Action.TICKET_RETURN: {**every(ACCOUNTS, own), **every(DESK, in_place)},
    Action.TICKET_SETTLE: HOUSE_ONLY,
    Action.WAITLIST_JOIN: every(ACCOUNTS, own),
    Action.WAITLIST_SETTLE: HOUSE_ONLY,
}

SENSITIVE = frozenset(
    {
        Action.ACCOUNT_SECURE,
        Action.AUDIT_EXPORT,
        Action.EMERGENCY_OPEN,
        Action.REFUND_APPROVE,
        Action.SETTING_CHANGE_CLINICAL,
        Action.SETTING_CHANGE_SECURITY,
        Action.STAFF_ADD,
        Action.STAFF_CHANGE,  # where somebody is warned that their password was reset
        Action.STAFF_GRANT,
        Action.STAFF_REACTIVATE,
        Action.STAFF_RESET,
        Action.STAFF_RESET_APPROVE,
        Action.STAFF_SUSPEND,
        Action.STAFF_UNLOCK,
        Action.STAFF_UNMASK,
    }
)
"""Acts that need a proof of who one is that is a few minutes old at most."""

BREAKABLE = frozenset({Action.CHART_READ})
"""What may be done in an emergency without a rule, with a reason, and is reviewed afterwards."""

EVEN_DELETED = frozenset({Action.AUDIT_READ, Action.AUDIT_EXPORT, Action.AUDIT_VERIFY})
"""Acts for which it does not matter that the thing is deleted."""

CLINICAL = frozenset({"certificate", "diagnosis", "order", "prescription", "record", "signature"})
"""Things only people do (R-AI-1): no action on them may have a rule for the house itself."""

FORBIDDEN_TOGETHER: frozenset[frozenset[Role]] = frozenset(
    {
        frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN}),
        frozenset({Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN}),
        frozenset({Role.SECURITY_ADMIN, Role.AUDIT_ADMIN}),
    }
)
"""Roles that no person may hold at once (separation of powers, 三权分立, S-AC-1)."""


def faults(table: dict[Action, dict[Role, Rule]]) -> list[str]:
    """Return what is wrong with a table of permissions, as sentences; empty if nothing is."""
    missing = [f"{action} has no rule" for action in Action if not table.get(action)]
    clinical = [
        f"{action} is a clinical act and must not have a rule for the house"
        for action, rules in table.items()
        if action.partition(":")[0] in CLINICAL and Role.HOUSE in rules
    ]
    return missing + clinical
