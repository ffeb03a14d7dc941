"""Who did what, to what, when, from where and why; and whether the trail is whole. (R016)"""

import json
from datetime import datetime, timedelta
from uuid import UUID

from pages import kit
from pages.house.audit_download import DownloadPanel
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.viewer import viewer
from pages.words import exact, has, listed, number, t
from services.audit import Entry, Search
from services.clinic import Clinic
from services.policy import Action, Role

SPANS = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
    "all": None,
}
RESULTS = ("all", "done", "denied")


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/audit`."""

    @routes.page("/audit", action=Action.AUDIT_READ, title="nav.audit")
    async def audit_page() -> None:
        page = AuditPage(clinic)
        with frame("nav.audit", active="/audit") as surroundings:
            with surroundings.slot:
                if viewer().can(Action.AUDIT_EXPORT):
                    kit.button("line", t("audit.download"), page.download, icon="download")
                kit.button("line", t("audit.verify"), page.verify, icon="shield")
            page.build()
        surroundings.shortcut("v", "audit.verify", page.verify)
        await page.load()


class AuditPage:
    """The list, its filters, the verdict and the panel of one entry."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._entries: dict[str, Entry] = {}

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        self._verdict = kit.Html("div", "stack", role="status")
        with kit.side_by_side():
            self._span = kit.segments(
                t("audit.span"),
                [kit.Choice(name, t(f"audit.span.{name}")) for name in SPANS],
                value="week",
                on_change=self.load,
            )
            self._result = kit.segments(
                t("audit.result"),
                [kit.Choice(name, t(f"audit.result.{name}")) for name in RESULTS],
                value="all",
                on_change=self.load,
            )
            self._hides_looks = kit.checkbox(
                t("audit.hide_looks"), value=True, toggle=True, on_change=self.load
            )
        columns = [
            kit.Column("at", t("audit.column.at"), phone="line"),
            kit.Column("action", t("audit.column.action"), phone="title"),
            kit.Column("subject", t("audit.column.subject")),
            kit.Column("who", t("audit.column.who")),
            kit.Column("result", t("audit.column.result")),
        ]
        words = kit.TableWords(
            t("nav.audit"),
            total="audit.total",
            search=t("audit.search"),
            empty_title=t("audit.empty"),
            empty_text=t("audit.empty_text"),
        )
        with kit.card(flush=True):
            self._table: kit.DataTable[Entry] = kit.DataTable(
                columns, self._read, self._row, words, kit.Answers(open=self._open)
            )
        self._panel = kit.side_panel()

    async def load(self) -> None:
        """Bring the list up to date."""
        await self._table.load()

    async def _read(self, query: kit.Query) -> kit.Page[Entry]:
        span = SPANS.get(self._span.value)
        since: datetime | None = self._clinic.clock.now() - span if span else None
        result = self._result.value if self._result.value in {"done", "denied"} else ""
        hides = self._hides_looks.value is True
        search = Search(text=query.search, result=result, since=since, hides_looks=hides)
        items, total = await self._clinic.audit.page(
            current_actor(), search, offset=query.offset, limit=query.size
        )
        self._entries = {str(entry.seq): entry for entry in items}
        return kit.Page(items, total)

    def _row(self, entry: Entry) -> kit.Row:
        denied = entry.result == "denied"
        return kit.Row(
            str(entry.seq),
            {
                "at": exact(entry.at),
                "action": kit.Cell(said(entry.action), note=entry.action),
                "subject": kit.Cell(what(entry.subject), note=which(entry)),
                "who": kit.Cell(who(entry), note=listed(filter(None, whence(entry)))),
                "result": kit.state_cell(
                    t(f"audit.result.{entry.result}"), "bad" if denied else "ok"
                ),
            },
            name=str(entry.seq),
            tone="warn" if denied else "",
            opens=True,
        )

    def _open(self, key: str) -> None:
        entry = self._entries[key]
        self._table.select_row(key)
        subject = " ".join(filter(None, [what(entry.subject), entry.about]))
        with self._panel.fill(t("audit.entry", seq=number(entry.seq))):
            kit.facts(
                [
                    (t("audit.column.at"), exact(entry.at)),
                    (t("audit.column.exact"), entry.at.isoformat(timespec="milliseconds")),
                    (t("audit.column.action"), f"{said(entry.action)} ({entry.action})"),
                    (t("audit.column.subject"), f"{subject} ({entry.subject})"),
                    (t("audit.column.who"), listed(filter(None, [entry.by, roles_of(entry)]))),
                    (t("audit.column.actor"), str(entry.actor_id)),
                    (t("audit.column.address"), entry.address or t("audit.no_address")),
                    (t("audit.column.purpose"), entry.purpose or t("audit.no_purpose")),
                    (t("audit.column.result"), t(f"audit.result.{entry.result}")),
                ]
            )
            if entry.detail:
                kit.heading(t("audit.changes"), 3)
                text = json.dumps(entry.detail, ensure_ascii=False, indent=1)
                # Reached by the keyboard: a long one scrolls, and nothing else in the panel does.
                changed = kit.Html("pre", "code", text, role="group", tabindex="0")
                changed.attribute("aria-label", t("audit.changes"))

    def download(self) -> None:
        """Ask which days are wanted as a file."""
        DownloadPanel(self._clinic, self._panel).open()

    async def verify(self) -> None:
        """Walk the whole chain and say what was found."""
        verdict = await self._clinic.audit.verify(current_actor())
        self._verdict.clear()
        with self._verdict:
            if verdict.whole and not verdict.anchored:
                text = t("audit.alone_text", count=number(verdict.entries))
                kit.banner("warn", t("audit.alone"), text)
            elif verdict.whole:
                text = t("audit.whole_text", count=number(verdict.entries), head=verdict.head[:12])
                kit.banner("ok", t("audit.whole"), text)
            elif verdict.beyond_anchor:
                kit.banner(
                    "bad", t("audit.cut"), t("audit.cut_text", count=number(verdict.entries))
                )
            else:
                kit.banner("bad", t("audit.broken"), t("audit.broken_text", seq=verdict.broken_at))


def said(action: str) -> str:
    """Return an action in words, as a title."""
    words = t(f"action.{action.replace(':', '.')}")
    return words[:1].upper() + words[1:]


def what(subject: str) -> str:
    """Return what kind of thing an act was about, in words, or its name where it has none."""
    kind = subject.partition(":")[0]
    key = f"subject.{kind}"
    return t(key) if has(key) else kind


def roles_of(entry: Entry) -> str:
    """Return the roles somebody acted in, in words; a visitor is who has no other role."""
    roles = [role for role in entry.roles.split(",") if role]
    told = [role for role in roles if role != Role.VISITOR] or roles
    return listed(t(f"role.{role}") for role in told)


def who(entry: Entry) -> str:
    """Return the user name of who acted; their roles where there is no account."""
    return entry.by or roles_of(entry)


def whence(entry: Entry) -> list[str]:
    """Return what stands below who acted: their roles, if not said yet, and their address."""
    return [roles_of(entry) if entry.by else "", entry.address]


def which(entry: Entry) -> str:
    """Return which of its kind an act was about, if people know it by a name: no long number."""
    name = entry.about or entry.subject.partition(":")[2]
    try:
        UUID(name)
    except ValueError:
        return name
    return ""
