"""The pages of the house, used by clicking as who they are for. (R151)"""

import re
from dataclasses import replace
from datetime import timedelta

import pytest_asyncio
from playwright.async_api import Page, expect
from sqlalchemy import select

from data.audit import AuditEntry
from data.messages import Channel, Message, MessageState
from data.outbox import Delivery, OutboxEvent
from services.clinic import Clinic
from services.events import SettingChanged
from services.infrastructure import Item
from services.policy import ANYBODY, HOUSE, Role
from services.tasks import Search, Wanted
from tests.e2e.chromium import DESKTOP, PHONE, page_of, violations, visit
from tests.factories import INSTITUTION
from tests.web.people import SignedIn, signed_in


@pytest_asyncio.fixture(loop_scope="session")
async def nurse(clinic: Clinic) -> SignedIn:
    """Somebody who has been asked for something and was told."""
    nurse = await signed_in(clinic, Role.NURSE)
    asked = {"words": "请整理慢病随访名单"}
    wanted = Wanted("asked", "a", INSTITUTION, owner_id=nurse.actor.user_id, values=asked)
    await clinic.tasks.add(HOUSE, wanted)
    await clinic.bus.deliver()
    return nurse


async def test_a_notice_says_which_task_it_is_about_and_leads_to_it(house, browser, nurse):
    """R032: whatever waits is one task, and one tap away from where it is told."""
    async with page_of(browser, PHONE, house, nurse.token) as page:
        await visit(page, f"{house}/notices")
        row = page.locator("tbody tr", has_text="请整理慢病随访名单")
        await row.get_by_role("link", name="您有新的待办").click()
        panel = page.locator(".side")
        await expect(panel.get_by_role("heading", name="请整理慢病随访名单")).to_be_visible()
        await panel.get_by_label("处理结果").fill("整理好了，共12人")
        await panel.get_by_role("button", name="办结").click()
        await expect(page.locator(".toast")).to_contain_text("已办结")
        await expect(page.get_by_text("现在没有要办的事")).to_be_visible()


async def test_home_leads_to_the_very_task(house, browser, nurse):
    async with page_of(browser, DESKTOP, house, nurse.token) as page:
        await visit(page, house)
        await page.get_by_role("link", name="请整理慢病随访名单").click()
        await expect(page.locator(".side")).to_contain_text("请整理慢病随访名单")


async def test_a_task_that_is_none_of_ones_own_is_not_shown(house, browser, clinic, nurse):
    [task], _ = await clinic.tasks.page(nurse.actor, Search())
    other = await signed_in(clinic, Role.NURSE)
    async with page_of(browser, DESKTOP, house, other.token) as page:
        await visit(page, f"{house}/tasks?task={task.id}")
        await expect(page.locator(".toast")).to_contain_text("not_found")
        await expect(page.locator(".side")).to_be_hidden()
        await visit(page, f"{house}/tasks?task=nonsense")
        await expect(page.locator(".toast")).to_contain_text("not_found")


async def test_work_is_handed_to_a_colleague_who_gives_it_back(house, browser, clinic):
    """R032: by two clicks; the colleague sees it without asking."""
    ann, ben = await signed_in(clinic, Role.NURSE), await signed_in(clinic, Role.NURSE)
    wanted = Wanted("asked", "b", INSTITUTION, role=Role.NURSE, values={"words": "请给床边送轮椅"})
    await clinic.tasks.add(HOUSE, wanted)
    async with (
        page_of(browser, PHONE, house, ann.token) as mine,
        page_of(browser, DESKTOP, house, ben.token) as theirs,
    ):
        await visit(theirs, f"{house}/tasks")
        await visit(mine, f"{house}/tasks")
        await mine.get_by_role("button", name="请给床边送轮椅", exact=True).click()
        panel = mine.locator(".side")
        await panel.get_by_role("button", name="转交").click()
        await expect(panel.get_by_role("alert")).to_contain_text("请选择")
        await panel.get_by_label("同事").select_option(str(ben.actor.user_id))
        await panel.get_by_role("button", name="转交").click()
        await expect(mine.locator(".toast")).to_contain_text("已转交")
        row = theirs.locator("tbody tr:visible", has_text="请给床边送轮椅")
        await expect(row).to_contain_text("我在办")
        await row.get_by_role("button", name="请给床边送轮椅", exact=True).click()
        await theirs.locator(".side").get_by_role("button", name="退回").click()
        await expect(row.get_by_role("button", name="接手")).to_be_visible()


