"""The doors: plain routes that take forms and hand out cookies; what is right the services know.

A form that is refused leads back to its page with `?error=<code>`; a script (which asks for JSON)
gets {"next": path} or the problem. Every form may carry `next`, where to go in the end.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from data.errors import DomainError, Forbidden, Invalid, Unauthenticated
from pages.routes import Routes
from pages.security.cookies import drop_session, may_sign_in, session_token, set_session
from pages.security.limits import KILOBYTE
from pages.security.origins import is_secure, local_path, sender_of
from pages.security.refusals import refusal, wants_json
from pages.session import CONFIRM, PATIENT_SIGN_IN, SIGN_IN, actor_of
from services.clinic import Clinic
from services.permissions import Action
from services.policy import ANYBODY, Actor, Role
from services.users.factors import Proof, ProofKind, RelyingParty
from services.users.steps import Caller, Step

FORM_BYTES = 64 * KILOBYTE
ACCOUNT = "/account"
PATIENT_DOOR = "/auth/patient"
"""Where patients sign in, and where what they fill in there is posted."""
LINK_DOOR = "/auth/link"
"""Where the link of a message is handed in."""
WAY_IN = "how one signs in; a half-open session's token is the only key to its next step"

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody has filled in, from a form or as JSON."""

    request: Request
    fields: dict[str, str]

    @classmethod
    async def of(cls, request: Request) -> "Form":
        """Read it; raise `Invalid` if it is neither."""
        try:
            if request.headers.get("content-type", "").startswith("application/json"):
                read: Any = await request.json()
            else:
                read = dict(await request.form(max_files=0, max_fields=20))
        except (ValueError, RecursionError):
            raise Invalid("invalid") from None
        if not isinstance(read, dict):
            raise Invalid("invalid")
        fields = {
            str(name): value if isinstance(value, str) else json.dumps(value)
            for name, value in read.items()
        }
        return cls(request, fields)

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def next(self) -> str:
        return local_path(self["next"])

    @property
    def token(self) -> str:
        """The session, open or on the way in, that this browser holds."""
        return session_token(self.request.scope)

    @property
    def proof(self) -> Proof:
        """What was handed in to show who one is."""
        kind = self["kind"]
        if kind not in set(ProofKind):
            raise Invalid("invalid")
        return Proof(ProofKind(kind), self["value"], party_of(self.request))


def party_of(request: Request) -> RelyingParty:
    """Return who we are to a browser's passkeys; the gate has made sure the name is ours."""
    host = Headers(scope=request.scope).get("host", "")
    scheme = "https" if is_secure(request.scope) else "http"
    return RelyingParty(request.url.hostname or "", (f"{scheme}://{host}",))


