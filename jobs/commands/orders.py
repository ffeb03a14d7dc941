"""What can be asked of a house from its machine: each order is the same beside a server or alone.

An order gets the open house and the arguments, and answers with what JSON can say. It acts in the
name of the house; the trail shows that it came from the console, and who typed it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from data.errors import Unavailable
from jobs.backup import Backup
from jobs.backup_drill import Drill, verify
from jobs.commands.places import take
from services.clinic import Clinic
from services.findings import Finding, worst
from services.i18n import LANGUAGES, has, say
from services.overload import Part
from services.policy import HOUSE, Action, Actor, Grant, Role, Subject
from services.users.registrar import NewStaff, StaffDetails

Arguments = dict[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OpenHouse:
    """The house an order is carried out in."""

    clinic: Clinic
    backup: Backup | None = None
    """The one who ships the log; two of them would not agree about it."""


Order = Callable[[OpenHouse, Arguments], Awaitable[Answer]]


def console(arguments: Arguments) -> Actor:
    """Return the house as it acts for somebody at the machine itself."""
    return replace(HOUSE, address=f"console:{arguments.get('by', '?')}"[:80])


def program_version() -> str:
    """Return the version of this program, as its package says."""
    try:
        return version("xinglin")
    except PackageNotFoundError:
        return "0+checkout"


async def tell_version(house: OpenHouse, arguments: Arguments) -> Answer:
    """Say which version serves."""
    del arguments
    return {"version": program_version(), "demo": house.clinic.settings.demo}


async def verify_audit(house: OpenHouse, arguments: Arguments) -> Answer:
    """Walk the audit chain and compare its end with the anchor."""
    verdict = await house.clinic.audit.verify(console(arguments))
    return {**asdict(verdict), "whole": verdict.whole}


async def export_audit(house: OpenHouse, arguments: Arguments) -> Answer:
    """Write the trail as JSON lines."""
    house.clinic.overload.admit(Part.REPORT)
    folder, since = await _reached(arguments), int(arguments.get("since", 0))
    file, last = await house.clinic.audit.export(console(arguments), folder, since)
    return {"file": str(file), "last": last}


async def export_all(house: OpenHouse, arguments: Arguments) -> Answer:
    """Write everything, for a successor."""
    house.clinic.overload.admit(Part.REPORT)
    folder, reason = await _reached(arguments), str(arguments["reason"])
    done = await house.clinic.export.everything(console(arguments), folder, reason)
    return {
        "folder": str(done.folder),
        "rows": sum(done.rows.values()),
        "tables": len(done.rows),
        "files": done.files,
        "unreadable": done.unreadable,
    }


async def _reached(arguments: Arguments) -> Path:
    """Return the folder that was named, if it is the same one here."""
    folder = Path(arguments["folder"])
    await asyncio.to_thread(take, folder, str(arguments["token"]))
    return folder


async def examine(house: OpenHouse, arguments: Arguments) -> Answer:
    """Make every health check."""
    language = str(arguments.get("language", ""))
    spoken = language if language in LANGUAGES else LANGUAGES[0]
    found = await house.clinic.health.look(console(arguments))
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


async def run_backup(house: OpenHouse, arguments: Arguments) -> Answer:
    """Make a copy of the whole house now."""
    if house.backup is None:
        raise Unavailable("backup_not_open")
    return asdict(await house.backup.run(console(arguments)))


async def run_drill(house: OpenHouse, arguments: Arguments) -> Answer:
    """Try whether the newest copy can be restored."""
    del arguments
    if house.backup is None:
        raise Unavailable("backup_not_open")
    result = await Drill(house.backup).run()
    return asdict(result)


async def verify_backup(house: OpenHouse, arguments: Arguments) -> Answer:
    """Check the newest copy as it lies at the target; nothing is made or restored."""
    del arguments
    if house.backup is None:
        raise Unavailable("backup_not_open")
    key_file = await asyncio.to_thread(house.backup.keyring.load)
    async with house.backup.working() as work:
        return asdict(await verify(house.backup.target, key_file, work))


async def note_share(house: OpenHouse, arguments: Arguments) -> Answer:
    """Note that a recovery share was printed, by its number, and say whose it is."""
    actor = await _console_of_house(house, arguments)
    async with house.clinic.transactions.open(actor) as tx:
        tx.allow(Action.KEYS_ROTATE, Subject("recovery_share", str(arguments["number"])))
    return {"house": (await house.clinic.institutions.read(actor)).details.name}


async def unlock_staff(house: OpenHouse, arguments: Arguments) -> Answer:
    """Let somebody back in whom nobody in the house can help: a new password, no second factor."""
    actor = await _console_of_house(house, arguments)
    user_id = await house.clinic.staff.named(actor, str(arguments["username"]))
    await house.clinic.staff.reactivate(actor, user_id, "console")
    password = await house.clinic.staff.reset(actor, user_id, factors=bool(arguments["factors"]))
    return {"username": arguments["username"], "temporary_password": password}


async def add_admin(house: OpenHouse, arguments: Arguments) -> Answer:
    """Make an administrator, when those that there were are gone."""
    actor = await _console_of_house(house, arguments)
    new = NewStaff(
        username=str(arguments["username"]),
        details=StaffDetails(display_name=str(arguments["person"])),
        grants=frozenset({Grant(Role(str(arguments["role"])))}),
    )
    added = await house.clinic.staff.add(actor, new)
    return {"username": added.username, "temporary_password": added.temporary_password}


async def _console_of_house(house: OpenHouse, arguments: Arguments) -> Actor:
    institution = await house.clinic.institutions.read(console(arguments))
    return replace(console(arguments), institution_id=institution.id)


ORDERS: dict[str, Order] = {
    "audit.export": export_audit,
    "audit.verify": verify_audit,
    "backup.drill": run_drill,
    "backup.run": run_backup,
    "backup.verify": verify_backup,
    "doctor": examine,
    "export": export_all,
    "share.printed": note_share,
    "staff.add_admin": add_admin,
    "staff.unlock": unlock_staff,
    "version": tell_version,
}
AT_ONCE = ("doctor", "version")
"""Orders that only look: they do not stand in line behind a backup."""
