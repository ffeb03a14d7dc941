"""What waits for the person in front of the page, most pressing first. (待办)"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from data.errors import Invalid, NotFound
from pages import kit
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.viewer import viewer
from pages.words import ago, has, local, t
from services.clinic import Clinic
from services.policy import Action, Role
from services.tasks import Colleague, Counts, Priority, Search, Sort, TaskState, View

PRESSING: dict[Priority, kit.Tone] = {Priority.URGENT: "bad", Priority.HIGH: "warn"}
"""What is said of a task beside its title, in words and a colour."""
EVERY_ROLE = "every"
FILTERS: dict[str, Search] = {
    "open": Search(),
    "mine": Search(mine_only=True),
    "overdue": Search(overdue_only=True),
    "closed": Search(
        states=(TaskState.DONE, TaskState.CANCELLED), sort=Sort.RAISED, descending=True
    ),
}


def address_of(task: View) -> str:
    """Return where a task's panel is open."""
    return f"/tasks?task={task.id}"


def title_of(task: View) -> str:
    """Return a task's sentence in the language of the page."""
    return t(task.title, **task.values)


def pressing(task: View) -> str:
    """Return how much a task presses, in a word; nothing if no more than others."""
    return t(f"tasks.priority.{task.priority.name.lower()}") if task.priority in PRESSING else ""


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/tasks`."""

    @routes.page("/tasks", action=Action.TASK_READ, title="nav.tasks")
    async def tasks_page(task: str = "") -> None:
        page = TasksPage(clinic)
        with frame("nav.tasks", active="/tasks") as surroundings:
            page.build()
        surroundings.shortcut("m", "tasks.filter.mine", lambda: page.show("mine"))
        surroundings.shortcut("o", "tasks.filter.open", lambda: page.show("open"))
        await page.load(viewer().work)
        if task:
            with kit.told():
                await page.open(task)
        surroundings.also(page.follow)


class TasksPage:
    """The list, its filters and the panel of one task."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._filter = "open"
        self._role: Role | None = None

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        with kit.side_by_side():
            self._chips = kit.chips(
                t("tasks.filter"), self._choices(), value="open", on_change=self._filtered
            )
        self._offer_roles()
        columns = [
            kit.Column("kind", t("tasks.column.what"), sort=True, phone="title"),
            kit.Column("state", t("tasks.column.state")),
            kit.Column("due", t("tasks.column.due"), sort=True),
            kit.Column("raised", t("tasks.column.raised"), sort=True, phone="hide"),
        ]
        words = kit.TableWords(
            t("nav.tasks"),
            total="tasks.total",
            search=t("tasks.search"),
            empty_title=t("tasks.empty"),
            empty_text=t("tasks.empty_text"),
        )
        answers = kit.Answers(open=self.open, act=self._act)
        with kit.card(flush=True):
            self._table: kit.DataTable[View] = kit.DataTable(
                columns, self._read, self._row, words, answers, kit.Query(sort="pressing")
            )
        self._panel = kit.side_panel()

    def _offer_roles(self) -> None:
        """Let who plays several roles look at the work of one of them."""
        held = {str(role): t(f"role.{role}") for role in sorted(current_actor().roles)}
        if len(held) > 1:
            choices = {EVERY_ROLE: t("tasks.every_role"), **held}
            self._by_role = kit.chips(
                t("tasks.by_role"),
                [kit.Choice(key, words) for key, words in choices.items()],
                value=EVERY_ROLE,
                on_change=self._role_chosen,
            )

    async def _role_chosen(self) -> None:
        chosen = self._by_role.value
        self._role = None if chosen == EVERY_ROLE else Role(chosen)
        await self.load(await self._clinic.tasks.counts(current_actor()))

    def _choices(self, counts: dict[str, int] | None = None) -> list[kit.Choice]:
        known = counts or {}
        return [
            kit.Choice(name, t(f"tasks.filter.{name}"), count=known.get(name)) for name in FILTERS
        ]

    async def load(self, counts: Counts) -> None:
        """Bring the list up to date, and the numbers beside its filters."""
        if self._role:
            counts = await self._clinic.tasks.counts(current_actor(), role=self._role)
        self._chips.offer(
            self._choices({"open": counts.open, "mine": counts.mine, "overdue": counts.overdue})
        )
        await self._table.load()

    async def follow(self, counts: Counts, _unread: int) -> None:
        """Bring it up to date when something has happened."""
        await self.load(counts)

    async def show(self, name: str) -> None:
        """Show another part of the list."""
        self._chips.value = name

    async def _filtered(self) -> None:
        self._filter = self._chips.value if self._chips.value in FILTERS else "open"
        await self._table.load()

    async def _read(self, query: kit.Query) -> kit.Page[View]:
        wanted = FILTERS[self._filter]
        sort = Sort(query.sort) if query.sort in set(Sort) else wanted.sort
        descending = query.down if query.sort in set(Sort) else wanted.descending
        search = replace(
            wanted, text=query.search, role=self._role, sort=sort, descending=descending
        )
        items, total = await self._clinic.tasks.page(
            current_actor(), search, offset=query.offset, limit=query.size
        )
        return kit.Page(items, total)

    def _row(self, task: View) -> kit.Row:
        now = self._clinic.clock.now()
        mine = task.owner_id == current_actor().user_id
        acts = [] if mine or not _is_open(task) else [kit.Act("take", t("tasks.take"))]
        return kit.Row(
            str(task.id),
            {
                "kind": _title(task),
                "state": _state(task, mine=mine),
                "due": kit.ago_cell(task.due_at, now=now, never=t("tasks.no_time")),
                "raised": kit.ago_cell(task.raised_at, now=now),
            },
            name=title_of(task),
            acts=tuple(acts),
            tone="bad" if task.overdue else "",
            opens=True,
        )

    async def _act(self, key: str, name: str) -> None:
        if name == "take":
            self._table.put(await self._clinic.tasks.take(current_actor(), UUID(key)))

    async def open(self, key: str) -> None:
        """Show one task in the panel; raise `NotFound` if it is none of this person's."""
        try:
            task_id = UUID(key)
        except ValueError:
            raise NotFound("not_found", what="Task", key=key) from None
        task = await self._clinic.tasks.one(current_actor(), task_id)
        self._table.select_row(key)
        candidates = (
            await self._clinic.tasks.candidates(current_actor(), task_id) if _is_open(task) else []
        )
        with self._panel.fill(title_of(task)):
            self._fill(task, candidates)

    def _fill(self, task: View, candidates: Sequence[Colleague]) -> None:
        _state_line(task)
        help_key = f"task_help.{task.kind}"
        if has(help_key):
            kit.paragraph(t(help_key))
        kit.facts(_facts(task, self._clinic.clock.now()))
        if not _is_open(task):
            return
        if task.place:
            kit.link_button("primary", t("tasks.go"), task.place)
        else:
            self._ask_note(task)
        self._ask_whom(task, candidates)

    def _ask_note(self, task: View) -> None:
        note = kit.text_area(t("tasks.note"), hint=t("tasks.note_hint"), required=True, length=2000)

        async def close(state: TaskState) -> None:
            with kit.told({"note": note}, into=lambda words, _: setattr(note, "error", words)):
                await self._clinic.tasks.close(current_actor(), task.id, note.text, state=state)
                self._panel.close()
                kit.toast(t("tasks.closed"))
                await self.load(await self._clinic.tasks.counts(current_actor()))

        with kit.side_by_side():
            kit.button("primary", t("tasks.done"), lambda: close(TaskState.DONE))
            kit.button("line", t("tasks.cancel"), lambda: close(TaskState.CANCELLED))

    def _ask_whom(self, task: View, candidates: Sequence[Colleague]) -> None:
        """Offer to give it to a colleague, or back to all who could do it."""
        mine = task.owner_id == current_actor().user_id
        if not candidates and not (mine and task.role):
            return
        kit.heading(t("tasks.hand_over"), 3)
        names = {str(each.id): each.name for each in candidates}
        if names:
            whom = kit.select(t("tasks.colleague"), {"": t("tasks.choose_colleague"), **names})

        async def give() -> None:
            with kit.told({"person": whom}):
                if not whom.text:
                    raise Invalid("task_person_wrong", field="person")
                await self._hand_over(task, UUID(whom.text))

        with kit.side_by_side():
            if names:
                kit.button("line", t("tasks.hand_over"), give)
            if mine and task.role:
                kit.button("line", t("tasks.give_back"), partial(self._hand_over, task))

    async def _hand_over(self, task: View, to: UUID | None = None) -> None:
        await self._clinic.tasks.hand_over(current_actor(), task.id, to=to)
        self._panel.close()
        kit.toast(t("tasks.handed_over") if to else t("tasks.given_back"))
        await self.load(await self._clinic.tasks.counts(current_actor()))


def _is_open(task: View) -> bool:
    return task.state in {TaskState.OPEN, TaskState.TAKEN}


def _title(task: View) -> kit.Cell:
    word = pressing(task) if _is_open(task) else ""
    tags = ({"text": word, "tone": PRESSING[task.priority]},) if word else ()
    return kit.Cell(title_of(task), tags=tags)


def _state(task: View, *, mine: bool) -> kit.Cell:
    if task.overdue:
        return kit.state_cell(t("tasks.overdue"), "bad")
    if mine and _is_open(task):
        return kit.state_cell(t("tasks.state.mine"), "go", glyph="p2")
    glyphs = {TaskState.OPEN: "p0", TaskState.TAKEN: "p2", TaskState.CANCELLED: "ban"}
    tone: kit.Tone = "ok" if task.state is TaskState.DONE else ""
    glyph = glyphs.get(task.state, "")
    return kit.state_cell(t(f"tasks.state.{task.state}"), tone, glyph=glyph)


def _state_line(task: View) -> None:
    if task.overdue:
        kit.banner("bad", t("tasks.overdue"), t("tasks.overdue_text"))
    if task.priority is Priority.URGENT and _is_open(task):
        kit.banner("warn", t("tasks.priority.urgent"), t("tasks.urgent"))


def _facts(task: View, now: datetime) -> list[tuple[str, str]]:
    facts = [
        (t("tasks.column.raised"), f"{local(task.raised_at)} ({ago(task.raised_at, now=now)})")
    ]
    if task.due_at:
        facts.append((t("tasks.column.due"), f"{local(task.due_at)} ({ago(task.due_at, now=now)})"))
    if task.role:
        facts.append((t("tasks.for_role"), t(f"role.{task.role}")))
    if task.escalated_at:
        facts.append((t("tasks.escalated"), local(task.escalated_at)))
    if task.closed_at:
        facts.append((t("tasks.closed_at"), local(task.closed_at)))
    if task.note:
        facts.append((t("tasks.note"), task.note))
    return facts
