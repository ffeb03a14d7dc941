"""What can be asked of a house from its machine: each order is the same beside a server or alone.

An order gets the open house and the arguments, and answers with what JSON can say. It acts in the
name of the house; the trail shows that it came from the console, and who typed it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from services.clinic import Clinic
from services.findings import Finding, worst
from services.i18n import LANGUAGES, has, say
from services.policy import HOUSE, Actor, Grant, Role
from services.users.registrar import NewStaff, StaffDetails

Arguments = dict[str, Any]
Answer = dict[str, Any]
Order = Callable[[Clinic, Arguments], Awaitable[Answer]]


def console(arguments: Arguments) -> Actor:
    """Return the house as it acts for somebody at the machine itself."""
    return replace(HOUSE, address=f"console:{arguments.get('by', '?')}"[:80])


def program_version() -> str:
    """Return the version of this program, as its package says."""
    try:
        return version("xinglin")
    except PackageNotFoundError:
        return "0+checkout"


async def tell_version(clinic: Clinic, arguments: Arguments) -> Answer:
    """Say which version serves."""
    del arguments
    return {"version": program_version(), "demo": clinic.settings.demo}


async def verify_audit(clinic: Clinic, arguments: Arguments) -> Answer:
    """Walk the audit chain and compare its end with the anchor."""
    verdict = await clinic.audit.verify(console(arguments))
    return {**asdict(verdict), "whole": verdict.whole}


async def export_audit(clinic: Clinic, arguments: Arguments) -> Answer:
    """Write the trail as JSON lines."""
    folder, since = Path(arguments["folder"]), int(arguments.get("since", 0))
    file, last = await clinic.audit.export(console(arguments), folder, since)
    return {"file": str(file), "last": last}


async def export_all(clinic: Clinic, arguments: Arguments) -> Answer:
    """Write everything, for a successor."""
    folder, reason = Path(arguments["folder"]), str(arguments["reason"])
    done = await clinic.export.everything(console(arguments), folder, reason)
    return {
        "folder": str(done.folder),
        "rows": sum(done.rows.values()),
        "tables": len(done.rows),
        "files": done.files,
        "unreadable": done.unreadable,
    }


async def examine(clinic: Clinic, arguments: Arguments) -> Answer:
    """Make every health check."""
    language = str(arguments.get("language", ""))
    spoken = language if language in LANGUAGES else LANGUAGES[0]
    found = await clinic.health.look(console(arguments))
    return {"worst": str(worst(found)), "findings": [_worded(each, spoken) for each in found]}


def _worded(finding: Finding, language: str) -> Answer:
    def sentence(key: str) -> str:
        return say(language, key, **finding.values) if key and has(key) else key

    return {
        "check": finding.check,
        "level": str(finding.level),
        "code": finding.code,
        "title": sentence(finding.title),
        "what": sentence(finding.what),
        "remedy": sentence(finding.remedy),
    }


async def unlock_staff(clinic: Clinic, arguments: Arguments) -> Answer:
    """Let somebody back in whom nobody in the house can help: a new password, no second factor."""
    actor = await _console_of_house(clinic, arguments)
    user_id = await clinic.staff.named(actor, str(arguments["username"]))
    await clinic.staff.reactivate(actor, user_id, "console")
    password = await clinic.staff.reset(actor, user_id, factors=bool(arguments["factors"]))
    return {"username": arguments["username"], "temporary_password": password}


async def add_admin(clinic: Clinic, arguments: Arguments) -> Answer:
    """Make an administrator, when those that there were are gone."""
    actor = await _console_of_house(clinic, arguments)
    new = NewStaff(
        username=str(arguments["username"]),
        details=StaffDetails(display_name=str(arguments["person"])),
        grants=frozenset({Grant(Role(str(arguments["role"])))}),
    )
    added = await clinic.staff.add(actor, new)
    return {"username": added.username, "temporary_password": added.temporary_password}


async def _console_of_house(clinic: Clinic, arguments: Arguments) -> Actor:
    house = await clinic.institutions.read(console(arguments))
    return replace(console(arguments), institution_id=house.id)


ORDERS: dict[str, Order] = {
    "audit.export": export_audit,
    "audit.verify": verify_audit,
    "doctor": examine,
    "export": export_all,
    "staff.add_admin": add_admin,
    "staff.unlock": unlock_staff,
    "version": tell_version,
}
