"""The price list, for who keeps it: what holds, what comes, the entry that follows. (收费标准)"""

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from pages import kit
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.typed import typed_date, typed_fen
from pages.words import day, language, money, t
from services.billing.tariff import KNOWN_ITEMS, NewPrice, Version, house_names
from services.clinic import Clinic
from services.policy import Action

TARIFF = "/tariff"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/tariff`."""

    @routes.page(TARIFF, action=Action.TARIFF_CHANGE, title="nav.tariff")
    async def tariff_page() -> None:
        page = TariffPage(clinic)
        with frame("nav.tariff", active=TARIFF) as surroundings:
            with surroundings.slot:
                kit.button("primary", t("tariff.add"), page.new_item, icon="plus")
            page.build()
        surroundings.shortcut("n", "tariff.add", page.new_item)
        await page.load()


class TariffPage:
    """The items with their prices, and the panel of one."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._zone = ZoneInfo(clinic.settings.timezone)
        self._versions: dict[str, list[Version]] = {}

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        kit.paragraph(t("tariff.why"), "muted")
        columns = [
            kit.Column("item", t("tariff.column.item"), phone="title"),
            kit.Column("price", t("tariff.column.price"), end=True),
            kit.Column("since", t("tariff.column.since")),
            kit.Column("next", t("tariff.column.next")),
        ]
        words = kit.TableWords(
            t("nav.tariff"),
            total="tariff.total",
            empty_title=t("prices.empty"),
            empty_text=t("prices.empty_text"),
        )
        with kit.card(flush=True):
            self._table: kit.DataTable[str] = kit.DataTable(
                columns, self._read, self._row, words, kit.Answers(open=self._open)
            )
        self._panel = kit.side_panel()

    async def load(self) -> None:
        """Bring the list up to date."""
        await self._table.load()

    async def _read(self, query: kit.Query) -> kit.Page[str]:
        self._versions = {item: [] for item in KNOWN_ITEMS}
        for each in await self._clinic.tariffs.versions(current_actor()):
            self._versions.setdefault(each.item, []).append(each)
        items = list(self._versions)
        return kit.Page(items[query.offset : query.offset + query.size], len(items))

    def _row(self, item: str) -> kit.Row:
        versions = self._versions[item]
        now = next((each for each in versions if each.holds), None)
        coming = self._coming(versions)
        name = self._name(item)
        return kit.Row(
            item,
            {
                "item": kit.Cell(name, note=item),
                "price": money(now.fen) if now else kit.state_cell(t("tariff.unpriced"), "warn"),
                "since": day(now.effective_from) if now else "",
                "next": _said(coming[-1]) if coming else "",
            },
            name=name,
            opens=True,
        )

    def _coming(self, versions: list[Version]) -> list[Version]:
        now = self._clinic.clock.now()
        return [each for each in versions if each.effective_from > now]

    def _name(self, item: str) -> str:
        versions = self._versions.get(item)
        names = versions[0].names if versions else house_names(item)
        return names.get(language()) or item

    def new_item(self) -> None:
        """Ask for an item that is not on the list yet."""
        self._show("")

    def _open(self, key: str) -> None:
        self._table.select_row(key)
        self._show(key)

    def _show(self, item: str) -> None:
        with self._panel.fill(self._name(item) if item else t("tariff.add")):
            self._fill(item)

    def _fill(self, item: str) -> None:
        versions = self._versions.get(item, [])
        latest = versions[0] if versions else None
        names = latest.names if latest else house_names(item)
        today = self._clinic.clock.now().astimezone(self._zone).date()
        fields = {} if item else {"item": _asked("item", "", hint=t("tariff.item_hint"))}
        fields |= {
            "zh_CN": _asked("zh_CN", names.get("zh_CN", "")),
            "en": _asked("en", names.get("en", "")),
            "price": _asked("price", "", mode="decimal", unit=t("tariff.yuan")),
            "day": _asked("day", today.isoformat(), content="date"),
        }

        async def save() -> None:
            if kit.left_out(*fields.values()):
                return
            with kit.told(fields):
                typed = {name: each.text for name, each in fields.items()}
                await self._keep(item or typed["item"], typed, today)

        kit.button("primary", t("tariff.save"), save)
        if versions:
            kit.heading(t("tariff.history"), 3)
            kit.timeline([self._entry(each) for each in versions])

    def _entry(self, each: Version) -> tuple[kit.Tone, str, str]:
        coming = each.effective_from > self._clinic.clock.now()
        tone: kit.Tone = "go" if each.holds else "" if coming else "ok"
        return tone, _said(each), t("tariff.version", number=each.version)

    async def _keep(self, item: str, typed: dict[str, str], today: date) -> None:
        begins = typed_date(typed["day"], "day")
        moment = datetime.combine(begins, time.min, self._zone).astimezone(UTC)
        new = NewPrice(
            item,
            typed_fen(typed["price"], "price"),
            effective_from=None if begins == today else moment,
            names={"zh_CN": typed["zh_CN"], "en": typed["en"]},
        )
        await self._clinic.tariffs.set_price(current_actor(), new)
        self._panel.close()
        kit.toast(t("tariff.saved"))
        await self.load()


def _asked(name: str, value: str, **options: Any) -> kit.Field:
    return kit.field(t(f"tariff.field.{name}"), value=value, required=True, **options)


def _said(version: Version) -> str:
    price, begins = money(version.fen), day(version.effective_from)
    return t("prices.from", day=begins, price=price)
