"""Puts the gate before a server, with all that belongs to it."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from nicegui import Client, core
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

from data.errors import DomainError, Invalid, NotFound
from pages.routes import Describe, Routes, answer_for
from pages.security import defects
from pages.security.counting import Counting
from pages.security.front import Front, Surroundings
from pages.security.gate import Gate
from pages.security.limits import Pace
from pages.security.nonce import mark_scripts
from pages.security.refusals import refusal
from pages.security.sockets import Sockets
from pages.security.visitors import Sessions, Visitors
from services.clinic import Clinic
from services.overload import Overload

PACKED_FROM_BYTES = 1000


def stand(
    server: FastAPI,
    clinic: Clinic,
    sessions: Sessions,
    place: Surroundings,
    *,
    describe: Describe | None = None,
) -> Front:
    """Put the gate before `server`; call before the pages enter themselves in `Front.routes`.

    `describe` says who a signed-in person is, for the frame of pages. NiceGUI must be mounted with
    `gzip_middleware_factory=None`: answers are packed here, once.
    """
    visitors = Visitors(sessions)
    clinic.bus.watch(visitors.watch)
    front = Front(
        routes=Routes(server, clinic.transactions, describe),
        visitors=visitors,
        sockets=Sockets(visitors, place.rates.events_of_a_socket),
        pace=Pace(place.rates),
        overload=clinic.overload,
        place=place,
    )
    front.sockets.install()
    _set_gauges(front.overload, clinic)
    mark_scripts()
    server.add_middleware(GZipMiddleware, minimum_size=PACKED_FROM_BYTES)
    server.add_middleware(Gate, front=front)
    server.add_middleware(Counting, routes=front.routes, metrics=clinic.metrics)
    _answer_errors(server)
    defects.install()
    return front


def _set_gauges(overload: Overload, clinic: Clinic) -> None:
    overload.gauges.pages = lambda: len(Client.instances)
    overload.gauges.unconnected = lambda: sum(
        not client.has_socket_connection and not client._delete_tasks  # noqa: SLF001
        for client in Client.instances.values()
    )
    overload.gauges.waiting = lambda: clinic.database.waiting


def _answer_errors(server: FastAPI) -> None:
    """Answer what a route raises with a sentence and a code, as the gate does."""

    async def by_service(request: Request, error: Exception) -> Response:
        return answer_for(request, error if isinstance(error, DomainError) else DomainError())

    async def by_form(request: Request, _error: Exception) -> Response:
        return refusal(request.scope, Invalid("invalid"))

    async def no_such_page(request: Request, _error: Exception) -> Response:
        return refusal(request.scope, NotFound("page_not_found"))

    async def by_framework(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        known = NotFound("page_not_found") if status == NotFound.status else Invalid("invalid")
        return refusal(request.scope, known)

    server.add_exception_handler(DomainError, by_service)
    server.add_exception_handler(RequestValidationError, by_form)
    server.add_exception_handler(HTTPException, by_framework)
    core.app.add_exception_handler(RequestValidationError, no_such_page)
