"""What a file of credentials looks like, to its owner and to who reviews it. (资质档案)"""

from collections.abc import Callable
from uuid import UUID

from pages import kit
from pages.kit.element import Html
from pages.words import day, listed, local, t
from services.policy import HOUSE
from services.users.clinicians import CredentialState, File, Paper, PaperKind, Taken
from services.users.credential_desk import Look
from services.users.credential_review import EXPIRED

PAPER = "/credentials/papers/{paper_id}"
TONES: dict[CredentialState, kit.Tone] = {
    CredentialState.ACTIVE: "ok",
    CredentialState.SUSPENDED: "bad",
    CredentialState.REVOKED: "bad",
    CredentialState.DRAFT: "",
}
"""All others are on their way."""


def tone_of(state: CredentialState) -> kit.Tone:
    """Return how a state is coloured."""
    return TONES.get(state, "info")


def facts_of(file: File, departments: dict[UUID, str]) -> None:
    """Show what the clinician has told; what is empty is left out."""
    named = sorted(departments[each] for each in file.department_ids if each in departments)
    pairs = [
        ("profession", t(f"profession.{file.profession}")),
        ("name", file.name),
        ("title", file.title),
        ("licence", file.licence),
        ("licence_valid_to", day(file.licence_valid_to) if file.licence_valid_to else ""),
        ("qualification", file.qualification),
        ("category", file.category),
        ("scope", file.scope),
        ("practising_since", day(file.practising_since) if file.practising_since else ""),
        ("main_institution", file.main_institution),
        ("departments", listed(named)),
        ("certificate_serial", file.certificate_serial),
        (
            "certificate_valid_to",
            day(file.certificate_valid_to) if file.certificate_valid_to else "",
        ),
        ("filing_number", file.filing_number),
        ("introduction", file.introduction),
    ]
    kit.facts([(t(f"credential.{name}"), said) for name, said in pairs if said])


def checklist(look: Look) -> None:
    """Say all that is missing, at once. (R-STF-1, R-ORG-2)"""
    for lack in look.missing:
        what = t(f"paper.{lack.what}") if lack.what else ""
        words = t(f"credential.lack.{lack.code}", what=what, count=lack.count)
        kit.line(words, icon="p0", tone="warn")


def papers_of(look: Look, more: Callable[[Paper], None] | None = None) -> None:
    """List the papers: each is shown where it stands, or kept by the browser if it is no picture.

    `more` adds what can be done about one.
    """
    for paper in look.file.papers:
        is_picture = look.media_types.get(paper.file_id, "").startswith("image/")
        with Html("div"):
            _paper(paper, more, is_picture=is_picture)


def _paper(paper: Paper, more: Callable[[Paper], None] | None, *, is_picture: bool) -> None:
    name, href = t(f"paper.{paper.kind}"), PAPER.replace("{paper_id}", str(paper.id))
    with Html("div", "done-step"):
        note = t("credential.paper_added", day=day(paper.added_at))
        if paper.verified_at:
            note = t("credential.paper_verified", day=day(paper.verified_at))
        kit.line(name, note, icon="ok" if paper.verified_at else "photo")
        if is_picture:
            label = t("credential.paper_show", what=name)
            kit.icon_button("eye", label, lambda: _show(place, href, name))
        else:
            kit.link_button("quiet", t("credential.paper_get", what=name), href)
        if more is not None:
            more(paper)
    place = Html("div", "paper-view")
    place.set_visibility(False)


def _show(place: Html, href: str, name: str) -> None:
    """Bring the picture, or put it away: it is asked for, and noted, when somebody looks."""
    shown = place.visible
    place.clear()
    if not shown:
        with place:
            Html("img", src=href, alt=name)
    place.set_visibility(not shown)


def history_of(look: Look) -> None:
    """Show who took which step when, the last one first."""
    steps = look.file.steps
    if not steps:
        return
    kit.heading(t("credential.history"), 3)
    kit.timeline([_step(step, look.names) for step in reversed(steps)])


def _step(step: Taken, names: dict[UUID, str]) -> tuple[kit.Tone, str, str]:
    who = t("credential.by_system") if step.taken_by == HOUSE.user_id else ""
    who = who or names.get(step.taken_by, "")
    said = [part for part in (local(step.taken_at), who, why(step.note)) if part]
    bad = step.went_to in (CredentialState.SUSPENDED, CredentialState.REVOKED)
    back = step.went_to is CredentialState.DRAFT
    tone: kit.Tone = "bad" if bad else "warn" if back else "ok"
    return tone, t(f"credential.step.{step.went_to}"), " · ".join(said)


def why(reason: str) -> str:
    """Return a reason in the reader's language, if it is the system's own."""
    return t("credential.expired") if reason == EXPIRED else reason


def given_back(file: File) -> str:
    """Return why a draft came back, if it did."""
    last = file.steps[-1] if file.steps else None
    if file.state is not CredentialState.DRAFT or last is None:
        return ""
    return last.note


def kinds_beside(look: Look) -> tuple[PaperKind, ...]:
    """Return the kinds of paper that may be added beside those that must be."""
    also = (PaperKind.TITLE, PaperKind.PHOTO)
    return tuple(kind for kind in also if kind not in look.needed)
