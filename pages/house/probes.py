"""Plain answers for machines that watch this one: alive, ready, and numbers without persons."""

from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from data.errors import NotFound
from pages.routes import Routes
from pages.security.origins import came_through_a_proxy, sender_of
from services.clinic import Clinic

WATCHED = "says only whether the process lives or takes work: nothing about anybody"
NUMBERS = "numbers without persons, given to a monitor on this very machine only"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/healthz`, `/readyz` and `/metrics`."""

    @routes.http("GET", "/healthz", public=WATCHED)
    async def alive() -> Response:
        return JSONResponse({"alive": True})

    @routes.http("GET", "/readyz", public=WATCHED)
    async def ready() -> Response:
        found = await clinic.health.ready()
        status = 200 if found.ready else 503
        return JSONResponse({"ready": found.ready, "code": found.code}, status)

    @routes.http("GET", "/metrics", public=NUMBERS)
    async def metrics(request: Request) -> Response:
        if came_through_a_proxy(request.scope) or not _is_here(sender_of(request.scope)):
            raise NotFound("page_not_found")
        return Response(
            clinic.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )


def _is_here(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
