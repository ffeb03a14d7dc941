"""The way in: password, second factor, and on the first day a password and factors of one's own.

Forms are real ones, posted to the doors (pages/security/doors.py), so that password managers work
and the cookie changes with every step.
"""

import asyncio
from contextlib import AbstractContextManager
from string import Formatter
from urllib.parse import urlencode

from nicegui import context, ui
from starlette.responses import RedirectResponse, Response

from data.errors import Unauthenticated
from pages import kit
from pages.kit.element import Html
from pages.nameplate import Nameplate
from pages.qr import qr_code
from pages.routes import Routes
from pages.security.cookies import session_token
from pages.security.doors import page_of
from pages.security.origins import local_path
from pages.session import CONFIRM, PATIENT_SIGN_IN, SIGN_IN, current_actor
from pages.shell import public_frame
from pages.slips import slip
from pages.theme import static
from pages.users.password_rules import password_rules
from pages.words import has, t
from services import demo
from services.authority import PAGE as AUTHORITY
from services.clinic import Clinic
from services.users.enrolment import NewSecret
from services.users.factors import ProofKind
from services.users.sign_in import Stand

WHY_PUBLIC = "the way in; what it shows belongs to the half-open session of the browser that asks"
KINDS = {
    "totp": ProofKind.TOTP,
    "passkey": ProofKind.PASSKEY,
    "recovery_code": ProofKind.RECOVERY,
}
"""The second factors by the names that addresses and sentences have for them."""

STEPS = ("password", "second_factor", "in")
FIRST_DAY = ("new_password", "enrol", "recovery_codes", "in")


