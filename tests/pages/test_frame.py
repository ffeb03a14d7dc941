"""The frame around every page: where one may go, who looked, what is said on each. (R043)"""

from datetime import timedelta

from nicegui import ui
from nicegui.events import GenericEventArguments

from data.clock import new_id
from pages import kit
from pages.glass import Glass, GlassBanner
from pages.navigation import offered
from pages.shell import Rail, frame
from pages.viewer import Viewer
from services.events import EmergencyAccessClosed
from services.policy import Action, Role
from services.tasks import Counts
from services.users.emergency import Access
from tests.factories import MONDAY, an_actor
from tests.pages.showing import shown

ME = new_id()


def an_access(reason):
    times = {"opened_at": MONDAY, "until": MONDAY + timedelta(hours=1), "closed_at": None}
    judged = {
        "closed_because": "",
        "outcome": None,
        "review_note": "",
        "reviewed_by": None,
        "reviewed_at": None,
    }
    who = {"user_id": ME, "username": "yisheng", "name": "李*华", "patient_id": new_id()}
    return Access(id=new_id(), reason=reason, **who, **times, **judged)


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
    """R042: each role its own places."""
    await show_frame(user, a_viewer(Role.NURSE, can=lambda action: action is Action.TASK_READ))
    await user.should_see("待办")
    await user.should_not_see("审计")
    assert [item.path for item in offered(lambda _: False, demo=True)] == ["/"]
    everywhere, in_a_demo = (
        {item.path for item in offered(lambda _: True, demo=demo)} for demo in (False, True)
    )
    assert in_a_demo - everywhere == {"/inbox"}


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


async def test_broken_glass_is_said_on_every_page_and_a_demo_says_it_is_one(user, clinic):
    """R042: whose record, why and until when; it goes as soon as it is over, without a reload."""
    broken = [an_access("胸痛急诊"), an_access("昏迷送诊")]
    ended = []

    async def end(access_id):
        ended.append(access_id)
        broken[:] = [each for each in broken if each.id != access_id]
        clinic.bus.tell(EmergencyAccessClosed(access_id=access_id, user_id=ME))

    async def read():
        return broken

    glass = Glass(ME, tuple(broken), clinic.bus, clinic.clock.now, read, end)
    await show_frame(user, a_viewer(Role.DOCTOR, emergency=glass, is_demo=True))
    await user.should_see("演示环境")
    [banner] = [e for e in user.client.elements.values() if isinstance(e, GlassBanner)]
    items = banner.props["items"]
    number = broken[0].patient_id.hex[-6:].upper()
    assert items[0]["why"] == f"患者编号尾号 {number}，理由：胸痛急诊"
    assert [item["why"][-4:] for item in items] == ["胸痛急诊", "昏迷送诊"]
    assert items[0]["until"] - banner.props["now"] == 60 * 60 * 1000

    first = broken[0].id
    for said in ("somebody else's", [str(first)], [str(first)]):
        with user.client:
            await banner._end(GenericEventArguments(sender=banner, client=user.client, args=said))
    assert ended == [first]
    await user.should_see("已结束对尾号")
    assert [item["why"][-4:] for item in banner.props["items"]] == ["昏迷送诊"]


async def test_the_bells_count_without_a_reload(user):
    await show_frame(user, a_viewer(Role.NURSE, work=Counts(1, 0, 0, 0), notices=200))
    await user.should_see("新消息 200 条")
    user.find("Count").click()
    await user.should_see("待办 7 件")
    await user.should_see("新消息 0 条")


async def test_the_rail_says_how_much_waits_to_see_and_to_hear(user):
    """Mockups 07 and 11: a number at the place; nothing where nothing waits."""
    can = {"can": lambda action: action is Action.TASK_READ}
    await show_frame(user, a_viewer(Role.NURSE, work=Counts(120, 0, 0, 0), **can))
    [rail] = [each for each in user.client.elements.values() if isinstance(each, Rail)]
    assert rail.props["counts"] == {"/tasks": {"n": "99+", "said": "有 120 件未办结"}}
    user.find("Count").click()
    await user.should_see("有 7 件未办结")
    assert rail.props["counts"]["/tasks"]["n"] == "7"
    await show_frame(user, a_viewer(Role.NURSE, **can))
    await user.should_not_see("件未办结")
