"""What a person sees and clicks: every page asks a service and shows the answer."""

from collections.abc import Callable

from fastapi import FastAPI
from nicegui import run, ui

from pages import drafts, gallery, static_routes, uploads
from pages.appointments import (
    board,
    book,
    calendar_file,
    desk,
    patients,
    timetable,
    visits,
    worklist,
)
from pages.billing import channel, pay, prices, refunds, simulator, tariff
from pages.house import (
    audit,
    audit_download,
    authority,
    deliveries,
    health,
    home,
    house_rules,
    notices,
    probes,
    procedures,
    tasks,
)
from pages.nameplate import Nameplate
from pages.records import consents, prepare
from pages.routes import Routes
from pages.security import doors
from pages.security.entrance import stand
from pages.security.front import Front, Surroundings
from pages.theme import NICEGUI
from pages.tuning import escape_at_once, remember_signatures
from pages.users import (
    account,
    credentials,
    departments,
    doctors,
    emergency,
    emergency_reviews,
    entry,
    family,
    institution,
    own_credentials,
    patient_sign_in,
    resets,
    sign_in,
    staff,
)
from pages.who import Describer
from services.clinic import Clinic

Register = Callable[[Clinic, Routes], None]

PLAIN: tuple[Register, ...] = (
    probes.register,
    doors.register,
    uploads.register,
    drafts.register,
    authority.register_files,
    audit_download.register_files,
    credentials.register_files,
    channel.register,
    calendar_file.register_files,
)
"""What enters plain routes: forms, files, small answers."""

SHOWN: tuple[Register, ...] = (
    sign_in.register,
    patient_sign_in.register,
    entry.register,
    family.register,
    home.register,
    tasks.register,
    audit.register,
    deliveries.register,
    house_rules.register,
    notices.register,
    health.register,
    authority.register,
    procedures.register,
    institution.register,
    staff.register,
    resets.register,
    own_credentials.register,
    credentials.register,
    departments.register,
    account.register,
    emergency.register,
    emergency_reviews.register,
    book.register,
    visits.register,
    worklist.register,
    prepare.register,
    consents.register,
    timetable.register,
    desk.register,
    patients.register,
    board.register,
    doctors.register,
    prices.register,
    pay.register,
    simulator.register,
    tariff.register,
    refunds.register,
    gallery.register,
)
"""What enters pages."""


def mount(clinic: Clinic, server: FastAPI, *more: Register) -> Front:
    """Put every page of the house behind the gate on `server`; `more` enters further routes."""
    remember_signatures()
    escape_at_once()
    run.process_pool_start_method = "spawn"  # fork would copy our open database and sockets
    place = Surroundings.of(clinic.settings)
    front = stand(server, clinic, clinic.sessions, place, describe=Describer(clinic))
    static_routes.mount_static(server, phone=Nameplate(clinic).phone)
    for prefix, reason in static_routes.PUBLIC:
        front.routes.internal(prefix, reason)
    for register in (*PLAIN, *more):
        register(clinic, front.routes)
    # Without a storage secret NiceGUI sets no cookie of its own and keeps nothing on disk.
    ui.run_with(
        server,
        title="Xinglin 杏林",
        gzip_middleware_factory=None,  # packed at the entrance, like everything else
        **NICEGUI,
    )
    for register in SHOWN:
        register(clinic, front.routes)
    return front