async def test_a_panel_stands_beside_the_list_and_covers_nothing(house, browser, nurse):
    """R151: whoever reads one line goes on seeing the others, and the bar."""
    async with page_of(browser, DESKTOP, house, nurse.token) as page:
        await visit(page, f"{house}/tasks")
        wide = await page.locator(".q-page-container").bounding_box()
        await page.get_by_role("button", name="请整理慢病随访名单", exact=True).click()
        panel, main = page.locator(".side"), page.locator(".q-page-container")
        await expect(panel).to_be_visible()
        side, left = await panel.bounding_box(), await main.bounding_box()
        bar = await page.locator(".bar").bounding_box()
        assert left["x"] + left["width"] <= side["x"]
        assert bar["y"] + bar["height"] <= side["y"]
        await page.keyboard.press("Escape")
        await expect(panel).to_be_hidden()
        assert await main.bounding_box() == wide, "and the list has its room back"


async def test_a_rule_is_changed_and_taken_back_by_the_toast(house, browser, clinic):
    """Settings with history and undo: both stand there, with the reason."""
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with page_of(browser, DESKTOP, house, admin.token) as page:
        await visit(page, f"{house}/settings")
        await change_rule(page, "备份最长间隔", "30")
        rule = page.locator("tbody tr:visible", has_text="备份最长间隔")
        await expect(rule).to_contain_text("30 小时")
        await page.locator(".toast").get_by_role("button", name="撤回").click()
        await expect(rule).not_to_contain_text("30 小时")
        await page.get_by_role("button", name="变更历史").click()
        history = page.locator("tbody tr:visible", has_text="备份最长间隔")
        await expect(history).to_have_count(2)
        await expect(history.last).to_contain_text(f"user-{admin.actor.user_id}"[:20])
        await expect(history.first).to_contain_text("这是一次撤销")
        await expect(history.last).to_contain_text("夜间维护窗口改了")


async def test_a_rule_is_set_back_from_its_history(house, browser, clinic):
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with page_of(browser, PHONE, house, admin.token) as page:
        await visit(page, f"{house}/settings")
        await change_rule(page, "备份最长间隔", "31")
        await page.get_by_role("button", name="变更历史").click()
        await page.get_by_role("button", name="改回去 备份最长间隔").click()
        dialog = page.locator("dialog.confirm")
        await dialog.get_by_label("变更理由").fill("试过了，不合适")
        await dialog.get_by_role("button", name="改回去").click()
        await expect(page.locator(".toast", has_text="已改回")).to_be_visible()
        await page.get_by_role("button", name="规则", exact=True).click()
        rule = page.locator("tbody tr:visible", has_text="备份最长间隔")
        await expect(rule).to_have_count(1)
        await expect(rule).to_contain_text("26 小时")


async def test_the_history_is_whole_though_one_rule_was_searched_for(house, browser, clinic):
    """Red before: rules that the search left out stood there as JSON, without a way back."""
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    await clinic.policy.change(admin.actor, "policy.notify.keep_days", 300, "less to keep")
    async with page_of(browser, DESKTOP, house, admin.token) as page:
        await visit(page, f"{house}/settings")
        await page.get_by_label("搜索").fill("备份最长间隔")
        await expect(page.locator("tbody tr:has(td):visible")).to_have_count(1)
        await change_rule(page, "备份最长间隔", "30")
        await page.get_by_role("button", name="变更历史").click()
        other = page.locator("tbody tr:visible", has_text="less to keep")
        await expect(other).to_contain_text("365 天 → 300 天")
        await expect(other.get_by_role("button", name="改回去")).to_be_visible()


