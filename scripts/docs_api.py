"""Writes docs/api.md from the routes of the API and their description."""

import inspect
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

import app
from data.clock import SystemClock
from data.crypto import Keys
from data.database import Database
from integrations import api
from integrations.api.base import PREFIX, VERSION
from pages.routes import Kind, Routes
from services.clinic import Clinic
from services.settings import Settings

HEAD = f"""# The JSON API

Generated from `integrations/api/` by `scripts/docs_api.py`; a test compares them. The description
for programs (OpenAPI 3.1) is served at `{PREFIX}/openapi.json`.

* Version {VERSION} stands in the path. Within a version fields are added, never renamed or removed.
* Sign in as a person does and send the session's token: `Authorization: Bearer <token>`. The cookie
  of a browser is taken too, from pages of our own origin only.
* The rights are those of the pages: [permissions](permissions.md). Every call that looks into or
  changes a record stands in the audit trail.
* An error is `application/problem+json` (RFC 9457): `status`, `code`, and `title` with one sentence
  in each language (`zh_CN`, `en`). The code is for programs, the sentence for people.
* Send an `Idempotency-Key` (1 to 200 characters, a new one for each thing you want done) with any
  call that changes something. If no answer comes, send the same again: what has been done is not
  done a second time, and the first answer is given again, as often as asked, for 30 days; what was
  not done is done now. A password that is shown once is empty in the repetition. What was refused
  may be sent again with its key, corrected. A key is yours alone: others' keys are other keys.
* The same key with another body or at another address: 422; while the first still runs: 409.
* Too many calls: 429, a house that is full: 503, both with `Retry-After` in seconds.
* Lists take `offset` and `limit` (200 at most) and answer `rows` and `total`.
"""


def house_on_paper() -> tuple[FastAPI, Routes]:
    """Return a server with everything entered in it, over a database that nobody opens."""
    keys = Keys(bytes(32))
    database = Database("sqlite:///nowhere.db", keys.key("db"))
    server, front = app.build(Clinic.open(database, SystemClock(), keys, Settings()))
    return server, front.routes


def generate(server: FastAPI, routes: Routes) -> str:
    """Return the document for a server that the API has entered itself in."""
    described = api.describe(server)
    found: Any = described["paths"]
    lines = [HEAD, "| call | who | takes | answers |", "|---|---|---|---|"]
    endpoints = {
        (method, route.path): route
        for route in server.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    for entry in routes:
        if entry.kind is not Kind.API:
            continue
        [method] = entry.methods
        operation = found[entry.path][method.lower()]
        who = f"`{entry.action}`" if entry.action else "anybody"
        endpoint = endpoints[method, entry.path]
        lines.append(
            f"| `{method} {entry.path}` | {who} | {_takes(operation)} | {_gives(endpoint)} |"
        )
    return "\n".join(lines) + "\n"


def _takes(operation: dict[str, Any]) -> str:
    named = [each["name"] for each in operation.get("parameters", ()) if each["in"] != "path"]
    body = operation.get("requestBody")
    if body:
        schema = body["content"]["application/json"]["schema"]
        named.insert(0, str(schema.get("$ref", "")).rpartition("/")[2])
    return ", ".join(f"`{name}`" for name in named)


def _gives(route: APIRoute) -> str:
    answer = inspect.signature(route.endpoint).return_annotation
    name = getattr(answer, "__name__", str(answer))
    inner = ", ".join(getattr(each, "__name__", "") for each in getattr(answer, "__args__", ()))
    if name == "Response":
        return ""
    return f"`{name}[{inner}]`" if inner else f"`{name}`"


def pages() -> dict[str, str]:
    """Return the document by its path, for scripts/docs.py."""
    return {"docs/api.md": generate(*house_on_paper())}
