"""Every address of the real server stands in the registry, with its action or a reason."""

from collections.abc import Iterator

from nicegui.testing.general import nicegui_reset_globals
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

import app
from pages.routes import SOCKET, Kind, Routes
from services.clinic import Clinic


def served(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    """Every path a server would answer at, with its methods; folders and sockets as they are."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from served(inner.routes, prefix)
        elif isinstance(route, Mount):
            if route.routes:
                yield from served(list(route.routes), prefix + route.path)
            else:
                yield f"{prefix}{route.path}/", frozenset({"GET"})
        elif isinstance(route, WebSocketRoute):
            yield prefix + route.path, frozenset({SOCKET})
        else:
            assert isinstance(route, Route), f"{route} is of a kind this test does not know"
            yield prefix + route.path, frozenset(route.methods or {"GET"}) - {"HEAD"}


def strangers(routes: list[BaseRoute], registry: Routes) -> list[str]:
    """What is served without an entry."""
    return [
        f"{'/'.join(sorted(methods))} {path}"
        for path, methods in served(routes)
        if not all(registry.find(method, path) for method in methods)
    ]


def test_every_route_of_the_server_has_an_entry(clinic: Clinic):
    with nicegui_reset_globals():
        server, front = app.build(clinic)
        assert strangers(server.routes, front.routes) == []
        assert len(list(served(server.routes))) > 50  # the walk found the pages and the API


def test_a_route_that_went_around_the_registry_is_found(clinic: Clinic):
    with nicegui_reset_globals():
        server, front = app.build(clinic)
        server.router.routes.insert(0, Route("/back-door", lambda _: None))
        assert strangers(server.routes, front.routes) == ["GET /back-door"]


def test_every_entry_has_an_action_or_says_why_it_needs_none(clinic: Clinic):
    """Signed in is not enough by accident: an entry without an action is on this list."""
    with nicegui_reset_globals():
        _, front = app.build(clinic)
    unexplained = {
        route.path
        for route in front.routes
        if route.action is None and len(route.public.split()) < 3
    }
    assert unexplained <= FOR_EVERYBODY_SIGNED_IN, "name an action, or say here why none is needed"


FOR_EVERYBODY_SIGNED_IN = {
    "/",  # each role's own home
    "/auth/confirm",  # showing again who one is
    "/auth/confirm/options",
    "/confirm",
}


def test_pages_have_a_title(clinic: Clinic):
    with nicegui_reset_globals():
        _, front = app.build(clinic)
    untitled = [route.path for route in front.routes if route.kind is Kind.PAGE and not route.title]
    assert untitled == []
