"""The upload component, the route it sends to, and the route that gives files back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

from nicegui import context, ui
from nicegui.events import GenericEventArguments
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from data.errors import Invalid, Unauthenticated
from pages.routes import Routes
from pages.security.limits import MEGABYTE
from pages.session import actor_of, visitor_of
from pages.words import t
from services.cleaning import MOST_BYTES, SORTS
from services.clinic import Clinic
from services.overload import Part
from services.permissions import Action
from services.uploads import Kept, Received

FOR_A_FILE = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""What a file may do if a browser shows it after all: nothing."""

WORDS = ("sending", "waiting", "done", "failed")

OnFile = Callable[[Received], Awaitable[None] | None]


class FileUpload(ui.element, component="static/upload.js"):
    """A labelled button that sends files one by one, says how far it is, and what was wrong.

    `on_file` is called with each file once it is safely kept.
    """

    def __init__(
        self,
        label: str,
        on_file: OnFile,
        *,
        clinic: Clinic,
        patient_id: UUID | None = None,
        many: bool = False,
    ) -> None:
        super().__init__()
        visitor = visitor_of(context.client.request)
        if visitor is None:
            raise Unauthenticated("sign_in_needed")
        self._on_file = on_file
        number, self._ticket = clinic.uploads.tickets.ask(visitor.key, patient_id)
        self._props["label"] = label
        self._props["hint"] = t("upload.hint")
        self._props["accept"] = ",".join(sorted(SORTS))
        self._props["many"] = many
        self._props["ticket"] = number
        self._props["words"] = {name: t(f"upload.{name}") for name in WORDS}
        self.on("received", self._received)

    async def _received(self, event: GenericEventArguments) -> None:
        told = event.args
        file_id = told.get("id") if isinstance(told, dict) else None
        received = self._ticket.received.pop(file_id, None) if isinstance(file_id, str) else None
        if received is None:
            return
        answer = self._on_file(received)
        if answer is not None:
            await answer


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter the two routes of files."""

    @routes.http("POST", "/files", action=Action.FILE_KEEP, body_bytes=MOST_BYTES + MEGABYTE)
    async def receive(request: Request) -> Response:
        clinic.overload.admit(Part.UPLOAD)
        actor, visitor = actor_of(request), visitor_of(request)
        number = request.query_params.get("ticket", "")
        ticket = clinic.uploads.tickets.check(number, visitor.key) if number and visitor else None
        if actor.session_id is None:
            raise Unauthenticated("sign_in_needed")
        with clinic.sessions.at_work(actor.session_id):
            received = await clinic.uploads.receive(
                actor, _body(request), ticket.patient_id if ticket else None
            )
        if ticket:
            ticket.received[str(received.id)] = received
        found = {"id": str(received.id), "media_type": received.media_type, "size": received.size}
        return JSONResponse(found, 201, headers={"location": f"/files/{received.id}"})

    @routes.http("GET", "/files/{file_id}", action=Action.FILE_READ)
    async def give(request: Request, file_id: UUID) -> Response:
        kept = await clinic.uploads.find(actor_of(request), file_id)
        return answer_with(clinic, request, kept)


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


def answer_with(clinic: Clinic, request: Request, kept: Kept) -> Response:
    """Give a file that a service has handed out, or the part of it that was asked for."""
    try:
        part = wanted(request.headers.get("range"), kept.size)
    except Invalid as error:
        whole = {"content-range": f"bytes */{kept.size}"}
        return JSONResponse({"code": error.code}, 416, headers=whole)
    start, end = part or (0, kept.size)
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "private, no-store",
        "content-disposition": f'attachment; filename="{kept.name}"',
        "content-length": str(end - start),
        "content-security-policy": FOR_A_FILE,
    }
    if part:
        headers["content-range"] = f"bytes {start}-{end - 1}/{kept.size}"
    body = clinic.uploads.read(kept, start, end)
    return StreamingResponse(body, 206 if part else 200, headers, media_type=kept.media_type)


def wanted(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the part (start, end exclusive) that a Range header asks for; None: everything.

    One range of bytes is understood (RFC 9110, 14.2); more than one is answered with everything.
    Raise `Invalid("range_not_satisfiable")` for one that lies beyond the end.
    """
    if header is None or not header.startswith("bytes=") or "," in header:
        return None
    first, dash, last = header.removeprefix("bytes=").strip().partition("-")
    if not dash or not all(each.isascii() and each.isdigit() for each in (first, last) if each):
        return None
    if first:
        start, end = int(first), min(int(last) + 1 if last else size, size)
    elif last:
        start, end = max(0, size - int(last)), size
    else:
        return None
    if start >= end:
        raise Invalid("range_not_satisfiable", size=size)
    return start, end
