"""The JSON API for other programs, version 1: thin translations of our services. (对外接口)

Its policy is that of the pages: the gate knows each route's action, the service asks again for the
thing at hand. Errors are problem details (RFC 9457) with our codes.
"""

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from integrations.api import emergency, house, people, visits, work
from integrations.api.base import PREFIX, VERSION, Registry
from services.clinic import Clinic


def register(clinic: Clinic, routes: Registry) -> None:
    """Enter every route of the API."""
    for part in (emergency, house, people, visits, work):
        part.register(clinic, routes)

    @routes.api("GET", f"{PREFIX}/openapi.json", public="says what there is, and no more")
    async def openapi(request: Request) -> Response:
        return JSONResponse(describe(request.app))


def describe(server: FastAPI) -> dict[str, object]:
    """Return the description of the API in OpenAPI 3.1."""
    ours = [route for route in server.routes if getattr(route, "path", "").startswith(PREFIX)]
    described = get_openapi(title="Xinglin 杏林", version=VERSION, routes=ours)
    described["components"] = {
        **described.get("components", {}),
        "securitySchemes": {
            "session": {"type": "http", "scheme": "bearer", "description": "A session's token."}
        },
    }
    described["security"] = [{"session": []}]
    return described
