"""The components pages are made of, as a person meets them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from nicegui import ui

from data.errors import Conflict, Forbidden, Invalid, Unavailable
from pages import kit, words
from pages.kit.panels import Confirm
from pages.navigation import offered
from pages.shell import frame
from pages.viewer import Viewer
from services.policy import Action, Role
from tests.factories import an_actor

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)


def shown(build):
    """Show what `build` builds at /."""
    ui.page("/")(build)


async def test_a_refusal_is_told_with_its_sentence_and_code(user):
    async def refuse():
        raise Conflict("changed_meanwhile")

    shown(lambda: kit.button("primary", "Save", refuse))
    await user.open("/")
    user.find("Save").click()
    await user.should_see("别人刚刚改过这里")
    await user.should_see("错误号 changed_meanwhile")


async def test_a_refusal_about_a_field_is_shown_at_the_field_and_goes_when_it_is_right(user):
    fields = {}

    def save():
        with kit.told(fields):
            if not fields["name"].text:
                raise Invalid("invalid", field="name")

    def page():
        fields["name"] = kit.field("Name")
        kit.button("primary", "Save", save)

    shown(page)
    await user.open("/")
    user.find("Save").click()
    await user.should_see("填的内容有问题，请检查后再提交。")
    user.find("Name").type("Wang")
    user.find("Save").click()
    await user.should_not_see("填的内容有问题")


async def test_a_refusal_without_its_own_sentence_is_told_too(user):
    async def refuse():
        raise Forbidden("a_code_nobody_wrote_a_sentence_for")

    shown(lambda: kit.button("line", "Go", refuse))
    await user.open("/")
    user.find("Go").click()
    await user.should_see("系统出了意外")


async def test_a_button_does_one_thing_at_a_time(user):
    began, gate = [], asyncio.Event()

    async def work():
        began.append(1)
        await gate.wait()

    shown(lambda: kit.button("primary", "Work", work))
    await user.open("/")
    button = user.find("Work")
    button.click()
    await asyncio.sleep(0)
    button.click()
    await asyncio.sleep(0)
    gate.set()
    await asyncio.sleep(0)
    assert began == [1]


def test_a_button_without_words_needs_a_label():
    """R151: a screen reader reads it."""
    with pytest.raises(ValueError, match="label"):
        kit.icon_button("bin", "")


@pytest.mark.parametrize("href", ["javascript:alert(1)", "//evil.example", "https://evil.example"])
def test_a_link_leads_only_to_our_own_pages(href):
    with pytest.raises(ValueError, match="our own"):
        kit.link_button("line", "Go", href)


async def test_undo_takes_back_what_was_done(user):
    undone = []
    shown(
        lambda: kit.button("line", "Do", lambda: kit.toast("Done", undo=lambda: undone.append(1)))
    )
    await user.open("/")
    user.find("Do").click()
    await user.should_see("Done")
    user.find("撤回").click()
    await user.should_not_see("Done")
    assert undone == [1]


async def test_names_are_shown_as_text_and_never_read_as_html(user):
    """S-INJ: what somebody is called cannot become a script."""
    shown(lambda: kit.line("<script>alert(1)</script>", "{{ 7 * 7 }}"))
    await user.open("/")
    await user.should_see("<script>alert(1)</script>")
    await user.should_see("{{ 7 * 7 }}")


async def test_the_words_are_in_the_language_of_the_reader(user):
    ui.page("/words")(lambda: kit.paragraph(words.t("nav.staff")))
    await user.open("/words")
    await user.should_see("人员")
    user.http_client.cookies.set("xl_language", "en")
    await user.open("/words")
    await user.should_see("Staff")


def a_table(read, **answers):
    columns = [
        kit.Column("name", "Name", sort=True),
        kit.Column("phone", "Phone"),
    ]

    def row(item):
        key, name = item
        cells = {"name": name, "phone": kit.masked_cell("138****0001", can="unmask" in answers)}
        return kit.Row(
            key=key, name=name, cells=cells, opens=True, acts=(kit.Act("block", "Block"),)
        )

    return kit.DataTable(
        columns, read, row, kit.TableWords("People", search="Find"), kit.Answers(**answers)
    )


PEOPLE = [(str(n), f"Person {n}") for n in range(1, 122)]


async def everybody(query):
    found = [each for each in PEOPLE if query.search in each[1]]
    return kit.Page(found[query.offset :][: query.size], len(found))


async def show_table(user, read, **answers):
    tables = []

    async def page():
        tables.append(a_table(read, **answers))
        await tables[0].load()

    shown(page)
    await user.open("/")
    return tables[0]


async def test_a_table_brings_its_rows_a_page_at_a_time(user):
    await show_table(user, everybody)
    await user.should_see("Person 1")
    await user.should_see("共 121 条")
    await user.should_not_see("Person 51")
    user.find(kit.DataTable).trigger(
        "ask", {"page": 2, "sort": "name", "down": False, "search": ""}
    )
    await user.should_see("Person 51")


async def test_a_table_searches_where_the_data_is(user):
    await show_table(user, everybody)
    user.find(kit.DataTable).trigger("ask", {"page": 1, "search": " Person 77 "})
    await user.should_see("共 1 条")
    user.find(kit.DataTable).trigger("ask", {"page": 1, "search": "nobody"})
    await user.should_see("没有找到符合的内容")


@pytest.mark.parametrize(
    "asked",
    [
        {"sort": "password", "page": 1},
        {"sort": ["name"], "page": -1},
        {"sort": "phone", "page": "2"},
        {"page": 10**12, "search": ["x"], "down": "yes"},
        {},
    ],
)
async def test_whatever_a_browser_asks_a_table_sorts_by_what_it_may(user, asked):
    table = await show_table(user, everybody)
    query = table.understood(asked)
    assert (query.sort, query.page, query.down, query.search) == ("name", 1, False, "")


async def test_a_search_is_cut_to_a_sane_length(user):
    table = await show_table(user, everybody)
    assert len(table.understood({"search": "x" * 10_000}).search) == 100


async def test_a_table_that_cannot_be_read_says_why_and_offers_to_try_again(user):
    async def read(query):
        raise Unavailable("busy", retry_after=2)

    await show_table(user, read)
    await user.should_see("现在用的人太多")


async def test_an_empty_table_says_so(user):
    async def read(query):
        return kit.Page([], 0)

    await show_table(user, read)
    await user.should_see("这里还没有内容")


async def test_a_slow_answer_never_overwrites_a_later_one(user):
    gates = {"slow": asyncio.Event(), "quick": asyncio.Event()}

    async def read(query):
        if query.search:
            await gates[query.search].wait()
        return kit.Page([("1", f"Found {query.search}")], 1)

    await show_table(user, read)
    user.find(kit.DataTable).trigger("ask", {"search": "slow"})
    user.find(kit.DataTable).trigger("ask", {"search": "quick"})
    gates["quick"].set()
    await user.should_see("Found quick")
    gates["slow"].set()
    await asyncio.sleep(0.01)
    await user.should_see("Found quick")


async def test_a_table_goes_back_when_its_last_page_has_gone(user):
    people = list(PEOPLE)

    async def read(query):
        return kit.Page(people[query.offset :][: query.size], len(people))

    await show_table(user, read)
    del people[50:]
    user.find(kit.DataTable).trigger("ask", {"page": 3})
    await user.should_see("Person 1")


async def test_a_row_is_changed_where_it_stands(user):
    table = await show_table(user, everybody)
    table.put(("7", "Person renamed"))
    await user.should_see("Person renamed")
    table.put(("9999", "Nobody"))
    await user.should_not_see("Nobody")


async def test_unmasking_asks_the_service_and_shows_that_one_value(user):
    asked = []

    async def unmask(key, column):
        asked.append((key, column))
        return "13800000001"

    await show_table(user, everybody, unmask=unmask)
    await user.should_not_see("13800000001")
    user.find(kit.DataTable).trigger("unmask", {"key": "3", "column": "phone"})
    await user.should_see("13800000001")
    assert asked == [("3", "phone")]


@pytest.mark.parametrize(
    "sent", [{"key": "3", "column": "name"}, {"key": "none", "column": "phone"}, {}]
)
async def test_only_a_masked_value_is_unmasked(user, sent):
    asked = []

    async def unmask(key, column):
        asked.append((key, column))
        return "13800000001"

    await show_table(user, everybody, unmask=unmask)
    user.find(kit.DataTable).trigger("unmask", sent)
    await asyncio.sleep(0.01)
    assert asked == []


async def test_only_the_acts_a_row_offers_are_done(user):
    done = []
    await show_table(user, everybody, act=lambda key, name: done.append((key, name)))
    table = user.find(kit.DataTable)
    table.trigger("act", {"key": "3", "name": "promote"})
    table.trigger("act", {"key": "999", "name": "block"})
    table.trigger("act", {"key": "3", "name": "block"})
    await asyncio.sleep(0.01)
    assert done == [("3", "block")]


async def test_a_dangerous_act_is_done_only_after_a_yes(user):
    answers = []

    async def delete():
        answers.append(
            await kit.confirm("Delete?", "It is gone then.", "Delete", reason="Why", least=3)
        )

    shown(lambda: kit.button("stop", "Go", delete))
    await user.open("/")
    user.find("Go").click()
    await asyncio.sleep(0.01)
    user.find(Confirm).trigger("done", {"yes": False, "reason": ""})
    await asyncio.sleep(0.01)
    user.find("Go").click()
    await asyncio.sleep(0.01)
    user.find(Confirm).trigger("done", {"yes": True, "reason": "left us"})
    await asyncio.sleep(0.01)
    assert [(bool(each), each.reason) for each in answers] == [(False, ""), (True, "left us")]
    await user.should_not_see(kind=Confirm)


async def test_a_side_panel_shows_what_it_is_filled_with_and_forgets_it(user):
    panels = []

    def page():
        panels.append(kit.side_panel())

        def fill():
            with panels[0].fill("Details"):
                kit.paragraph("Inside")

        kit.button("line", "Open", fill)

    shown(page)
    await user.open("/")
    await user.should_not_see("Inside")
    user.find("Open").click()
    await user.should_see("Inside")
    user.find(kit.SidePanel).trigger("close")
    await user.should_not_see("Inside")
    assert not panels[0].is_open


async def test_times_say_how_far_away_they_are(user):
    shown(lambda: kit.when(NOW - timedelta(minutes=3), now=NOW))
    await user.open("/")
    await user.should_see("3分钟前")


def a_viewer(*roles, **more):
    actor = an_actor(*roles)
    can = more.pop("can", lambda action: any(role in actor.roles for role in roles))
    return Viewer(display_name="测试人员甲", number="T0012", can=can, roles=("nurse",), **more)


async def show_frame(user, viewer):
    def page():
        ui.context.client.request.state.viewer = viewer
        with frame("nav.tasks", active="/tasks") as made:
            kit.button("line", "Count", lambda: made.show_counts(tasks=7, notices=0))

    shown(page)
    await user.open("/")


async def test_the_rail_shows_only_where_a_person_may_go(user):
    """R097: navigation by role."""
    await show_frame(user, a_viewer(Role.NURSE, can=lambda action: action is Action.TASK_READ))
    await user.should_see("待办")
    await user.should_not_see("审计")
    assert [item.path for item in offered(lambda _: False)] == ["/"]


async def test_every_staff_page_carries_who_looked(user):
    """S-LOG: watermark with name, number and time."""
    await show_frame(user, a_viewer(Role.NURSE, opened="2026-03-02 15:30"))
    marks = [each for each in user.client.elements.values() if "watermark" in each.classes]
    assert [each.props["data-says"] for each in marks] == ["测试人员甲 T0012 2026-03-02 15:30"]


async def test_a_name_cannot_break_out_of_the_watermark(user):
    evil = a_viewer(Role.NURSE)
    evil = Viewer(
        **{**{name: getattr(evil, name) for name in evil.__slots__}, "display_name": "');}<svg"}
    )
    await show_frame(user, evil)
    mark = next(each for each in user.client.elements.values() if "watermark" in each.classes)
    address = mark.style["background-image"]
    assert address.count("'") == 2
    assert "<" not in address
    assert ")" not in address[:-1]


async def test_broken_glass_is_said_on_every_page_and_a_demo_says_it_is_one(user):
    await show_frame(user, a_viewer(Role.DOCTOR, emergency="胸痛急诊", is_demo=True))
    await user.should_see("紧急查阅中，理由：胸痛急诊")
    await user.should_see("演示环境")


async def test_the_bells_count_without_a_reload(user):
    await show_frame(user, a_viewer(Role.NURSE, tasks=1, notices=200))
    await user.should_see("新消息 200 条")
    user.find("Count").click()
    await user.should_see("待办 7 件")
    await user.should_see("新消息 0 条")


async def test_signing_out_is_a_real_form(user):
    """It works without a socket, and an image cannot do it (S-CSRF-1)."""
    await show_frame(user, a_viewer(Role.NURSE))
    forms = [each for each in user.client.elements.values() if each.tag == "form"]
    assert [(each.props["action"], each.props["method"]) for each in forms] == [
        ("/auth/sign-out", "post")
    ]