async def test_a_rule_out_of_its_bounds_is_refused_at_the_field(house, browser, clinic):
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with page_of(browser, DESKTOP, house, admin.token) as page:
        await visit(page, f"{house}/settings")
        await open_rule(page, "备份最长间隔")
        panel = page.locator(".side")
        for wrong in ("soon", "-5"):
            await panel.get_by_label("新的值").fill(wrong)
            await panel.get_by_label("变更理由").fill("夜间维护窗口改了")
            await panel.get_by_role("button", name="保存变更").click()
            await expect(panel.get_by_role("alert")).to_be_visible()
        await expect(page.locator("tbody tr:visible", has_text="备份最长间隔")).to_contain_text(
            "26 小时"
        )


async def open_rule(page: Page, named: str) -> None:
    """Find a rule by its name."""
    await page.get_by_role("searchbox").first.fill(named)
    await page.get_by_role("button", name=named, exact=True).click()


async def change_rule(page: Page, named: str, value: str) -> None:
    """Give a rule another value, with a reason."""
    await open_rule(page, named)
    panel = page.locator(".side")
    await panel.get_by_label("新的值").fill(value)
    await panel.get_by_label("变更理由").fill("夜间维护窗口改了")
    await panel.get_by_role("button", name="保存变更").click()
    await expect(page.locator(".toast")).to_contain_text("规则已改")


async def test_what_could_not_be_delivered_is_said_in_words_and_tried_again(house, browser, clinic):
    """What it means, what was not done, and one button. (R043)"""
    await park(clinic)
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with page_of(browser, DESKTOP, house, admin.token) as page:
        await visit(page, f"{house}/deliveries")
        row = page.get_by_label("搁置的投递").locator("tbody tr")
        await expect(row).to_contain_text("规则被修改后")
        await expect(row).to_contain_text("系统立即按新规则执行。")
        await expect(row).to_contain_text("数据库当时没有回应")
        await row.get_by_role("button", name="重新投递").click()
        await expect(page.get_by_text("没有搁置的投递")).to_be_visible()
    await clinic.bus.deliver()
    flow = await clinic.deliveries.flow(admin.actor)
    assert (flow.waiting, flow.parked) == (0, 0)


async def test_a_message_nobody_got_is_sent_again_after_one_question(house, browser, clinic):
    """R033: why it failed stands beside it; who hesitates has sent nothing."""
    await park(clinic)
    await fail(clinic)
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with page_of(browser, PHONE, house, admin.token) as page:
        await visit(page, f"{house}/deliveries")
        row = page.get_by_label("未发出的消息").locator("tbody tr")
        await expect(row).to_contain_text("对方系统")
        assert await violations(page) == []
        await row.get_by_role("button", name="重新发送").click()
        question = page.get_by_role("dialog")
        await question.get_by_role("button", name="取消").click()
        assert (await clinic.undelivered.page(admin.actor))[1] == 1
        await row.get_by_role("button", name="重新发送").click()
        await question.get_by_role("button", name="重新发送").click()
        await expect(page.locator(".toast")).to_contain_text("已重新排队发送")
        await expect(page.get_by_text("没有未发出的消息")).to_be_visible()
    assert (await clinic.undelivered.page(admin.actor))[1] == 0


async def fail(clinic: Clinic) -> None:
    """Leave one message that could not be sent."""
    async with clinic.database.transaction(write=True) as session:
        session.add(
            Message(
                institution_id=INSTITUTION,
                key="unsent",
                template="test",
                channel=Channel.SMS,
                address="19900000001",
                state=MessageState.FAILED,
                reason="counterpart_silent",
                attempts=8,
                queued_at=clinic.clock.now(),
            )
        )


