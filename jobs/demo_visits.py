"""The demo's practice: departments, doctors whose papers six people have looked at, a timetable.

Everything is done by the services, as it would be in a hospital. (演示)
"""

from collections.abc import AsyncIterator
from datetime import date, time, timedelta
from io import BytesIO
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from PIL import Image

from data.clock import Clock
from services.appointments.hours import Hours
from services.appointments.patterns import NewPattern
from services.clinic import Clinic
from services.policy import Actor
from services.users.clinicians import Details, PaperKind, Profession

Story = dict[str, Any]
WEEKS = 2
PAPERS = (
    *(PaperKind.LICENCE, PaperKind.QUALIFICATION),
    *(PaperKind.HOSPITAL_CONSENT, PaperKind.EXPERIENCE),
)


class Cast(Protocol):
    """Who the story is about, as far as a practice needs them."""

    clinic: Clinic

    @property
    def clock(self) -> Clock: ...

    def actor(self, username: str) -> Actor:
        """Return somebody of the story, who has just proved who they are."""
        ...


async def open_practice(cast: Cast, told: Story) -> None:
    """Enter the departments, let the doctors be reviewed, and publish two weeks."""
    clinic = cast.clinic
    planner = cast.actor("yiwu")
    departments = {
        code: await clinic.departments.add(planner, code) for code in told["departments"]
    }
    for each in told["doctors"]:
        doctor = cast.actor(each["who"])
        await _review(cast, doctor, each, departments)
        await _plan(cast, doctor.user_id, departments[each["departments"][0]], each)
    today = cast.clock.now().astimezone(ZoneInfo(clinic.settings.timezone)).date()
    made = await clinic.patterns.lay_out(cast.actor("yiwu"), today, WEEKS)
    await clinic.shifts.publish(cast.actor("yiwu"), made.made)


async def _review(cast: Cast, doctor: Actor, each: Story, departments: dict[str, UUID]) -> None:
    """The six steps, each by somebody else. (domain 5.9)"""
    clinic = cast.clinic
    years = timedelta(days=365)
    today: date = cast.clock.now().date()
    details = Details(
        profession=Profession.DOCTOR,
        name=each["name"],
        identity=each["identity"],
        licence=each["licence"],
        licence_valid_to=today + 3 * years,
        title=each["title"],
        category="临床",
        scope=each["scope"],
        practising_since=today - 12 * years,
        main_institution=each["institution"],
        department_ids=frozenset(departments[code] for code in each["departments"]),
    )
    clinician_id = await clinic.clinician_files.keep(doctor, details)
    scan = await clinic.uploads.receive(doctor, _scan())
    for kind in PAPERS:
        await clinic.clinician_files.add_paper(doctor, clinician_id, kind, scan.id)
    review = clinic.credential_review
    await review.submit(doctor, clinician_id)
    hr = cast.actor("renshi")
    extract = await clinic.uploads.receive(hr, _scan())
    await review.verify(hr, clinician_id, extract.id, "已在执业注册系统核对")
    await review.approve(cast.actor("yiwu"), clinician_id)
    await review.certify(cast.actor("anquan"), clinician_id, each["serial"], today + years)
    await review.file(cast.actor("zhikong"), clinician_id, each["filing"])
    await review.activate(cast.actor("zhuren"), clinician_id)


async def _plan(cast: Cast, clinician_id: UUID, department_id: UUID, each: Story) -> None:
    today: date = cast.clock.now().date()
    for starts, ends in each["hours"]:
        hours = Hours(time.fromisoformat(starts), time.fromisoformat(ends), each["minutes"], 1)
        for weekday in range(7):
            pattern = NewPattern(
                *(clinician_id, department_id, "video", weekday, hours), today - timedelta(days=1)
            )
            await cast.clinic.patterns.add(cast.actor("yiwu"), pattern)


async def _scan() -> AsyncIterator[bytes]:
    """A picture of a paper: blank, for nobody here is real."""
    page = BytesIO()
    Image.new("RGB", (210, 297), "white").save(page, "PNG")
    yield page.getvalue()