class Door:
    """Where one comes in: it says which hospital this is."""

    def __init__(self, clinic: Clinic) -> None:
        self._plate = Nameplate(clinic)
        self._demo = clinic.settings.demo

    async def frame(self, title_key: str) -> AbstractContextManager[Html]:
        """Return the frame of a page of the way in."""
        name = await self._plate.name()
        return public_frame(title_key, institution=name, demo=self._demo)


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/sign-in`, its steps, and `/confirm`."""
    door = Door(clinic)
    _register_door(clinic, routes, door)
    _register_first_day(clinic, routes, door)
    _register_confirm(clinic, routes, door)


def _register_door(clinic: Clinic, routes: Routes, door: Door) -> None:
    @routes.page(SIGN_IN, public=WHY_PUBLIC, title="sign_in.title")
    async def sign_in_page(next: str = "/", error: str = "", why: str = "") -> None:  # noqa: A002
        chosen = _chosen() if clinic.settings.demo else ""
        with await door.frame("sign_in.title"):
            _steps(STEPS, 0)
            say_error(error, why)
            with _form("/auth/password", next):
                kit.field(
                    t("sign_in.username"),
                    value=chosen,
                    name="username",
                    complete="username",
                    required=True,
                    autofocus=True,
                )
                kit.field(
                    t("sign_in.password"),
                    value=demo.PASSWORD if chosen else "",
                    content="password",
                    name="password",
                    complete="current-password",
                    required=True,
                )
                kit.button("primary", t("sign_in.go"), submit=True, block=True, large=True)
            kit.paragraph(t("sign_in.lost"), "muted small")
            kit.link_button("quiet", t("sign_in.patients"), PATIENT_SIGN_IN, block=True)
            if clinic.authority.is_ours:
                kit.link_button("quiet", t("authority.link"), AUTHORITY, icon="shield", block=True)
            if clinic.settings.demo:
                _demo_names()

    @routes.page(page_of("second_factor"), public=WHY_PUBLIC, title="sign_in.second_factor")
    async def second_factor_page(
        next: str = "/",  # noqa: A002
        error: str = "",
        by: str = "",
    ) -> Response | None:
        stand = await _stand(clinic, "second_factor", next)
        if isinstance(stand, Response):
            return stand
        with await door.frame("sign_in.second_factor"):
            _steps(STEPS, 1)
            say_error(error)
            _not_me(stand)
            _proof_form("/auth/second-factor", stand, _way(stand, by), next)
            if clinic.settings.demo:
                code = demo.code_at(clinic.clock.now())
                kit.banner("info", t("sign_in.demo_code", code=code), t("sign_in.demo_only"))
            _other_ways(stand, _way(stand, by), page_of("second_factor"), next)
        return None


def _register_first_day(clinic: Clinic, routes: Routes, door: Door) -> None:
    @routes.page(page_of("new_password"), public=WHY_PUBLIC, title="sign_in.new_password")
    async def new_password_page(next: str = "/", error: str = "") -> Response | None:  # noqa: A002
        stand = await _stand(clinic, "new_password", next)
        if isinstance(stand, Response):
            return stand
        with await door.frame("sign_in.new_password"):
            _steps(FIRST_DAY, 0)
            say_error(error)
            kit.paragraph(t("sign_in.new_password_why"), "muted")
            with _form("/auth/new-password", next):
                Html("input", type="hidden", name="username", value=stand.username)
                kit.field(
                    t("sign_in.password_of_yours"),
                    content="password",
                    name="password",
                    complete="new-password",
                    required=True,
                    autofocus=True,
                    hint=password_rules(clinic),
                )
                kit.button("primary", t("sign_in.keep"), submit=True, block=True, large=True)
        return None

    @routes.page(page_of("enrol"), public=WHY_PUBLIC, title="sign_in.enrol")
    async def enrol_page(next: str = "/", error: str = "") -> Response | None:  # noqa: A002
        stand = await _stand(clinic, "enrol", next)
        if isinstance(stand, Response):
            return stand
        secret = await clinic.enrolment.start_totp(session_token(context.client.request.scope))
        drawn = await asyncio.to_thread(qr_code, secret.uri)
        with await door.frame("sign_in.enrol"):
            _steps(FIRST_DAY, 1)
            say_error(error)
            _enrol(secret, drawn, next)
        return None

    @routes.page(page_of("recovery_codes"), public=WHY_PUBLIC, title="sign_in.recovery_codes")
    async def recovery_codes_page(next: str = "/", error: str = "") -> Response | None:  # noqa: A002
        stand = await _stand(clinic, "recovery_codes", next)
        if isinstance(stand, Response):
            return stand
        codes = await clinic.enrolment.new_codes(session_token(context.client.request.scope))
        with await door.frame("sign_in.recovery_codes"):
            _steps(FIRST_DAY, 2)
            say_error(error)
            kit.paragraph(t("sign_in.codes_why"), "muted")
            show_codes(codes, stand.username)
            with _form("/auth/recovery-codes", next):
                kit.button("primary", t("sign_in.codes_kept"), submit=True, block=True, large=True)
        return None


def _register_confirm(clinic: Clinic, routes: Routes, door: Door) -> None:
    @routes.page(CONFIRM, title="sign_in.confirm")
    async def confirm_page(
        next: str = "/",  # noqa: A002
        error: str = "",
        by: str = "",
    ) -> None:
        profile = await clinic.account.profile(current_actor())
        stand = Stand("open", profile.language, profile.username, profile.enrolled)  # type: ignore[arg-type]
        with await door.frame("sign_in.confirm"):
            say_error(error)
            kit.paragraph(t("sign_in.confirm_why"), "muted")
            _proof_form("/auth/confirm", stand, _way(stand, by), next)
            _other_ways(stand, _way(stand, by), CONFIRM, next)


async def _stand(clinic: Clinic, stage: str, then: str) -> Stand | Response:
    """Return where this browser is on the way in, or send it to where it should be."""
    token = session_token(context.client.request.scope)
    try:
        stand = await clinic.sign_in.stand(token)
    except Unauthenticated:
        return RedirectResponse(f"{SIGN_IN}?{urlencode({'error': 'sign_in_stale'})}", 303)
    if stand.stage != stage:
        path = local_path(then) if stand.stage == "open" else page_of(str(stand.stage))
        return RedirectResponse(path, 303)
    return stand


def _form(action: str, then: str) -> Html:
    made = kit.form(action)
    with made:
        kit.hidden("next", local_path(then))
    return made


def _steps(names: tuple[str, ...], now: int) -> None:
    kit.stepper(t("sign_in.steps"), [t(f"sign_in.step.{name}") for name in names], now)


def say_error(error: str, why: str = "") -> None:
    """Say what was wrong with the last try, or why somebody is here.

    The blanks of the sentence come with the address, as numbers and nothing else.
    """
    if error:
        key = f"error.{error}"
        asked = context.client.request.query_params.items()
        numbers = {name: int(value) for name, value in asked if value.isdecimal()}
        known = has(key) and _blanks(t(key)) <= numbers.keys()
        words = t(key, **numbers) if known else t("sign_in.failed")
        kit.banner("bad", words, code=error if known else "")
    elif why and has(f"sign_in.why.{why}"):
        kit.banner("info", t(f"sign_in.why.{why}"))


def _demo_names() -> None:
    """Say how to sign in where everybody may: in a demo, and nowhere else."""
    kit.banner("info", t("sign_in.demo_password", password=demo.PASSWORD), t("sign_in.demo_as"))
    with kit.side_by_side():
        for username, role in demo.OFFERED.items():
            then = context.client.request.query_params.get("next", "/")
            query = urlencode({"as": username, "next": local_path(then)})
            kit.link_button("soft", t(f"role.{role}"), f"{SIGN_IN}?{query}")


def _chosen() -> str:
    """Return whom a visitor of a demo wants to be."""
    asked = context.client.request.query_params.get("as", "")
    return asked if asked in demo.OFFERED else ""


def _blanks(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def _not_me(stand: Stand) -> None:
    with kit.side_by_side():
        kit.paragraph(t("sign_in.as", username=stand.username), "muted")
        kit.link_button("quiet", t("sign_in.not_me"), SIGN_IN)


def _way(stand: Stand, asked: str) -> str:
    """Return which second factor to ask for: what was chosen, else the best there is."""
    ways = _ways(stand)
    return asked if asked in ways else ways[0]


def _ways(stand: Stand) -> list[str]:
    has_way = {
        "totp": stand.enrolled.totp,
        "passkey": stand.enrolled.passkeys > 0,
        "recovery_code": stand.enrolled.codes_left > 0,
    }
    return [way for way, there in has_way.items() if there] or ["recovery_code"]


def _proof_form(action: str, stand: Stand, way: str, then: str) -> None:
    confirms = action == "/auth/confirm"
    with _form(action, then) as form:
        kit.hidden("kind", KINDS[way])
        kit.hidden("by", way)
        if way == "totp":
            box = kit.code_box(
                t("sign_in.totp"),
                name="value",
                required=True,
                autofocus=True,
                hint=t("sign_in.totp_submits"),
            )
            box.props("submits")
        elif way == "recovery_code":
            kit.field(
                t("sign_in.recovery_code"),
                name="value",
                required=True,
                autofocus=True,
                complete="off",
                hint=t("sign_in.recovery_code_hint", count=stand.enrolled.codes_left),
            )
        else:
            kit.hidden("value", "")
            form.attribute(
                "data-passkey", f"{'/auth/passkey' if 'second' in action else action}/options"
            )
            form.attribute("data-passkey-failed", t("sign_in.passkey_failed"))
            ui.add_head_html(f'<script src="{static("passkey.js")}" defer></script>')
            kit.paragraph(t("sign_in.passkey_hint"), "muted")
        words = ("confirm_" if confirms else "") + ("use_passkey" if way == "passkey" else "go")
        kit.button("primary", t(f"sign_in.{words}"), submit=True, block=True, large=True)


def _other_ways(stand: Stand, way: str, path: str, then: str) -> None:
    others = [other for other in _ways(stand) if other != way]
    with kit.card(flush=True), Html("div", "rows"):
        for other in others:
            query = urlencode({"by": other, "next": local_path(then)})
            icon = {"totp": "phone", "passkey": "key", "recovery_code": "book"}[other]
            kit.line(t(f"sign_in.by.{other}"), icon=icon, href=f"{path}?{query}")
        kit.line(t("sign_in.no_factor"), t("sign_in.no_factor_note"), icon="help")


def _enrol(secret: NewSecret, drawn: str, then: str) -> None:
    kit.paragraph(t("sign_in.enrol_why"), "muted")
    with Html("div", "enrol"):
        Html("img", "qr", src=drawn, alt=t("sign_in.qr_alt"), width=200, height=200)
        with Html("div"):
            kit.paragraph(t("sign_in.enrol_scan"))
            kit.paragraph(t("sign_in.enrol_type"), "muted small")
            Html("code", "secret", text=" ".join(in_fours(secret.secret)))
    with _form("/auth/enrol/totp", then):
        kit.code_box(
            t("sign_in.enrol_code"), name="code", required=True, hint=t("sign_in.totp_hint")
        )
        kit.button("primary", t("sign_in.keep"), submit=True, block=True, large=True)
    with _form("/auth/enrol/passkey", then) as form:
        kit.hidden("kind", "passkey")
        kit.hidden("value", "")
        kit.hidden("label", t("sign_in.passkey_label"))
        form.attribute("data-passkey", "/auth/enrol/passkey/options")
        form.attribute("data-passkey-new", "")
        form.attribute("data-passkey-failed", t("sign_in.passkey_failed"))
        ui.add_head_html(f'<script src="{static("passkey.js")}" defer></script>')
        kit.button("line", t("sign_in.enrol_passkey"), icon="key", submit=True, block=True)


def show_codes(codes: tuple[str, ...], whose: str) -> None:
    """Show recovery codes so that they can be written down or printed."""
    name = t("sign_in.recovery_codes")
    with kit.card(), slip(name, whose), Html("ol", "codes", aria_label=name):
        for code in codes:
            Html("li", text=code)


def in_fours(text: str) -> list[str]:
    """Return a secret in groups that can be read aloud."""
    return [text[start : start + 4] for start in range(0, len(text), 4)]
