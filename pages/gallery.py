"""Every component in every state, for our own eyes and for tests; only a demo serves it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from nicegui import context

from data.errors import Conflict, Unavailable
from pages import kit
from pages.glass import Glass
from pages.kit.blocks import Tone
from pages.kit.buttons import Kind
from pages.routes import Routes
from pages.shell import action_bar, frame, patient_frame, public_frame
from pages.viewer import Viewer
from pages.words import money, t
from services.clinic import Clinic
from services.events import EmergencyAccessClosed
from services.tasks import Counts
from services.users.emergency import Access

MADE_UP = "made-up people only, and only in a demo"
MADE_UP_ID = UUID(int=7)
NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
STATES: tuple[tuple[Tone, str], ...] = (
    ("ok", "gallery.active"),
    ("warn", "gallery.dormant"),
    ("", "gallery.invited"),
)
KINDS: tuple[Kind, ...] = ("go", "primary", "line", "soft", "quiet", "stop")
TONES: tuple[Tone, ...] = ("bad", "warn", "info", "ok", "go", "")
PEOPLE = [
    (f"T{n:04}", f"测试人员{'甲乙丙丁戊己庚辛壬癸'[n % 10]}{n}", n % 4, n % 3)
    for n in range(1, 122)
]


def register(clinic: Clinic, routes: Routes) -> None:
    """Serve /gallery, /gallery/patient and /gallery/door, in a demo and nowhere else."""
    if not clinic.settings.demo:
        return
    for path, build in (("/patient", patient), ("/door", door)):
        routes.page(f"/gallery{path}", public=MADE_UP)(build)

    @routes.page("/gallery", public=MADE_UP)
    async def gallery_page(glass: str = "") -> None:
        await staff(_glass(clinic, glass) if glass else None)


async def staff(glass: Glass | None) -> None:
    """The staff frame with all that stands in it."""
    context.client.request.state.viewer = Viewer(
        display_name="测试管理员丙",
        number="T0033",
        opened="2026-03-02 15:30",
        can=lambda _: True,
        roles=("security_admin",),
        institution="示范县人民医院",
        is_demo=True,
        emergency=glass,
        work=Counts(open=5, mine=2, overdue=1, urgent=0),
        notices=120,
    )
    with frame("gallery.title", active="/staff") as page:
        panel = kit.side_panel()
        page.shortcut("n", "gallery.new", lambda: _open(panel))
        with page.slot:
            kit.button("primary", t("gallery.new"), lambda: _open(panel), icon="plus", kbd="N")
        _numbers()
        await _table(panel)
        with kit.halves():
            _buttons()
            _form()
            _banners()
            _states()
        kit.stepper(t("gallery.steps"), [t(f"gallery.step.{n}") for n in (1, 2, 3)], 1)
        with kit.halves():
            with kit.card(t("gallery.empty")), kit.empty(*_nobody()):
                kit.button("primary", t("gallery.new"), lambda: _open(panel))
            with kit.card(t("gallery.loading")):
                kit.skeleton(5)


def _glass(clinic: Clinic, reason: str) -> Glass:
    """Show as much broken glass as there are reasons, parted by bars."""
    broken = [
        Access(
            id=UUID(int=100 + n),
            user_id=MADE_UP_ID,
            username="yisheng",
            name="测试人员甲",
            patient_id=UUID(int=n),
            reason=why,
            opened_at=NOW,
            until=NOW + timedelta(minutes=59 - 17 * n),
            closed_at=None,
            closed_because="",
            outcome=None,
            review_note="",
            reviewed_by=None,
            reviewed_at=None,
        )
        for n, why in enumerate(reason.split("|"))
    ]

    async def end(access_id: UUID) -> None:
        broken[:] = [each for each in broken if each.id != access_id]
        clinic.bus.tell(EmergencyAccessClosed(access_id=access_id, user_id=MADE_UP_ID))

    async def read() -> list[Access]:
        return broken

    return Glass(MADE_UP_ID, tuple(broken), clinic.bus, lambda: NOW, read, end)


def _nobody() -> tuple[str, str]:
    return t("gallery.nobody"), t("gallery.nobody_text")


def _numbers() -> None:
    with kit.tiles():
        kit.metric(t("gallery.served"), "121", unit=t("gallery.visits"), foot=t("gallery.foot"))
        kit.metric(t("gallery.connected"), "96.9", unit="%", foot="127 / 131", tone="ok")
        kit.metric(t("gallery.complaints"), "0.8", unit="%", foot="1 / 121", tone="warn")
        kit.metric(t("gallery.late"), "3", foot=t("gallery.foot"), tone="bad")


def _open(panel: kit.SidePanel) -> None:
    with panel.fill(t("gallery.new")):
        name = kit.field(t("gallery.name"), required=True, autofocus=True, keep="name")
        kit.select(t("gallery.role"), {"doctor": t("role.doctor"), "nurse": t("role.nurse")})

        def save() -> None:
            if not name.text:
                name.error = t("gallery.name_missing")
                name.focus()
                return
            panel.close()
            kit.toast(t("gallery.added", name=name.text), undo=lambda: None)

        kit.button("primary", t("gallery.save"), save)


async def _table(panel: kit.SidePanel) -> None:
    blocked: set[str] = set()

    async def read(query: kit.Query) -> kit.Page[tuple[str, str, int, int]]:
        if query.search == "error":
            raise Unavailable("busy", retry_after=2)
        found = [each for each in PEOPLE if query.search in each[1] or query.search in each[0]]
        found.sort(key=lambda each: each[1 if query.sort == "name" else 0], reverse=query.down)
        return kit.Page(found[query.offset :][: query.size], len(found))

    def row(item: tuple[str, str, int, int]) -> kit.Row:
        number, name, role, how = item
        off = number in blocked
        states: tuple[tuple[Tone, str], ...] = (
            ("ok", "gallery.active"),
            ("warn", "gallery.dormant"),
            ("", "gallery.invited"),
        )
        tone, said = states[how]
        stopped = (
            kit.Act("free", t("gallery.free"))
            if off
            else kit.Act("block", t("gallery.block"), "stop")
        )
        return kit.Row(
            key=number,
            name=name,
            opens=True,
            tone="off" if off else "",
            acts=(stopped,),
            cells={
                "name": kit.Cell(name, note=number),
                "state": kit.state_cell(t("gallery.blocked"), "bad", glyph="ban")
                if off
                else kit.state_cell(t(said), tone),
                "roles": kit.tags_cell((t("role.doctor"), "info"), (t("role.quality"), "")),
                "phone": kit.masked_cell("138****0001", can=True),
                "seen": kit.ago_cell(NOW - timedelta(minutes=7 * role + 1), now=NOW),
            },
        )

    async def act(key: str, name: str) -> None:
        item = next(each for each in PEOPLE if each[0] == key)
        if name == "block":
            said = await kit.confirm(
                t("gallery.block_title", name=item[1]),
                t("gallery.block_text"),
                t("gallery.block"),
                reason=t("gallery.reason"),
                least=5,
            )
            if not said:
                return
            blocked.add(key)
        else:
            blocked.discard(key)
        table.put(item)
        kit.toast(t("gallery.done"))

    async def unmask(key: str, column: str) -> str:
        del key, column
        return "13800000001"

    def opened(key: str) -> None:
        table.select_row(key)
        with panel.fill(key):
            kit.facts([(t("gallery.name"), key), (t("gallery.phone"), "138****0001")])
            kit.timeline(
                [
                    ("ok", t("gallery.step.1"), ""),
                    ("go", t("gallery.step.2"), "15:24"),
                    ("", t("gallery.step.3"), ""),
                ]
            )

    with kit.card(flush=True):
        kit.card_head(t("gallery.people"))
        table = kit.DataTable(
            [
                kit.Column("name", t("gallery.name"), sort=True, phone="title"),
                kit.Column("state", t("gallery.state"), phone="plain"),
                kit.Column("roles", t("gallery.role")),
                kit.Column("phone", t("gallery.phone")),
                kit.Column("seen", t("gallery.seen"), end=True),
            ],
            read,
            row,
            kit.TableWords(t("gallery.people"), search=t("gallery.find")),
            kit.Answers(open=opened, act=act, unmask=unmask),
            kit.Query(sort="name", size=8),
        )
        await table.load()


def _say_done() -> None:
    kit.toast(t("gallery.done"))


def _buttons() -> None:
    async def fail() -> None:
        raise Conflict("changed_meanwhile")

    with kit.card(t("gallery.buttons")):
        with kit.side_by_side():
            for kind in KINDS:
                kit.button(kind, t(f"gallery.kind.{kind}"), _say_done)
        with kit.side_by_side():
            kit.button("primary", t("gallery.not_yet")).disable()
            kit.button("line", t("gallery.refused"), fail, small=True)
            kit.button(
                "line",
                t("gallery.undoable"),
                lambda: kit.toast(t("gallery.done"), undo=lambda: None),
            )
            kit.icon_button("download", t("gallery.download"))
            kit.link_button("line", t("gallery.elsewhere"), "/gallery/door", icon="link")


def _form() -> None:
    with kit.card(t("gallery.form")), kit.form(keep="gallery"):
        kit.field(t("gallery.name"), hint=t("gallery.name_hint"), required=True, keep="full-name")
        wrong = kit.field(t("gallery.identity"), value="11010119550101001")
        wrong.error = t("gallery.identity_wrong")
        kit.field(
            t("gallery.password"), value="secret", content="password", complete="new-password"
        )
        kit.select(t("gallery.role"), {"doctor": t("role.doctor"), "nurse": t("role.nurse")})
        kit.text_area(t("gallery.note"), keep="note")
        kit.checkbox(t("gallery.agree"), note=t("gallery.agree_note"), value=True)
        kit.checkbox(t("gallery.remind"), toggle=True, value=True)
        choices = [
            kit.Choice("all", t("gallery.all"), count=6),
            kit.Choice("late", t("gallery.late"), count=1),
            kit.Choice("none", t("gallery.unheard")),
        ]
        kit.chips(t("gallery.filter"), choices, value="all")
        kit.segments(t("gallery.range"), choices[:2], value="late")


def _banners() -> None:
    with kit.card(t("gallery.banners")).classes("stack-3"):
        kit.banner("info", t("gallery.banner.info"), t("gallery.banner.info_text"))
        kit.banner("ok", t("gallery.banner.ok"))
        with kit.banner("warn", t("gallery.banner.warn"), t("gallery.banner.warn_text")):
            kit.button("line", t("gallery.kind.line"), small=True)
        kit.banner("bad", t("gallery.banner.bad"), t("gallery.banner.bad_text"), code="7F3A")


def _states() -> None:
    with kit.card(t("gallery.states")).classes("stack-3"):
        with kit.side_by_side():
            kit.state(t("gallery.invited"))
            kit.state(t("gallery.step.1"), "go", glyph="p1")
            kit.state(t("gallery.step.2"), "go", glyph="p3")
            kit.state(t("gallery.active"), "ok")
            kit.state(t("gallery.dormant"), "warn")
            kit.state(t("gallery.blocked"), "bad")
            kit.state(t("gallery.cancelled"), glyph="ban")
        with kit.side_by_side():
            for tone in TONES:
                kit.tag(t("gallery.tag"), tone)
        kit.when(NOW - timedelta(minutes=3), now=NOW)
        with kit.card(flush=True).classes("rows"):
            kit.line(t("gallery.name"), t("gallery.name_hint"), icon="person", href="/gallery/door")
            kit.line(t("gallery.phone"), icon="phone")


def patient() -> None:
    """The patient frame, as it looks also in the elder edition."""
    with patient_frame("gallery.title", back="/gallery", phone="010-12345678"):
        with kit.card(lift=True):
            kit.state(t("gallery.step.1"), "go", glyph="p1")
            kit.heading("15:20")
            kit.paragraph(t("gallery.banner.info_text"), "muted")
        with kit.card(flush=True).classes("rows"):
            kit.line(t("gallery.name"), t("gallery.name_hint"), icon="upload", href="/gallery")
            kit.line(t("gallery.phone"), icon="people", href="/gallery")
        kit.banner("ok", t("gallery.banner.ok"))
        kit.field(t("gallery.phone"), content="tel", hint=t("gallery.name_hint"))
        kit.checkbox(t("gallery.agree"), note=t("gallery.agree_note"))
        with action_bar(t("gallery.step.2"), money(1200)):
            kit.button("go", t("gallery.kind.go"), _say_done, large=True)


def door() -> None:
    """The frame before sign-in."""
    with public_frame("gallery.door", institution="示范县人民医院", demo=True):
        with kit.form("/gallery/door"):
            kit.field(t("gallery.number"), name="number", complete="username", required=True)
            kit.field(
                t("gallery.password"),
                name="password",
                content="password",
                complete="current-password",
            )
            kit.code_box(t("gallery.code"), name="code", hint=t("gallery.code_hint"))
            kit.button("primary", t("gallery.enter"), large=True, block=True, submit=True)
        with kit.card(flush=True).classes("rows"):
            kit.line(t("gallery.passkey"), icon="key", href="/gallery/door")
            kit.line(t("gallery.ask"), icon="phone", href="/gallery/door")
