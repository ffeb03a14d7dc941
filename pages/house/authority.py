"""Letting phones and computers trust the house: certificate, QR code, fingerprint, steps. (证书)

Browsers give camera and microphone only to pages they trust. What is served here is public.
"""

import asyncio

from nicegui import context
from starlette.requests import Request
from starlette.responses import Response

from data.errors import NotFound
from pages import kit
from pages.kit.element import Html
from pages.nameplate import Nameplate
from pages.qr import qr_code
from pages.routes import Routes
from pages.session import SIGN_IN
from pages.shell import public_frame
from pages.words import t
from services.authority import PAGE, Papers
from services.clinic import Clinic

WHY_PUBLIC = "whoever is to trust us must get it before signing in; a certificate is no secret"
FILES = ("/authority.pem", "/authority.crt")
"""The same file: Windows and phones know it by the second name."""
MEDIA_TYPE = "application/x-x509-ca-cert"
DEVICES = {
    "ios": ("iPhone", "iPad"),
    "android": ("Android",),
    "windows": ("Windows",),
    "macos": ("Macintosh",),
}
"""How each tells of itself in its User-Agent; the first that does counts."""
STEPS = 3
GROUP = 8  # pairs of a fingerprint that the eye takes in at once


def register_files(clinic: Clinic, routes: Routes) -> None:
    """Enter `/authority.pem` and `/authority.crt`."""

    async def certificate(request: Request) -> Response:
        papers = await clinic.authority.papers()
        if papers is None:
            raise NotFound("authority_none", path=request.url.path)
        # Not as an attachment: an iPhone installs what it shows, and puts by what it downloads.
        headers = {"cache-control": "no-cache"}
        return Response(papers.pem, media_type=MEDIA_TYPE, headers=headers)

    for path in FILES:
        routes.http("GET", path, public=WHY_PUBLIC)(certificate)


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/authority`."""
    plate = Nameplate(clinic)

    @routes.page(PAGE, public=WHY_PUBLIC, title="authority.title")
    async def authority_page() -> None:
        papers = await clinic.authority.papers()
        drawn = ""
        if papers and papers.address:
            drawn = await asyncio.to_thread(qr_code, papers.address)
        name = await plate.name()
        with public_frame("authority.title", institution=name, demo=clinic.settings.demo):
            if papers:
                _build(papers, drawn)
            else:
                _nothing(ours=clinic.authority.is_ours)
            kit.link_button("quiet", t("authority.sign_in"), SIGN_IN, icon="back")


def _nothing(*, ours: bool) -> None:
    if ours:
        kit.banner("warn", t("authority.not_yet"), t("authority.not_yet_text"))
    else:
        kit.banner("ok", t("authority.not_needed"), t("authority.not_needed_text"))


def _build(papers: Papers, drawn: str) -> None:
    kit.paragraph(t("authority.why"))
    kit.paragraph(t("authority.limits"), "muted")
    if drawn:  # a phone that shows this page has no use for its own address
        with Html("div", "enrol only-wide"):
            Html("img", "qr", src=drawn, alt=t("authority.qr_alt"), width=200, height=200)
            with Html("div"):
                kit.paragraph(t("authority.scan"))
                kit.paragraph(papers.address, "muted small")
    with Html("a", "btn btn--primary btn--lg btn--block", href=FILES[1]):
        kit.icon("download")
        Html("span", text=t("authority.download"))
    kit.heading(t("authority.compare"))
    kit.paragraph(t("authority.compare_text"))
    Html("code", "secret", text=grouped(papers.fingerprint))
    kit.heading(t("authority.steps"))
    mine = device_of(context.client.request.headers.get("user-agent", ""))
    with kit.card(flush=True):
        for device in DEVICES:
            _steps(device, is_open=device == mine)
    kit.paragraph(t("authority.firefox"), "muted small")


def _steps(device: str, *, is_open: bool) -> None:
    with Html("details", "how", open=True if is_open else None):
        Html("summary", text=t(f"authority.{device}"))
        with Html("ol"):
            for number in range(1, STEPS + 1):
                Html("li", text=t(f"authority.{device}.{number}"))


def device_of(agent: str) -> str:
    """Return which of the devices this browser runs on; empty if it is none of them."""
    marks = ((device, mark) for device, marks in DEVICES.items() for mark in marks)
    return next((device for device, mark in marks if mark in agent), "")


def grouped(fingerprint: str) -> str:
    """Return a fingerprint in groups that can be compared a line at a time."""
    pairs = fingerprint.split(":")
    lines = (pairs[start : start + GROUP] for start in range(0, len(pairs), GROUP))
    return " ".join(":".join(line) for line in lines)
