"""What follows from what in this house, and each person's own checklist. (R092, R097)"""

from pages import kit
from pages.kit.element import Html
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.words import language, t
from services.clinic import Clinic
from services.policy import Action
from services.procedures import Procedure


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/procedures`."""

    @routes.page("/procedures", action=Action.PROCEDURE_READ, title="nav.procedures")
    async def procedures_page() -> None:
        mine = await clinic.procedures.checklist(current_actor())
        every = await clinic.procedures.page(current_actor())
        with frame("nav.procedures", active="/procedures"):
            kit.paragraph(t("procedures.version", version=clinic.procedures.version), "muted small")
            with kit.halves():
                with kit.card(t("procedures.mine"), flush=True), Html("div", "rows"):
                    if not mine:
                        kit.empty(t("procedures.nothing"), t("procedures.nothing_text"))
                    for procedure in mine:
                        _checklist(procedure)
                with kit.card(t("procedures.all"), flush=True), Html("div", "rows"):
                    for procedure in every:
                        _steps(procedure)


def _checklist(procedure: Procedure) -> None:
    with Html("div", "line"), Html("div", "line__main"):
        Html("span", "line__title", procedure.said(language()))
        for duty in procedure.duties:
            Html("span", "line__note", t(duty.key))


def _steps(procedure: Procedure) -> None:
    if not procedure.steps:
        return
    with Html("div", "line"), Html("div", "line__main"):
        Html("span", "line__title", procedure.said(language()))
        for step in procedure.steps:
            Html("span", "line__note", step.said(language()))