async def park(clinic: Clinic) -> None:
    """Leave one delivery that nobody tries any more."""
    event, now = SettingChanged(key="policy.backup.drill_days"), clinic.clock.now()
    async with clinic.database.transaction(write=True) as session:
        payload = event.model_dump_json()
        session.add(OutboxEvent(id=event.event_id, name="SettingChanged", payload=payload, at=now))
        await session.flush()
        session.add(
            Delivery(
                event_id=event.event_id,
                handler="services.policy_settings.PolicySettings.reload",
                due_at=None,
                attempts=20,
                parked_at=now,
                error="database_not_reachable",
            )
        )


async def test_the_infrastructure_is_declared_where_the_finding_says(house, browser, clinic):
    """R-ORG-3: with what shows it; the finding is gone with the next look."""
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with page_of(browser, PHONE, house, admin.token) as page:
        await visit(page, f"{house}/health")
        finding = page.locator(".line", has_text="双路供电：尚未申报")
        await expect(finding).to_be_visible()
        await expect(finding).to_contain_text("与LIS实时交换：尚未申报")  # one row, not one each
        await page.get_by_role("button", name="基础设施", exact=True).click()
        await page.get_by_role("button", name="双路供电").click()
        panel = page.locator(".side")
        await panel.get_by_role("button", name="申报").click()
        await expect(panel.get_by_role("alert")).to_contain_text("依据")
        await panel.get_by_label("依据", exact=False).first.fill("双路供电与 UPS 巡检记录")
        await panel.get_by_role("button", name="申报").click()
        await expect(page.locator("tbody tr:visible", has_text="双路供电")).to_contain_text("符合")
        await page.get_by_role("button", name="重新检查").click()
        await page.get_by_role("button", name="检查结果").click()
        await expect(page.locator(".line", has_text="双路供电：符合")).to_be_visible()
        await expect(finding).to_have_count(0)


async def test_evidence_of_long_ago_is_not_said_to_do(house, browser, clinic):
    """Red before: the list of declarations said it did, and the findings that it did not."""
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    long_ago = (clinic.clock.now() - timedelta(days=400)).date()
    declare = clinic.infrastructure.declare
    await declare(admin.actor, Item.POWER_TWICE, met=True, note="巡检记录", evidence_on=long_ago)
    async with page_of(browser, DESKTOP, house, admin.token) as page:
        await visit(page, f"{house}/health")
        await page.keyboard.press("i")
        row = page.locator("tbody tr:visible", has_text="双路供电")
        await expect(row).to_contain_text("依据已超过一年")


async def test_who_only_looks_is_told_who_declares_it(house, browser, clinic):
    guard = await signed_in(clinic, Role.SECURITY_ADMIN)
    async with page_of(browser, DESKTOP, house, guard.token) as page:
        await visit(page, f"{house}/health")
        finding = page.locator(".line", has_text="审计日志已超过")
        await expect(finding).to_contain_text("校验完整性")
        await expect(finding.get_by_role("link")).to_have_count(0)  # not theirs to do
        await page.keyboard.press("i")
        await page.get_by_role("button", name="双路供电").click()
        await expect(page.locator(".side")).to_contain_text("由系统管理员申报")


