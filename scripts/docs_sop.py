"""docs/sop.md: what the house does when something has happened, and what people then do."""

from data.clock import SystemClock
from data.crypto import MASTER_SIZE, Keys
from data.database import Database
from scripts.docs import NOTE, head, row
from services.clinic import Clinic
from services.i18n import say
from services.procedures import DUTIES, Procedure, Procedures
from services.rules import STAFF, Role
from services.settings import Settings

PATH = "docs/sop.md"
INTRODUCTION = """# Standard operating procedures (标准操作规程)

What the house does by itself when something has happened, and what people then do. The same table,
in the reader's language and with a checklist a role, is the page *SOP* (规程) of the program.
Version of the content: `{version}`.

"""


def pages() -> dict[str, str]:
    """Put a house together over a database that nobody opens, and read its table."""
    keys = Keys(bytes(MASTER_SIZE))
    database = Database("sqlite:///nowhere.db", keys.key("db"))
    clinic = Clinic.open(database, SystemClock(), keys, Settings())
    return {PATH: _page(clinic.procedures)}


def _page(book: Procedures) -> str:
    lines = head("when", "the house does by itself", "people do", "by")
    lines += [_line(each) for each in book.table]
    by_role = [_checklist(role) for role in sorted(STAFF) if _duties(role)]
    source = "`Clinic.follow_procedures` and services/procedures.py"
    text = NOTE.format(source=source) + INTRODUCTION.format(version=book.version)
    return text + "\n".join(lines) + "\n\n## Checklists\n\n" + "\n".join(by_role)


def _line(procedure: Procedure) -> str:
    steps = "<br>".join(f"{step.said('en')} `{step.handler}`" for step in procedure.steps)
    duties = "<br>".join(say("en", duty.key) for duty in procedure.duties)
    who = "<br>".join(_who(duty.roles) for duty in procedure.duties)
    return row(procedure.said("en"), steps, duties, who)


def _who(roles: frozenset[Role]) -> str:
    return "all staff" if roles == STAFF else ", ".join(sorted(roles))


def _duties(role: Role) -> list[str]:
    """Return what is this role's own; what all staff do is said once, in the table."""
    own = (duty for duty in DUTIES if role in duty.roles and duty.roles != STAFF)
    return [f"- [ ] {duty.when}: {say('en', duty.key)}" for duty in own]


def _checklist(role: Role) -> str:
    return "\n".join([f"### {role.replace('_', ' ')}", "", *_duties(role), ""])
