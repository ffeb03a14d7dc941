"""What stands around a page: for staff, for patients, and before anybody has signed in."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import quote

from nicegui import context, ui
from nicegui.events import GenericEventArguments

from pages import theme
from pages.kit.buttons import Button, button, icon_button, link_button
from pages.kit.element import Html, Icon
from pages.kit.tell import shelf, told
from pages.navigation import offered
from pages.text_size import TextSize
from pages.viewer import Viewer, viewer
from pages.words import language, t
from services.tasks import Counts

SIGN_OUT = "/auth/sign-out"
ACCOUNT = "/account"
NOTICES = "/notices"
TASKS = "/tasks"
OTHER_LANGUAGE = {"zh_CN": ("en", "English"), "en": ("zh_CN", "中文")}


class HelpSheet(ui.element, component="kit/help_sheet.js"):
    """The keys of the page, listed by `?`."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, Callable[[], Any]] = {}
        self._props["keys"] = []
        names = ("title", "close", "this_sheet", "search", "single_keys", "single_keys_note")
        self._props["words"] = {name: t(f"shell.help.{name}") for name in names}
        self.on("press", self._press)

    def add(self, key: str, label: str, do: Callable[[], Any]) -> None:
        """Listen for a key; the sheet lists it with its label."""
        self._keys[key.lower()] = do
        self._props["keys"] = [*self._props["keys"], {"key": key, "label": label}]

    async def _press(self, event: GenericEventArguments) -> None:
        key = event.args[0] if isinstance(event.args, list) and event.args else event.args
        do = self._keys.get(key) if isinstance(key, str) else None
        if do is None:
            return
        with told():
            answer = do()
            if isinstance(answer, Awaitable):
                await answer


@dataclass(slots=True)
class Frame:
    """The parts of a staff page's frame that the page itself fills or changes."""

    slot: Html
    """The right side of the bar: a page's search and its one primary button."""
    help: HelpSheet
    rail: "Rail"
    counts: dict[str, tuple[Html, Button]] = field(default_factory=dict)
    followers: list[Callable[[Counts, int], Awaitable[None]]] = field(default_factory=list)

    def show_counts(self, *, tasks: int, notices: int) -> None:
        """Change the numbers on the two bells, and in the rail."""
        for name, count in (("tasks", tasks), ("notices", notices)):
            badge, link = self.counts[name]
            badge.attribute("data-n", _few(count))
            link.set_text(t(f"shell.{name}", count=count))
        self.rail.show_count(TASKS, tasks)

    def also(self, do: Callable[[Counts, int], Awaitable[None]]) -> None:
        """Have the page itself follow them too: is given the tasks and the unread messages."""
        self.followers.append(do)

    async def update(self, tasks: Counts, notices: int) -> None:
        """Show what waits now."""
        self.show_counts(tasks=tasks.open, notices=notices)
        for do in self.followers:
            await do(tasks, notices)

    def shortcut(self, key: str, label_key: str, do: Callable[[], Any]) -> None:
        """Do something at a key (a letter, a digit); refusals are told."""
        self.help.add(key, t(label_key), do)


@contextmanager
def frame(title_key: str, *, active: str = "", title: str = "") -> Iterator[Frame]:
    """Build a staff page: `with frame("nav.staff", active="/staff") as page:`.

    title_key: what the page is called. title: instead, where it is named after a thing.
    active: the path of the place in the rail it belongs to.
    """
    who = viewer()
    called = title or t(title_key)
    theme.dress("staff", f"{called} - {t('shell.product')}")
    client = context.client
    client.layout.classes("frame-staff")
    with client.layout:
        skip = _skip_link()
        rail = Rail(who, active)
        bar, made = _bar(who, called, rail)
        _watermark(who)
        glass = who.emergency.show() if who.emergency else None
    for place, part in enumerate(part for part in (skip, rail, bar, glass) if part):
        part.move(client.layout, target_index=place)
    shelf(client)
    if who.news:
        who.news.follow(made.update)
    with client.content:
        yield made


