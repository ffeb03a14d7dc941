"""Who may not treat any more is shown out: their open sessions end, others' go on. (R-STF-5)"""

from datetime import date

import pytest

from data.clinicians import Clinician, CredentialState, Profession
from data.clock import new_id
from services.policy import Role


@pytest.fixture
async def treating(hospital):
    """A doctor's account, the session they work in, and their file, which is ACTIVE."""
    doctor = await hospital.hire("lihua", Role.DOCTOR)
    step, clinician_id = await hospital.arrive(doctor), new_id()
    async with hospital.clinic.database.transaction(write=True) as session:
        session.add(
            Clinician(
                id=clinician_id,
                institution_id=hospital.id,
                owner_id=doctor.id,
                profession=Profession.DOCTOR,
                name="李华",
                licence_valid_to=date(2020, 1, 1),
                state=CredentialState.ACTIVE,
                created_at=hospital.clinic.clock.now(),
            )
        )
    return step.token, clinician_id


@pytest.mark.parametrize("by", ["suspend", "revoke", "watch"])
async def test_a_session_ends_with_the_right_to_treat(hospital, treating, by):
    """R-STF-5: within 60 s; here with the commit, by a person or by the daily look."""
    token, clinician_id = treating
    other = await hospital.arrive(await hospital.hire("hushi", Role.NURSE))
    assert await hospital.clinic.sessions.actor_of(token) is not None

    review = hospital.clinic.credential_review
    if by == "watch":
        assert await review.watch() == 1
    else:
        await getattr(review, by)(hospital.acting(Role.HR), clinician_id, "核查执业信息")

    assert await hospital.clinic.sessions.actor_of(token) is None
    assert await hospital.clinic.sessions.actor_of(other.token) is not None
