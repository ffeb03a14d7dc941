"""Judging broken glass: who opened which record and why, and was it right. (紧急访问审核)"""

from contextlib import suppress
from uuid import UUID

from data.errors import NotFound
from pages import kit
from pages.kit.element import Html
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.users.emergency import state_of, tail_of
from pages.words import local, t
from services.clinic import Clinic
from services.events import EmergencyAccessClosed, EmergencyAccessOpened, EmergencyAccessReviewed
from services.policy import Action
from services.users.emergency import LONGEST_REASON, REVIEW_PAGE, Access, Look, Verdict

VIEWS = ("waiting", "judged")


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/emergency/reviews`."""

    @routes.page(REVIEW_PAGE, action=Action.EMERGENCY_REVIEW, title="nav.emergency_reviews")
    async def reviews_page(access: str = "") -> None:
        page = ReviewsPage(clinic)
        with frame("reviews.page", active=REVIEW_PAGE):
            page.build()
        await page.load()
        events = (EmergencyAccessOpened, EmergencyAccessClosed, EmergencyAccessReviewed)
        on_event(clinic.bus, *events, do=page.load)
        if access:
            await page.show(access)


class ReviewsPage:
    """What waits for a verdict, what was judged, and the panel of one."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        kit.paragraph(t("reviews.why"), "muted")
        with kit.side_by_side():
            self._view = kit.segments(
                t("reviews.view"),
                [kit.Choice(name, t(f"reviews.view.{name}")) for name in VIEWS],
                value="waiting",
                on_change=self.load,
            )
        columns = [
            kit.Column("who", t("reviews.who"), phone="title"),
            kit.Column("reason", t("emergency.reason"), phone="plain"),
            kit.Column("patient", t("emergency.patient")),
            kit.Column("at", t("emergency.opened_at")),
            kit.Column("state", t("emergency.state")),
        ]
        words = kit.TableWords(
            t("nav.emergency_reviews"),
            total="emergency.total",
            empty_title=t("reviews.empty"),
            empty_text=t("reviews.empty_text"),
        )
        with kit.card(flush=True):
            self._table: kit.DataTable[Access] = kit.DataTable(
                columns, self._read, self._row, words, kit.Answers(open=self._open)
            )
        self._panel = kit.side_panel()

    async def load(self) -> None:
        """Bring the list up to date."""
        await self._table.load()

    async def _read(self, query: kit.Query) -> kit.Page[Access]:
        judged = self._view.value == "judged"
        items, total = await self._clinic.emergency.page(
            current_actor(), reviewed=judged, offset=query.offset, limit=query.size
        )
        return kit.Page(items, total)

    def _row(self, access: Access) -> kit.Row:
        now = self._clinic.clock.now()
        return kit.Row(
            str(access.id),
            {
                "who": kit.Cell(access.username, note=access.name),
                "reason": access.reason,
                "patient": tail_of(access),
                "at": kit.ago_cell(access.opened_at, now=now),
                "state": state_of(access, is_open=access.ends_at > now),
            },
            name=access.username,
            opens=True,
        )

    async def show(self, key: str) -> None:
        """Open the panel of one, as a task's link asks for it; what is not there opens nothing."""
        with kit.told(), suppress(NotFound):
            await self._open(str(_number(key)))

    async def _open(self, key: str) -> None:
        access, looks, total = await self._clinic.emergency.one(current_actor(), UUID(key))
        self._table.select_row(key)
        with self._panel.fill(t("reviews.of", who=access.username)):
            self._facts(access)
            self._looked_at(access.id, looks, total)
            if access.outcome is None:
                self._ask_verdict(access)

    def _facts(self, access: Access) -> None:
        facts = [
            (t("reviews.who"), f"{access.name} ({access.username})"),
            (t("emergency.patient"), str(access.patient_id)),
            (t("emergency.reason"), access.reason),
            (t("emergency.opened_at"), local(access.opened_at)),
            (t("reviews.ended_at"), self._end_of(access)),
        ]
        if access.outcome is not None and access.reviewed_at is not None:
            facts += [
                (t("reviews.verdict"), t(f"emergency.outcome.{access.outcome}")),
                (t("emergency.note"), access.review_note),
                (t("reviews.reviewed_at"), local(access.reviewed_at)),
            ]
        kit.facts(facts)

    def _end_of(self, access: Access) -> str:
        still = access.closed_at is None and access.until > self._clinic.clock.now()
        if still:
            return t("reviews.by_itself", at=local(access.until))
        if access.closed_because:
            why = t(f"emergency.ended.{access.closed_because}")
            return t("reviews.ended_because", at=local(access.ends_at), why=why)
        return local(access.ends_at)

    def _looked_at(self, access_id: UUID, looks: list[Look], total: int) -> None:
        kit.heading(t("reviews.looks", count=total), 3)
        if not looks:
            kit.paragraph(t("reviews.no_looks"), "muted")
            return
        place, seen = Html("div"), len(looks)

        def show(some: list[Look]) -> None:
            with place:
                kit.facts([(local(look.at), _did(look)) for look in some])

        async def show_more() -> None:
            nonlocal seen
            with kit.told():
                _, some, _ = await self._clinic.emergency.one(
                    current_actor(), access_id, offset=seen
                )
                seen += len(some)
                show(some)
                more.set_visibility(bool(some) and seen < total)

        show(looks)
        more = kit.button("line", t("reviews.more_looks"), show_more)
        more.set_visibility(seen < total)

    def _ask_verdict(self, access: Access) -> None:
        kit.heading(t("reviews.verdict"), 3)
        note = kit.text_area(
            t("emergency.note"),
            hint=t("reviews.note_hint"),
            required=True,
            length=LONGEST_REASON,
        )

        async def judge(verdict: Verdict) -> None:
            with kit.told(into=lambda words, _: setattr(note, "error", words)):
                actor = current_actor()
                await self._clinic.emergency.review(actor, access.id, verdict, note.text)
                self._panel.close()
                kit.toast(t(f"reviews.said.{verdict}"))
                await self.load()

        with kit.side_by_side():
            kit.button("primary", t("reviews.justified"), lambda: judge(Verdict.JUSTIFIED))
            kit.button("stop", t("reviews.unjustified"), lambda: judge(Verdict.UNJUSTIFIED))


def _did(look: Look) -> str:
    action, which = t(f"action.{look.action.replace(':', '.')}"), look.subject.partition(":")[2]
    return f"{action} {which[-12:]}".strip()


def _number(typed: str) -> UUID:
    try:
        return UUID(typed)
    except ValueError:
        raise NotFound("not_found", what="EmergencyAccess", key=typed[:40]) from None
