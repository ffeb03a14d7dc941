"""Examples of the use cases about departments and credentials; see uses.py."""

from uuid import UUID

from data.clinicians import CredentialState
from services.policy import Action
from services.users.clinicians import PaperKind
from tests.architecture import world_of_staff
from tests.architecture.examples import Shows, Use
from tests.architecture.whose import Case
from tests.kept_files import a_file

WHY = "for the matrix"


async def _add_paper(case: Case, clinician_id: UUID) -> None:
    paper = await a_file(case.clinic, case.actor)
    await case.clinic.clinician_files.add_paper(case.actor, clinician_id, PaperKind.TITLE, paper)


async def _verify(case: Case, clinician_id: UUID) -> None:
    extract = await a_file(case.clinic, case.actor)
    await case.clinic.credential_review.verify(case.actor, clinician_id, extract, WHY)


USES: dict[str, Use] = {
    "clinician_files.add_paper": Use(
        Action.CREDENTIAL_KEEP,
        world_of_staff.credential(CredentialState.DRAFT),
        _add_paper,
    ),
    "clinician_files.one": Use(
        Action.CREDENTIAL_READ,
        world_of_staff.credential(CredentialState.ACTIVE),
        lambda case, id_: case.clinic.clinician_files.one(case.actor, id_),
        Shows.ANSWER,
    ),
    "clinician_files.remove_paper": Use(
        Action.CREDENTIAL_KEEP,
        world_of_staff.paper,
        lambda case, id_: case.clinic.clinician_files.remove_paper(case.actor, id_),
    ),
    "credential_desk.look": Use(
        Action.CREDENTIAL_READ,
        world_of_staff.credential(CredentialState.ACTIVE),
        lambda case, id_: case.clinic.credential_desk.look(case.actor, id_),
        Shows.ANSWER,
    ),
    "credential_desk.paper": Use(
        Action.CREDENTIAL_READ,
        world_of_staff.paper,
        lambda case, id_: case.clinic.credential_desk.paper(case.actor, id_),
    ),
    "credential_review.activate": Use(
        Action.CREDENTIAL_ACTIVATE,
        world_of_staff.credential(CredentialState.REGULATOR_FILED),
        lambda case, id_: case.clinic.credential_review.activate(case.actor, id_),
    ),
    "credential_review.approve": Use(
        Action.CREDENTIAL_APPROVE,
        world_of_staff.credential(CredentialState.HR_VERIFIED),
        lambda case, id_: case.clinic.credential_review.approve(case.actor, id_),
    ),
    "credential_review.certify": Use(
        Action.CREDENTIAL_CERTIFY,
        world_of_staff.credential(CredentialState.MEDICAL_AFFAIRS_APPROVED),
        lambda case, id_: case.clinic.credential_review.certify(
            case.actor, id_, "CA-1", world_of_staff.ENDS
        ),
    ),
    "credential_review.file": Use(
        Action.CREDENTIAL_FILE,
        world_of_staff.credential(CredentialState.CA_ISSUED),
        lambda case, id_: case.clinic.credential_review.file(case.actor, id_, "N-1"),
    ),
    "credential_review.give_back": Use(
        Action.CREDENTIAL_RETURN,
        world_of_staff.credential(CredentialState.SUBMITTED),
        lambda case, id_: case.clinic.credential_review.give_back(case.actor, id_, WHY),
    ),
    "credential_review.resume": Use(
        Action.CREDENTIAL_RESUME,
        world_of_staff.credential(CredentialState.SUSPENDED),
        lambda case, id_: case.clinic.credential_review.resume(case.actor, id_, WHY),
    ),
    "credential_review.revise": Use(
        Action.CREDENTIAL_KEEP,
        world_of_staff.credential(CredentialState.ACTIVE),
        lambda case, id_: case.clinic.credential_review.revise(case.actor, id_),
    ),
    "credential_review.revoke": Use(
        Action.CREDENTIAL_SUSPEND,
        world_of_staff.credential(CredentialState.ACTIVE),
        lambda case, id_: case.clinic.credential_review.revoke(case.actor, id_, WHY),
    ),
    "credential_review.submit": Use(
        Action.CREDENTIAL_KEEP,
        world_of_staff.credential(CredentialState.DRAFT),
        lambda case, id_: case.clinic.credential_review.submit(case.actor, id_),
    ),
    "credential_review.suspend": Use(
        Action.CREDENTIAL_SUSPEND,
        world_of_staff.credential(CredentialState.ACTIVE),
        lambda case, id_: case.clinic.credential_review.suspend(case.actor, id_, WHY),
    ),
    "credential_review.verify": Use(
        Action.CREDENTIAL_VERIFY,
        world_of_staff.credential(CredentialState.SUBMITTED),
        _verify,
    ),
    "departments.change": Use(
        Action.DEPARTMENT_CHANGE,
        world_of_staff.department,
        lambda case, id_: case.clinic.departments.change(
            case.actor, id_, "内科", 1, is_online=True
        ),
    ),
    "departments.close": Use(
        Action.DEPARTMENT_CHANGE,
        world_of_staff.department,
        lambda case, id_: case.clinic.departments.close(case.actor, id_, 1),
    ),
}