def caller_of(request: Request) -> Caller:
    """Return where somebody calls from."""
    return Caller(sender_of(request.scope), request.headers.get("user-agent", ""))


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter the doors."""
    _register_sign_in(clinic, routes)
    _register_first_day(clinic, routes)
    _register_inside(clinic, routes)


def _register_sign_in(clinic: Clinic, routes: Routes) -> None:
    door = _Door(clinic, routes)

    @door.step("/auth/password", back=SIGN_IN)
    async def password(form: Form) -> Step:
        caller = caller_of(form.request)
        leaving = actor_of(form.request)
        return await clinic.sign_in.begin(form["username"], form["password"], caller, leaving)

    @door.step(PATIENT_DOOR, back=PATIENT_SIGN_IN)
    async def patient(form: Form) -> Step:
        caller, leaving = caller_of(form.request), actor_of(form.request)
        enter = clinic.patient_door.enter
        return await enter(form["phone"], form["code"], caller, leaving, form["language"])

    @door.step(LINK_DOOR, back=PATIENT_SIGN_IN)
    async def link(form: Form) -> Step:
        caller, leaving = caller_of(form.request), actor_of(form.request)
        return await clinic.entry_links.open(form["token"], caller, leaving)

    @door.step("/auth/second-factor", back=page_of("second_factor"))
    async def second_factor(form: Form) -> Step:
        return await clinic.sign_in.prove(form.token, form.proof)

    @door.tell("/auth/passkey/options")
    async def passkey_options(form: Form) -> dict[str, Any]:
        return await clinic.sign_in.passkey_options(form.token, party_of(form.request))


def _register_first_day(clinic: Clinic, routes: Routes) -> None:
    door, enrolment = _Door(clinic, routes), clinic.enrolment

    @door.step("/auth/new-password", back=page_of("new_password"))
    async def new_password(form: Form) -> Step:
        return await enrolment.choose_password(form.token, form["password"])

    @door.step("/auth/enrol/totp", back=page_of("enrol"))
    async def totp(form: Form) -> Step:
        return await enrolment.finish_totp(form.token, form["code"])

    @door.tell("/auth/enrol/passkey/options")
    async def options(form: Form) -> dict[str, Any]:
        return await enrolment.start_passkey(form.token, party_of(form.request))

    @door.step("/auth/enrol/passkey", back=page_of("enrol"))
    async def passkey(form: Form) -> Step:
        return await enrolment.finish_passkey(form.token, form.proof, form["label"])

    @door.step("/auth/recovery-codes", back=page_of("recovery_codes"))
    async def recovery_codes(form: Form) -> Step:
        return await enrolment.finish(form.token)


def _register_inside(clinic: Clinic, routes: Routes) -> None:
    door = _Door(clinic, routes, public="")

    @door.step("/auth/confirm", back=CONFIRM)
    async def confirm(form: Form) -> Step:
        return await clinic.sign_in.confirm(actor_of(form.request), form.proof)

    @door.tell("/auth/confirm/options")
    async def options(form: Form) -> dict[str, Any]:
        return await clinic.sign_in.confirm_options(actor_of(form.request), party_of(form.request))

    @routes.http("POST", "/auth/account/passkey/options", action=Action.ACCOUNT_SECURE)
    async def passkey_options(request: Request) -> Response:
        asked = await clinic.account.start_passkey(actor_of(request), party_of(request))
        return JSONResponse(asked)

    @routes.http(
        "POST", "/auth/account/passkey", action=Action.ACCOUNT_SECURE, body_bytes=FORM_BYTES
    )
    async def passkey(request: Request) -> Response:
        form = await Form.of(request)
        try:
            await clinic.account.finish_passkey(actor_of(request), form.proof, form["label"])
        except DomainError as error:
            return _led_back(form, error, ACCOUNT)
        return _lead(request, f"{ACCOUNT}?done=passkey")

    @routes.http("POST", "/auth/sign-out", public="signing out twice does no harm")
    async def sign_out(request: Request) -> Response:
        actor = actor_of(request)
        await clinic.sessions.sign_out(actor)
        door = PATIENT_SIGN_IN if Role.PATIENT in actor.roles else SIGN_IN
        answer = _lead(request, f"{door}?why=signed_out")
        drop_session(answer, request.scope)
        return answer

    @routes.http("GET", "/auth/alive", public="tells an open page whether it is still signed in")
    async def alive(request: Request) -> Response:
        signed_in = actor_of(request) is not ANYBODY
        return Response(status_code=204 if signed_in else Unauthenticated.status)


class _Door:
    """Enters routes that all treat their forms alike."""

    def __init__(self, clinic: Clinic, routes: Routes, public: str = WAY_IN) -> None:
        self._clinic = clinic
        self._routes = routes
        self._public = public

    def step(
        self, path: str, *, back: str
    ) -> Callable[[Callable[[Form], Awaitable[Step]]], Answer]:
        """Take a step on the way in: a new cookie, and on to the next page."""

        def enter(take: Callable[[Form], Awaitable[Step]]) -> Answer:
            @self._routes.http("POST", path, public=self._public, body_bytes=FORM_BYTES)
            async def answer(request: Request) -> Response:
                form = await Form.of(request)
                try:
                    if not may_sign_in(request.scope):
                        raise Forbidden("https_needed")
                    step = await take(form)
                except DomainError as error:
                    return _led_back(form, error, back)
                return await self._led_on(form, step)

            return answer

        return enter

    def tell(self, path: str) -> Callable[[Callable[[Form], Awaitable[dict[str, Any]]]], Answer]:
        """Answer a script's question with JSON."""

        def enter(ask: Callable[[Form], Awaitable[dict[str, Any]]]) -> Answer:
            @self._routes.http("POST", path, public=self._public, body_bytes=FORM_BYTES)
            async def answer(request: Request) -> Response:
                return JSONResponse(await ask(await Form.of(request)))

            return answer

        return enter

    async def _led_on(self, form: Form, step: Step) -> Response:
        scope = form.request.scope
        query = "" if form.next == "/" else "?" + urlencode({"next": form.next})
        path = form.next if step.done else page_of(step.stage) + query
        answer = _lead(form.request, path)
        actor: Actor | None = None
        if step.done:
            actor = await self._clinic.sessions.actor_of(step.token, sender_of(scope))
        age = step.ends_at - self._clinic.clock.now()
        set_session(answer, scope, step.token, actor, seconds=int(age.total_seconds()))
        return answer


def page_of(stage: str) -> str:
    """Return where the page of a step on the way in is: /sign-in/second-factor."""
    return f"{SIGN_IN}/{stage.replace('_', '-')}"


def _led_back(form: Form, error: DomainError, back: str) -> Response:
    """Show the form again with what was wrong; a step that is over begins anew."""
    if wants_json(form.request.scope):
        return refusal(form.request.scope, error)
    query = {"error": error.code} | ({"next": form.next} if form.next != "/" else {})
    query |= {name: str(value) for name, value in error.details.items() if isinstance(value, int)}
    if form["by"]:
        query["by"] = form["by"]
    path = SIGN_IN if error.code == "sign_in_stale" else back
    return RedirectResponse(f"{path}?{urlencode(query)}", 303)


def _lead(request: Request, path: str) -> Response:
    if wants_json(request.scope):
        return JSONResponse({"next": path})
    return RedirectResponse(path, 303)
