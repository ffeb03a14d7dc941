"""The rules an institution sets for itself: what they are, who changed them, and back again."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

from pages import kit
from pages.house.rule_fields import GROUPS, asked_value, group_of, rule_field, spelled
from pages.kit.fields import Choices
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.viewer import viewer
from pages.words import local, t
from services.clinic import Clinic
from services.events import SettingChanged
from services.policy import Action
from services.policy_catalogue import CATALOGUE, Kind
from services.policy_settings import SHORTEST_REASON, Change, Setting

VIEWS = ("rules", "history")
WHOSE = ("all", "mine")


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/settings`."""

    @routes.page("/settings", action=Action.SETTING_READ, title="nav.settings")
    async def settings_page() -> None:
        page = SettingsPage(clinic)
        with frame("nav.settings", active="/settings") as surroundings:
            page.build()
        surroundings.shortcut("h", "settings.history", lambda: page.show("history"))
        surroundings.shortcut("l", "settings.rules", lambda: page.show("rules"))
        await page.load()
        on_event(clinic.bus, SettingChanged, do=page.load)


class SettingsPage:
    """The list of rules, the history, and the panel of one rule."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._settings: dict[str, Setting] = {}
        self._whose: Choices | None = None

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        with kit.side_by_side():
            self._view = kit.segments(
                t("settings.view"),
                [kit.Choice(name, t(f"settings.{name}")) for name in VIEWS],
                value="rules",
                on_change=self._turn,
            )
        with kit.card(flush=True) as self._rules_card:
            self._rules: kit.DataTable[Setting] = kit.DataTable(
                [
                    kit.Column("rule", t("settings.column.rule"), phone="title"),
                    kit.Column("value", t("settings.column.value")),
                    kit.Column("delivered", t("settings.column.delivered"), phone="hide"),
                    kit.Column("office", t("settings.column.office")),
                ],
                self._read_rules,
                self._rule_row,
                kit.TableWords(
                    t("settings.rules"),
                    total="settings.total",
                    search=t("settings.search"),
                    empty_title=t("settings.empty"),
                    empty_text=t("settings.empty_text"),
                ),
                kit.Answers(open=self._open),
            )
            if any(viewer().can(rule.action) for rule in CATALOGUE.values()):
                self._offer_filter()
        with kit.card(flush=True) as self._history_card:
            self._history: kit.DataTable[Change] = kit.DataTable(
                [
                    kit.Column("rule", t("settings.column.rule"), phone="title"),
                    kit.Column("change", t("settings.column.change")),
                    kit.Column("reason", t("settings.column.reason")),
                    kit.Column("by", t("settings.column.by")),
                    kit.Column("at", t("settings.column.at")),
                ],
                self._read_history,
                self._change_row,
                kit.TableWords(
                    t("settings.history"),
                    total="settings.changes_total",
                    empty_title=t("settings.no_changes"),
                    empty_text=t("settings.no_changes_text"),
                ),
                kit.Answers(act=self._undo),
            )
        self._history_card.set_visibility(False)
        self._panel = kit.side_panel()

    def _offer_filter(self) -> None:
        async def narrow() -> None:
            self._rules.query = replace(self._rules.query, page=1)
            await self._rules.load()

        with self._rules:
            choices = [kit.Choice(name, t(f"settings.whose.{name}")) for name in WHOSE]
            self._whose = kit.chips(
                t("settings.column.office"), choices, value=WHOSE[0], on_change=narrow
            )

    async def load(self) -> None:
        """Bring both lists up to date."""
        await self._rules.load()
        await self._history.load()

    def show(self, view: str) -> None:
        """Turn to the rules or to their history."""
        self._view.value = view

    def _turn(self) -> None:
        history = self._view.value == "history"
        self._history_card.set_visibility(history)
        self._rules_card.set_visibility(not history)

    async def _read_rules(self, query: kit.Query) -> kit.Page[Setting]:
        every = await self._clinic.policy.page(current_actor())
        self._settings = {each.item.key: each for each in every}
        wanted, mine = query.search.lower(), self._whose is not None and self._whose.value == "mine"
        found = [
            each
            for each in every
            if wanted in f"{t(each.item.title)} {each.item.key}".lower()
            and (each.may_change or not mine)
        ]
        # What this person may change stands first, under headings that stay whole.
        theirs = {group_of(each.item) for each in every if each.may_change}
        found.sort(key=lambda each: _place(each, theirs))
        return kit.Page(found[query.offset : query.offset + query.size], len(found))

    def _rule_row(self, setting: Setting) -> kit.Row:
        rule = setting.item
        own = "" if setting.is_default else t("settings.own")
        office = t(f"settings.office.{rule.action.name.lower()}")
        return kit.Row(
            rule.key,
            {
                "rule": t(rule.title),
                "value": kit.Cell(spelled(rule, setting.value), note=own),
                "delivered": spelled(rule, setting.default),
                "office": kit.state_cell(t("settings.you"), "ok") if setting.may_change else office,
            },
            name=t(rule.title),
            opens=True,
            group=t(f"settings.group.{group_of(rule)}"),
        )

    def _open(self, key: str) -> None:
        setting = self._settings[key]
        self._rules.select_row(key)
        with self._panel.fill(t(setting.item.title)):
            self._fill(setting)

    def _fill(self, setting: Setting) -> None:
        rule = setting.item
        kit.facts(
            [
                (t("settings.column.value"), spelled(rule, setting.value)),
                (t("settings.column.delivered"), spelled(rule, setting.default)),
                (t("settings.key"), rule.key),
            ]
        )
        if not setting.may_change:
            office = t(f"settings.office.{rule.action.name.lower()}")
            kit.banner("info", t("settings.not_yours", office=office))
            return
        value = rule_field(rule, setting.value)
        reason = kit.text_area(t("settings.reason"), hint=t("settings.reason_hint"), required=True)

        def complain(words: str, code: str) -> None:
            (reason if code == "reason_needed" else value).error = words

        async def change() -> None:
            value.error = reason.error = None
            with kit.told(into=complain):
                wanted: Any = asked_value(rule, value.text)
                number = await self._clinic.policy.change(
                    current_actor(), rule.key, wanted, reason.text
                )
                self._panel.close()
                kit.toast(
                    t("settings.changed"),
                    undo=lambda: self._take_back(number, t("settings.at_once")),
                )
                await self.load()

        kit.button("primary", t("settings.change"), change)

    async def _take_back(self, change_id: UUID, reason: str) -> None:
        with kit.told():
            await self._clinic.policy.undo(current_actor(), change_id, reason)
            kit.toast(t("settings.undone"))
            await self.load()

    async def _read_history(self, query: kit.Query) -> kit.Page[Change]:
        items, total = await self._clinic.policy.history(
            current_actor(), offset=query.offset, limit=query.size
        )
        return kit.Page(items, total)

    def _change_row(self, change: Change) -> kit.Row:
        setting = self._settings.get(change.key)
        latest = setting is not None and setting.may_change and setting.value == change.after
        changed = (change.before, change.after)
        named = t(f"setting.{change.key.removeprefix('policy.')}")
        return kit.Row(
            str(change.id),
            {
                "rule": named,
                "change": " → ".join(_brief(setting, each) for each in changed),
                "reason": kit.Cell(
                    change.reason, note=t("settings.is_undo") if change.undoes else ""
                ),
                "by": change.by or t("settings.by_house"),
                "at": local(change.at),
            },
            name=named,
            acts=(kit.Act("undo", t("settings.undo")),) if latest else (),
        )

    async def _undo(self, key: str, name: str) -> None:
        if name != "undo":
            return
        answer = await kit.confirm(
            t("settings.undo_title"),
            t("settings.undo_text"),
            t("settings.undo"),
            reason=t("settings.reason"),
            least=SHORTEST_REASON,
        )
        if answer:
            await self._take_back(UUID(key), answer.reason)


def _place(setting: Setting, theirs: set[str]) -> tuple[bool, int, bool, str]:
    """Return where a rule stands in the list of somebody who may change rules of `theirs`."""
    group = group_of(setting.item)
    place = tuple(GROUPS).index(group)
    return group not in theirs, place, not setting.may_change, setting.item.key


def _brief(setting: Setting | None, value: Any) -> str:
    """Return a value in words, or a long one by its beginning."""
    if setting is not None and setting.item.kind not in {Kind.TABLE, Kind.LADDER}:
        return spelled(setting.item, value)
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= 40 else f"{said[:38]}…"  # noqa: PLR2004
