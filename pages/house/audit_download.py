"""The trail of some days as a file: the panel where it is asked for, and the route. (审计导出)"""

import asyncio
from datetime import date, timedelta
from pathlib import Path

from nicegui import ui
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from pages import kit
from pages.routes import Routes
from pages.session import actor_of, current_actor
from pages.typed import typed_date
from pages.words import t
from services.audit_downloads import AuditDownloads, check_days
from services.clinic import Clinic
from services.overload import Part
from services.policy import Action

PATH = "/audit/download"
MEDIA_TYPE = "application/x-ndjson"
USUAL = timedelta(days=6)
"""So many days before today the span begins, unless another is chosen."""


def register_files(clinic: Clinic, routes: Routes) -> None:
    """Enter `/audit/download/<first day>/<last day>`."""

    @routes.http("GET", f"{PATH}/{{first}}/{{last}}", action=Action.AUDIT_EXPORT)
    async def download(request: Request, first: date, last: date) -> Response:
        clinic.overload.admit(Part.REPORT)
        downloads = clinic.audit_downloads
        made = await downloads.make(actor_of(request), first, last)
        return Download(downloads, made)


class Download(StreamingResponse):
    """A file that is gone once it was sent, or once whoever asked went away."""

    def __init__(self, downloads: AuditDownloads, made: Path) -> None:
        headers = {
            "cache-control": "private, no-store",
            "content-disposition": f'attachment; filename="{made.name}"',
        }
        super().__init__(downloads.read(made), headers=headers, media_type=MEDIA_TYPE)
        self._downloads = downloads
        self._made = made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await asyncio.shield(self._downloads.remove(self._made))


class DownloadPanel:
    """Asks which days."""

    def __init__(self, clinic: Clinic, panel: kit.SidePanel) -> None:
        self._clinic = clinic
        self._panel = panel

    def open(self) -> None:
        """Show it to whoever has just proved who they are; lead others there first."""
        with kit.told():
            self._clinic.transactions.ask_first(current_actor(), Action.AUDIT_EXPORT)
            with self._panel.fill(t("audit.download")):
                self._fill()

    def _fill(self) -> None:
        today = self._clinic.audit_downloads.day_of(self._clinic.clock.now())
        kit.paragraph(t("audit.download_text"))
        with kit.form():
            first, last = (
                kit.field(
                    t(f"audit.download.{name}"),
                    value=value.isoformat(),
                    content="date",
                    required=True,
                )
                for name, value in (("first", today - USUAL), ("last", today))
            )

            def begin() -> None:
                with kit.told({"first": first, "last": last}):
                    begins, ends = typed_date(first.text, "first"), typed_date(last.text, "last")
                    check_days(begins, ends)
                    self._clinic.transactions.ask_first(current_actor(), Action.AUDIT_EXPORT)
                    ui.navigate.to(f"{PATH}/{begins}/{ends}")
                    self._panel.close()
                    kit.toast(t("audit.download_begun"))

            kit.button("primary", t("audit.download"), begin, icon="download")