class Rail(ui.element, component="kit/rail.js"):
    """Where somebody can go: one element, since every staff page has it."""

    def __init__(self, who: Viewer, active: str) -> None:
        super().__init__()
        self._props["label"] = t("shell.navigation")
        self._props["home"] = t("nav.home")
        self._props["logo"] = theme.static("logo.svg")
        self._props["demo"] = t("shell.demo") if who.is_demo else ""
        self._props["places"] = tuple(
            {
                "href": item.path,
                "icon": item.icon,
                "text": t(item.key),
                "here": item.path == active,
            }
            for item in offered(who.can, demo=who.is_demo)
        )
        self._props["counts"] = {}
        self.show_count(TASKS, who.work.open)

    def show_count(self, path: str, count: int) -> None:
        """Say how much waits at a place: a number to see, a sentence to hear."""
        said = t("shell.waits_there", count=count) if count else ""
        self._props["counts"] = {path: {"n": _few(count), "said": said}}

    def _displayed_contents(self, *, only_visible: bool) -> list[Any]:
        shown = super()._displayed_contents(only_visible=only_visible)
        said = (each["said"] for each in self._props["counts"].values())
        return [*shown, *(each["text"] for each in self._props["places"]), *said]


class UserMenu(ui.element, component="kit/user_menu.js"):
    """Who is signed in, and their account, theme, language and way out."""

    def __init__(self, who: Viewer) -> None:
        super().__init__()
        code, name = OTHER_LANGUAGE[language()]
        self._props["words"] = {
            "title": t("shell.account_of", name=who.display_name),
            "account": t("shell.account"),
            "theme": t("shell.theme"),
            "sign_out": t("shell.sign_out"),
        }
        self._props["name"] = who.display_name
        self._props["role"] = t(f"role.{who.roles[0]}") if who.roles else ""
        self._props["account"], self._props["leave"] = ACCOUNT, SIGN_OUT
        self._props["language"] = {"code": code, "tag": code.replace("_", "-"), "name": name}

    def _displayed_contents(self, *, only_visible: bool) -> list[Any]:
        shown = super()._displayed_contents(only_visible=only_visible)
        return [*shown, self._props["name"], self._props["role"], *self._props["words"].values()]


def _bar(who: Viewer, called: str, rail: Rail) -> tuple[Html, Frame]:
    with Html("header", "bar") as bar:
        menu = icon_button("menu", t("shell.menu")).classes("bar__menu")
        menu.props("data-opens-rail aria-expanded=false")
        Html("h1", text=called)
        if who.is_demo:
            Html("span", "badge", t("shell.demo"))
        slot = Html("div", "bar__slot")
        counts = {
            "tasks": _bell("tasks", TASKS, who.work.open),
            "notices": _bell("notices", NOTICES, who.notices),
        }
        counts["tasks"][1].classes("only-narrow")  # on a desk the rail says the same beside it
        icon_button("moon", t("shell.theme")).props('data-set="theme:turn"').classes("only-wide")
        language_button().classes("only-wide")
        sheet = HelpSheet()
        help_button = icon_button("help", t("shell.help.title")).classes("only-wide")
        help_button.on("click", js_handler=f"() => getElement({sheet.id}).show()")
        with UserMenu(who):
            TextSize()
    return bar, Frame(slot, sheet, rail, counts)


def _bell(name: str, href: str, count: int) -> tuple[Html, Button]:
    label = t(f"shell.{name}", count=count)
    link = link_button("quiet", label, href, icon="tasks" if name == "tasks" else "bell")
    link.classes("btn--icon bar__bell")
    link.props["bare"] = True
    with link:
        badge = Html("span", "count", aria_hidden="true", data_n=_few(count))
    return badge, link


def _few(count: int) -> str:
    most = 99
    return "" if not count else f"{most}+" if count > most else str(count)


