"""What somebody's papers must be before they may treat: pure. (R-STF-1, R-STF-4, domain 5.9)"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from data.clinicians import CredentialState, PaperKind, Profession
from data.errors import Conflict, DomainError, Invalid
from services.permissions import Action
from services.policy import Actor, Role

LICENCES = {
    Profession.DOCTOR: re.compile(r"[12]\d{14}"),
    Profession.NURSE: re.compile(r"\d{12}"),
    Profession.PHARMACIST: re.compile(r"[A-Z0-9]{6,20}"),
}
"""Domain 2.6."""
NEEDED = {
    Profession.DOCTOR: (
        *(PaperKind.LICENCE, PaperKind.QUALIFICATION),
        *(PaperKind.HOSPITAL_CONSENT, PaperKind.EXPERIENCE),
    ),
    Profession.NURSE: (PaperKind.LICENCE,),
    Profession.PHARMACIST: (PaperKind.LICENCE, PaperKind.TITLE, PaperKind.EXPERIENCE),
}
PROFESSIONS = {
    Role.DOCTOR: Profession.DOCTOR,
    Role.VISITING_DOCTOR: Profession.DOCTOR,
    Role.NURSE: Profession.NURSE,
    Role.PHARMACIST: Profession.PHARMACIST,
}
"""What somebody in a role may have papers as."""
EXPERIENCED = {Profession.DOCTOR, Profession.PHARMACIST}
"""Those who need years of practice of their own."""


def professions_of(actor: Actor) -> list[Profession]:
    """Return what somebody may have papers as, by the roles they hold."""
    return sorted({PROFESSIONS[role] for role in actor.roles if role in PROFESSIONS})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the review: from where to where, by whom."""

    came_from: CredentialState
    goes_to: CredentialState
    action: Action


STEPS = (
    Step(CredentialState.DRAFT, CredentialState.SUBMITTED, Action.CREDENTIAL_KEEP),
    Step(CredentialState.SUBMITTED, CredentialState.HR_VERIFIED, Action.CREDENTIAL_VERIFY),
    Step(
        CredentialState.HR_VERIFIED,
        CredentialState.MEDICAL_AFFAIRS_APPROVED,
        Action.CREDENTIAL_APPROVE,
    ),
    Step(
        CredentialState.MEDICAL_AFFAIRS_APPROVED,
        CredentialState.CA_ISSUED,
        Action.CREDENTIAL_CERTIFY,
    ),
    Step(CredentialState.CA_ISSUED, CredentialState.REGULATOR_FILED, Action.CREDENTIAL_FILE),
    Step(CredentialState.REGULATOR_FILED, CredentialState.ACTIVE, Action.CREDENTIAL_ACTIVATE),
)
"""The only way to ACTIVE, each step by another person."""
RETURNABLE = (CredentialState.SUBMITTED, CredentialState.HR_VERIFIED)


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that is missing or wrong; `code` is that of the refusal it leads to."""

    code: str
    what: str = ""
    """Which kind of paper, if it is one."""
    count: int = 0
    """How many years, if it is those."""

    def refusal(self) -> DomainError:
        """Return the refusal."""
        if self.code == "licence_malformed":
            return Invalid(self.code)
        said = {"what": self.what, "count": self.count}
        return Conflict(self.code, **{name: value for name, value in said.items() if value})


@dataclass(frozen=True, slots=True)
class Papers:
    """What is to be judged."""

    profession: Profession
    licence: str
    licence_valid_to: date | None
    practising_since: date | None
    main_institution: str
    kinds: Collection[PaperKind]
    departments: int
    """How many departments they belong to that the institution is licensed for."""


def require_complete(lacks: Iterable[Lack]) -> None:
    """Go on only if nothing is missing; raise what is asked for first.

    That is `Invalid("licence_malformed")`, `Conflict`: `licence_over`, `experience_too_short`,
    `paper_missing` (`what`: its kind), `credential_without_department`.
    """
    for lack in lacks:
        raise lack.refusal()


def missing(papers: Papers, here: str, years: int, today: date) -> tuple[Lack, ...]:
    """Return all that is missing, in the order in which it is asked for. (R-STF-1, R-STF-4)

    `here`: the institution's own name.
    """
    lacks = []
    if not LICENCES[papers.profession].fullmatch(papers.licence):
        lacks.append(Lack("licence_malformed"))
    if papers.licence_valid_to is None or papers.licence_valid_to < today:
        lacks.append(Lack("licence_over"))
    if papers.profession in EXPERIENCED and not _experienced(papers, years, today):
        lacks.append(Lack("experience_too_short", count=years))
    lacks += [
        Lack("paper_missing", what=str(kind))
        for kind in needed(papers.profession, papers.main_institution, here)
        if kind not in papers.kinds
    ]
    if papers.profession is Profession.DOCTOR and not papers.departments:
        lacks.append(Lack("credential_without_department"))
    return tuple(lacks)


def needed(profession: Profession, main_institution: str, here: str) -> tuple[PaperKind, ...]:
    """Return the kinds of paper that somebody must show who is registered there."""
    if profession is Profession.DOCTOR and main_institution != here:
        return (*NEEDED[profession], PaperKind.MULTI_SITE_FILING)
    return NEEDED[profession]


def _experienced(papers: Papers, years: int, today: date) -> bool:
    """R-STF-1: three years of independent practice, to the day."""
    since = papers.practising_since
    if since is None:
        return False
    return (since.year + years, since.month, since.day) <= (today.year, today.month, today.day)