async def test_a_masked_number_is_seen_whole_with_a_reason_that_stays(house, browser, clinic):
    """S-PI-1: masked first; a change of mind shows nothing; a look is in the trail."""
    guard = await signed_in(clinic, Role.SECURITY_ADMIN)
    await signed_in(clinic, Role.NURSE, name="wangfang")
    async with page_of(browser, DESKTOP, house, guard.token) as page:
        await visit(page, f"{house}/staff")
        row = page.locator("tbody tr", has_text="wangfang")
        await expect(row).not_to_contain_text("wangfang wangfang")
        masked = await row.locator(".masked").first.inner_text()
        eye = row.get_by_role("button", name="查看完整内容").first
        await eye.click()
        await expect(page.locator("dialog.confirm")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(row.locator(".masked").first).to_have_text(masked)
        await eye.click()
        dialog = page.locator("dialog.confirm")
        await dialog.get_by_label("理由").fill("核对排班表")
        await dialog.get_by_role("button").last.click()
        await expect(row.get_by_text("wangfang", exact=True)).to_have_count(2)
    async with clinic.database.transaction(write=False) as session:
        query = select(AuditEntry).where(AuditEntry.action == "staff:unmask")
        [entry] = await session.scalars(query)
    assert entry.actor_id == guard.actor.user_id
    assert entry.purpose == "核对排班表"


async def test_an_act_in_the_trail_is_opened_by_its_name(house, browser, clinic):
    """R016: who, what, when to the millisecond, from where, and why."""
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN, name="shenji")
    async with page_of(browser, PHONE, house, auditor.token) as page:
        await visit(page, f"{house}/audit")
        await visit(page, f"{house}/audit")
        row = page.locator("tbody tr").first
        await expect(page.get_by_text("没有符合的记录")).to_be_visible()
        await page.get_by_role("switch", name="隐藏对审计日志的查阅").click()
        await expect(row).to_contain_text("shenji")
        await expect(row).to_contain_text(re.compile(r"日 \d\d:\d\d:\d\d"))
        await expect(row).not_to_contain_text(str(auditor.actor.user_id)[-12:])
        await row.get_by_role("button", name="查看审计").click()
        panel = page.locator(".side")
        await expect(panel).to_contain_text("审计管理员")
        await expect(panel).to_contain_text(str(auditor.actor.user_id))
        await expect(panel).to_contain_text("T")


async def test_whoever_has_a_part_in_the_house_is_not_called_a_visitor(house, browser, clinic):
    """Between password and second factor people are visitors still, beside what they are."""
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN, name="shenji")
    halfway = replace(auditor.actor, grants=auditor.actor.grants | ANYBODY.grants)
    await clinic.audit.verify(halfway)
    async with page_of(browser, DESKTOP, house, auditor.token) as page:
        await visit(page, f"{house}/audit")
        row = page.locator("tbody tr").first
        await expect(row).to_contain_text("审计管理员")
        await expect(row).not_to_contain_text("访客")


async def test_the_house_can_be_put_on_a_home_screen(house, browser):
    """PWA: Chromium itself finds nothing that stands against installing it."""
    async with page_of(browser, PHONE, house.replace("127.0.0.1", "localhost")) as page:
        await visit(page, house.replace("127.0.0.1", "localhost") + "/gallery/door")
        asked = await page.context.new_cdp_session(page)
        found = await asked.send("Page.getInstallabilityErrors")
        manifest = await asked.send("Page.getAppManifest")
    wrong = [each["errorId"] for each in found["installabilityErrors"]]
    assert [each for each in wrong if each != "in-incognito"] == []
    assert manifest["errors"] == []


async def test_every_print_and_every_screenshot_says_who_looked(house, browser, clinic):
    """The watermark: on the screen and on paper, and in nobody's way."""
    nurse = await signed_in(clinic, Role.NURSE, name="wangfang")
    async with page_of(browser, DESKTOP, house, nurse.token) as page:
        await visit(page, f"{house}/tasks")
        mark = page.locator(".watermark")
        await expect(mark).to_have_attribute("data-says", re.compile("wangfang"))
        for medium in ("screen", "print"):
            await page.emulate_media(media=medium)
            assert await mark.is_visible()
            assert float(await mark.evaluate("e => getComputedStyle(e).opacity")) > 0.04
        assert await mark.evaluate("e => getComputedStyle(e).pointerEvents") == "none"