def language_button() -> ui.element:
    """Offer the other language, by its own name."""
    code, name = OTHER_LANGUAGE[language()]
    made = button("quiet", name).props(f'data-set="language:{code}"')
    return made.props(f"lang={code.replace('_', '-')}")


def _skip_link() -> Html:
    slot = context.client.content.parent_slot
    main = slot.parent if slot else context.client.content
    main.props("tabindex=-1")
    return Html("a", "skip", t("shell.skip"), href=f"#{main.html_id}")


def _watermark(who: Viewer) -> None:
    """Who looked, on every screenshot and every print: name, number and time of opening."""
    now = t("shell.watermark", name=who.display_name, number=who.number, time=who.opened)
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="340" height="210"><text x="20" y="150" '
        'font-size="15" font-family="sans-serif" transform="rotate(-22 20 150)">'
        f"{escape(now)}</text></svg>"
    )
    mark = Html("div", "watermark", aria_hidden="true", data_says=now)
    # Percent-encoded: whatever a name contains, nothing of it can end the address.
    mark.style["background-image"] = f"url('data:image/svg+xml,{quote(drawing, safe='')}')"


@contextmanager
def public_frame(title_key: str, *, institution: str = "", demo: bool = False) -> Iterator[Html]:
    """Build a page for somebody who has not signed in: the branch beside, the form in a column.

    Yields the row of small tools above the heading, for a page that has one more to offer.
    """
    called = t(title_key)
    theme.dress("patient", f"{called} - {t('shell.product')}")
    client = context.client
    client.layout.classes("frame-public")
    with client.layout:
        skip = _skip_link()
        with Html("aside", "welcome", aria_label=t("shell.product")) as welcome:
            with Html("svg", "welcome__art", viewBox="0 0 640 480", aria_hidden="true"):
                Html("use", href=f"{theme.static('art.svg')}#branch")
            with Html("div", "brand"):
                Html("img", src=theme.static("logo.svg"), alt="")
                with Html("span"):
                    Html("span", text=institution or t("shell.product"))
                    if institution:
                        Html("small", text=t("shell.product"))
            with Html("p", "welcome__words"):
                for part in ("hear", "see", "wait"):
                    Html("span", text=t(f"shell.promise.{part}")).style("display: block")
    skip.move(client.layout, target_index=0)
    welcome.move(client.layout, target_index=1)
    shelf(client)
    with client.content:
        with Html("div", "tools") as tools:
            if demo:
                Html("span", "badge", t("shell.demo"))
            icon_button("moon", t("shell.theme")).props('data-set="theme:turn"')
            language_button()
            TextSize("shell.elder_size")
        Html("h1", text=called)
        yield tools


@contextmanager
def patient_frame(title_key: str, *, back: str = "", phone: str = "") -> Iterator[None]:
    """Build a page for a patient: one column, the way back, and a person to call in the corner."""
    called = t(title_key)
    theme.dress("patient", f"{called} - {t('shell.product')}")
    client = context.client
    client.layout.classes("frame-patient")
    with client.layout:
        skip = _skip_link()
        with Html("header", "top") as top:
            if back:
                link = link_button("quiet", t("shell.back"), back, icon="back").classes("btn--icon")
                link.props["bare"] = True
            Html("h1", text=called)
            TextSize("shell.elder_on", short=True)
            if phone:
                call = Html("a", "btn btn--quiet btn--icon", href=f"tel:{quote(phone)}")
                with call.attribute("aria-label", t("shell.call_us", phone=phone)):
                    Icon("phone")
    skip.move(client.layout, target_index=0)
    top.move(client.layout, target_index=1)
    shelf(client)
    with client.content:
        yield


@contextmanager
def action_bar(note: str = "", amount: str = "") -> Iterator[None]:
    """Hold the one action of a patient's page, always at the same place at thumb height."""
    with context.client.layout, Html("footer", "actionbar"):
        if note or amount:
            with Html("div", "actionbar__note"):
                Html("span", text=note)
                Html("span", text=amount)
        with Html("div", "actionbar__row"):
            yield
