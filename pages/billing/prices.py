"""What everything costs, for anybody to see before they sign in. (收费公示, R-PRICE)"""

from pages import kit
from pages.kit.element import Html
from pages.nameplate import Nameplate
from pages.routes import Routes
from pages.shell import patient_frame
from pages.words import day, language, money, t
from services.billing.tariff import Version
from services.clinic import Clinic
from services.policy import ANYBODY

PRICES = "/prices"
WHY_PUBLIC = "prices are shown before anybody pays, and so before anybody signs in"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/prices`."""
    plate = Nameplate(clinic)

    @routes.page(PRICES, public=WHY_PUBLIC, title="prices.title")
    async def prices_page() -> None:
        versions = await clinic.tariffs.versions(ANYBODY)
        now = clinic.clock.now()
        with patient_frame("prices.title", back="/", phone=await plate.phone()):
            if name := await plate.name():
                kit.paragraph(t("prices.of", name=name), "muted")
            holding = [each for each in versions if each.holds]
            if not holding:
                kit.empty(t("prices.empty"), t("prices.empty_text"))
            for each in holding:
                coming = [
                    other
                    for other in versions
                    if other.item == each.item and other.effective_from > now
                ]
                _card(each, coming)
            kit.paragraph(t("prices.note"), "muted small")


def _card(now: Version, coming: list[Version]) -> None:
    """Show one item: its price, since when, and what follows."""
    with kit.card(now.name(language())):
        Html("p", "price", money(now.fen) if now.fen else t("prices.free"))
        kit.paragraph(t("prices.since", day=day(now.effective_from)), "muted small")
        for each in reversed(coming):
            words = t("prices.from", day=day(each.effective_from), price=money(each.fen))
            kit.paragraph(words, "small")
