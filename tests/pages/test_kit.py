"""The components pages are made of, as a person meets them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from nicegui import ui

from data.errors import Conflict, Forbidden, Invalid
from pages import kit, words
from pages.kit.panels import Confirm
from tests.pages.showing import shown

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)


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
    """WCAG 4.1.2: a screen reader reads it."""
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
