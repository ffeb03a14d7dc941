"""Xinglin 杏林 for small hospitals: puts the parts together, serves them, answers to its command.

Reads from top to bottom: keys, database, adapters, services, pages, servers.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from jobs.commands import Around, Composition, run

if TYPE_CHECKING:
    from fastapi import FastAPI

    from jobs.backup import Backup
    from jobs.schedule import Work
    from pages.security.front import Front
    from services.clinic import Clinic
    from services.ports import BackupTarget, CertificateOffice
    from services.settings import Settings

# Everything heavy is imported where it is used, so that `xinglin --help` answers at once.


@asynccontextmanager
async def open_clinic(settings: "Settings") -> AsyncIterator["Clinic"]:
    """Open the house without serving it; see `jobs.commands.OpenClinic`."""
    from data.clock import SystemClock
    from data.database import Database
    from data.keyring import Keyring
    from data.schema import Schema
    from integrations import providers
    from integrations.timekeeping import Timekeeper
    from jobs.rotation import require_finished
    from services.clinic import Clinic

    require_finished(settings)
    key_file = await asyncio.to_thread(Keyring(settings.key_file).load)
    keys = key_file.keys(settings.crypto_profile)
    clock = SystemClock()
    database = Database(settings.database, keys.key("db"))
    await database.open()
    try:
        require_finished(settings)  # again: a rotation may have begun before the house was ours
        await Schema(database).require()
        database.unlock(keys)
        ports = providers.build(settings, database, clock)
        clinic = Clinic.open(database, clock, keys, settings, ports)
        clinic.health.timekeeping = Timekeeper(database, clock).look
        await clinic.institutions.require_one_world(demo=settings.demo)
        await clinic.policy.load()
        try:
            yield clinic
        finally:
            await clinic.close()
    finally:
        await database.close()


def certificates(settings: "Settings") -> "CertificateOffice":
    """Return who sees to the certificate for HTTPS."""
    from integrations.certificates import Office

    return Office(settings.certificate, settings.home)


def build(clinic: "Clinic") -> tuple["FastAPI", "Front"]:
    """Put the pages and the API over an open clinic."""
    from fastapi import FastAPI

    import pages
    from integrations import api

    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    front = pages.mount(clinic, server, api.register)
    return server, front


async def serve(settings: "Settings", around: Around) -> None:
    """Serve until told to stop; see `jobs.commands.Serve`."""
    from pages.tuning import settle_memory
    from services import i18n, logs

    logs.settle(settings.log_format)
    i18n.settle(timezone=settings.timezone)
    with told_to_stop() as stop:
        async with open_clinic(settings) as clinic, kept_safe(clinic) as backup:
            server, front = build(clinic)
            office = certificates(settings)
            settle_memory()
            async with (
                listening(server, settings, office, clinic) as renew,
                at_work(clinic, front, backup, renew),
                around(clinic, backup),
            ):
                await stop.wait()


@asynccontextmanager
async def kept_safe(clinic: "Clinic") -> AsyncIterator["Backup"]:
    """Ship the log before anything is written, and once more when all is written."""
    from data.keyring import Keyring
    from jobs.backup import Backup

    settings = clinic.settings
    backup = Backup(clinic, backup_target(settings), Keyring(settings.key_file))
    await backup.open()
    try:
        yield backup
    finally:
        await backup.close()


@asynccontextmanager
async def at_work(
    clinic: "Clinic", front: "Front", backup: "Backup", renew: "Work"
) -> AsyncIterator[None]:
    """Run what a serving house does besides answering; all of it ends with the block."""
    from jobs.backup_drill import Drill
    from jobs.schedule import Night, Schedule, table
    from jobs.steadiness import Steadiness

    night = Night(backup, Drill(backup), backup.courier)
    clinic.health.jumped = Steadiness(clinic.clock).look
    jobs, timezone = table(clinic, night, renew), clinic.settings.timezone
    schedule = Schedule(jobs, timezone, clinic.metrics, clinic.health.jumped)
    async with asyncio.TaskGroup() as work:
        work.create_task(front.run(), name="front")
        work.create_task(clinic.bus.run(), name="outbox")
        copying = work.create_task(backup.serve(), name="backup")
        await clinic.uploads.tidy()
        await clinic.audit_downloads.tidy()
        schedule.start()
        try:
            yield
        finally:
            await schedule.close()
            copying.cancel()
            front.stop()
            clinic.bus.stop()


@asynccontextmanager
async def listening(
    server: "FastAPI", settings: "Settings", office: "CertificateOffice", clinic: "Clinic"
) -> AsyncIterator["Work"]:
    """Listen on each address that is set, and leave none half open.

    Yields what renews the certificate when that is due, while the house goes on serving.
    """
    from integrations.listeners import Address, listen

    place = settings.server
    addresses = [Address(place.host, place.port)] if place.port else []
    if place.tls_port:
        papers = await asyncio.to_thread(office.ready, clinic.clock.now())
        addresses.append(Address(place.tls_host, place.tls_port, papers.chain, papers.key))
    async with listen(server, addresses) as doors:

        async def renew() -> None:
            if place.tls_port:
                papers = await asyncio.to_thread(office.ready, clinic.clock.now())
                await doors.show(papers.chain, papers.key)

        yield renew


@contextmanager
def told_to_stop() -> Iterator[asyncio.Event]:
    """Yield what SIGINT or SIGTERM sets; one that comes while the house opens is not lost."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    try:
        yield stop
    finally:
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(sign)


def backup_target(settings: "Settings") -> "BackupTarget":
    """Return the place that keeps the copies."""
    from integrations.backup_targets import chosen

    return chosen(settings)


COMPOSITION = Composition(
    open_clinic=open_clinic,
    serve=serve,
    certificates=certificates,
    backup_target=backup_target,
)


def main() -> None:
    """Run the command `xinglin`."""
    sys.exit(run(COMPOSITION))


if __name__ == "__main__":
    main()
