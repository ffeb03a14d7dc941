"""Shows a temporary password, once: to who hands it over."""

from pages import kit
from pages.kit.element import Html
from pages.session import current_actor
from pages.slips import slip
from pages.words import t
from services.clinic import Clinic


def show_temporary(clinic: Clinic, said: str, username: str, password: str) -> None:
    """Say what was done, for whom, and the password that opens the way in for a day."""
    house = current_actor().institution_id
    hours = clinic.policy.number("policy.auth.temporary_hours", house)
    kit.banner("ok", said, t("staff.temporary_text", hours=hours))
    with slip(t("staff.temporary"), username):
        kit.facts([(t("staff.username"), username)])
        Html("code", "secret", password)
