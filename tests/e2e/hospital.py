"""A hospital in a process of its own, to look at: the demo's two weeks, and a clock that stands.

    with hospital() as found:
        found.url, found.places, found.tokens

It always shows the same: the same people, the same tasks (one overdue), a parked delivery, rules
that were changed, and a trail. Run as `python -m tests.e2e.hospital FOLDER` it serves until its
standard input ends, and says in one line of JSON where.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

import app
from data.clock import new_id
from data.crypto import Keys
from data.database import Database
from data.keyring import Keyring
from data.messages import Message
from data.patients import Relation
from data.users import RoleGrant, Session, SessionStage, User
from integrations import providers
from integrations.certificates import Office
from jobs import demo
from pages.routes import Kind, Routes, may_enter
from services.appointments.booking import Wish
from services.clinic import Clinic
from services.demo import PASSWORD
from services.policy import HOUSE, Grant, Role
from services.settings import Settings
from services.users.patients import NewPatient
from services.users.registrar import NewStaff, StaffDetails
from services.users.sessions import new_token
from services.users.steps import Caller
from tests.e2e import outpatients
from tests.e2e.scenes import SCENES
from tests.peers import ROOT
from tests.web.server import _watched, listening

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday, 16:00 in the hospital."""

NAMES = ("hospital.local", "192.168.1.10", "localhost", "127.0.0.1")
"""What it is called on its network, wherever the tests run."""

GUEST = "guest"
LOOKERS = (
    "system_admin", "security_admin", "audit_admin", "medical_affairs", "doctor", "nurse",
    "cashier", "patient",
)  # fmt: skip
"""Who looks at pages; a page is looked at by the first of them who may, and home by each."""

STEPS = {
    "/sign-in/second-factor": "second_factor",
    "/sign-in/new-password": "new_password",
    "/sign-in/enrol": "enrol",
    "/sign-in/recovery-codes": "recovery_codes",
}
"""Pages on the way in, each shown to who stands at that step only."""

NEWCOMERS = {
    "new_password": ("heping", "何平"),
    "enrol": ("linxia", "林夏"),
    "recovery_codes": ("duwen", "杜文"),
}
MOTHER = NewPatient("王芳", "110101199003071225")
CHILD = NewPatient("王小明", "11010120200101001X", Relation.SON, is_guardian=True)
BEST_SEEN = {
    "/notices": "doctor",
    "/tasks": "system_admin",
    "/timetable": "medical_affairs",
    "/board": "nurse",
    "/queue": "nurse",
    "/patients": "nurse",
}
"""Who has something to see on a page that others see empty."""

PARTICULAR: dict[str, str] = {}
"""An address of each page that shows one particular thing: its pattern, and where to look."""


@dataclass(frozen=True, slots=True)
class Place:
    """A page, and who looks at it."""

    path: str
    who: str
    scene: str = ""
    """What they do there before it is looked at, by its name in `SCENES`."""

    def __str__(self) -> str:
        return f"{self.path} by {self.who} {self.scene}".strip()


@dataclass(frozen=True, slots=True)
class Found:
    """Where the hospital is, who is signed in with which token, and what there is to see."""

    url: str
    tokens: dict[str, str]
    places: tuple[Place, ...]
    nobody: tuple[str, ...]
    """Pages that none of these people may see: whoever adds one says here who looks at it."""


@contextmanager
def hospital() -> Iterator[Found]:
    """Serve it in a process of its own and in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="xinglin-e2e-") as folder:
        command = [sys.executable, "-m", "tests.e2e.hospital", folder]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdin
            assert server.stdout
            try:
                said = server.stdout.readline()
                assert said, "the hospital did not open; what it said stands above"
                told = json.loads(said)
                places = tuple(Place(**each) for each in told.pop("places"))
                yield Found(places=places, nobody=tuple(told.pop("nobody")), **told)
            finally:
                server.stdin.close()
                server.wait(60)


class StandingClock:
    """It is always four o'clock on that Monday."""

    def now(self) -> datetime:
        return NOW


async def serve(home: Path) -> None:
    """Build it, open it, say where, and serve until told to stop."""
    await demo.build(home, StandingClock())
    settings = Settings.load(home)
    keys = Keyring(settings.key_file).load().keys(settings.crypto_profile)
    database = await Database(settings.database, keys.key("db")).open()
    try:
        clinic = await _opened(database, keys, settings)
        tokens = await let_in(clinic)
        clinic.settings.server.rate_factor = 100.0
        server, front = app.build(clinic)
        async with listening(server) as url, _watched(front):
            seen, nobody = await places(clinic, front.routes, tokens)
            told = {
                "url": url,
                "tokens": tokens,
                "places": [asdict(each) for each in seen],
                "nobody": nobody,
            }
            print(json.dumps(told), flush=True)  # noqa: T201 - what whoever started it waits for
            await asyncio.to_thread(sys.stdin.read)
        await clinic.close()
    finally:
        await database.close()


async def _opened(database: Database, keys: Keys, settings: Settings) -> Clinic:
    clock = StandingClock()
    office = Office(settings.certificate, settings.home, lambda: NAMES)
    await asyncio.to_thread(office.ready, NOW)
    ports = replace(providers.build(settings, database, clock), certificates=office)
    clinic = Clinic.open(database, clock, keys, settings, ports)
    await clinic.policy.load()
    for _ in range(3):  # what follows from what has happened: notices, and what follows from those
        await clinic.bus.deliver()
    await clinic.health.look(HOUSE)  # as a job does every few minutes
    return clinic


async def let_in(clinic: Clinic) -> dict[str, str]:
    """Sign somebody in for each of the lookers, and bring somebody to each step on the way in."""
    tokens = {GUEST: ""}
    for role in LOOKERS:
        staff = role != Role.PATIENT
        tokens[role] = await open_session(clinic, Role(role)) if staff else await a_patient(clinic)
    guard = await clinic.sessions.actor_of(tokens["security_admin"])
    assert guard
    await outpatients.begin(clinic, guard.home)
    begun = await clinic.sign_in.begin("yisheng", PASSWORD, Caller("127.0.0.1"))
    tokens["second_factor"] = begun.token
    for step, (username, name) in NEWCOMERS.items():
        new = NewStaff(username, StaffDetails(name), frozenset({Grant(Role.NURSE)}))
        added = await clinic.staff.add(guard, new)
        tokens[step] = await _brought_to(clinic, step, added.username, added.temporary_password)
    return tokens


async def a_patient(clinic: Clinic) -> str:
    """Sign in a mother by her phone, registered with her child, who is not verified yet."""
    phone, caller = "19900000001", Caller("192.168.1.30", "Mozilla/5.0 (Linux; Android 14)")
    await clinic.patient_door.ask(phone, caller)
    async with clinic.database.transaction(write=False) as session:
        query = select(Message).where(Message.template == "code", Message.address == phone)
        code = (await session.scalars(query)).one().values["code"]
    step = await clinic.patient_door.enter(phone, str(code), caller)
    for new in MOTHER, CHILD:
        actor = await clinic.sessions.actor_of(step.token)
        assert actor
        entered = await clinic.patients.register(actor, new)
        actor = await clinic.sessions.actor_of(step.token)
        assert actor
        if new is MOTHER:
            await clinic.real_name.verify(actor, entered)
    await a_bill(clinic, step.token)
    return step.token


async def a_bill(clinic: Clinic, token: str) -> None:
    """Let a place be kept for the mother until she has paid."""
    actor = await clinic.sessions.actor_of(token)
    assert actor
    [mother] = [each for each in await clinic.patients.family(actor) if each.name == MOTHER.name]
    choices = await clinic.places.choices(actor, actor.home)
    time = choices[0].times[0]
    wish = Wish(mother.patient_id, time.clinician_id, time.starts_at, time.kind)
    held = await clinic.booking.hold(actor, wish)
    await clinic.bus.deliver()
    bill = await clinic.bills.of_visit(actor, held.id)
    assert bill
    PARTICULAR["/pay/{order_id}"] = f"/pay/{bill.order_id}"
    PARTICULAR["/sandbox/pay/{reference}"] = (await clinic.bills.pay(actor, bill.order_id)).url
    PARTICULAR["/book/{clinician_id}"] = f"/book/{time.clinician_id}"
    PARTICULAR["/go/{token}"] = "/go/of-yesterday"
    for path in ("/prepare", "/visits"):
        PARTICULAR[path + "/{appointment_id}"] = f"{path}/{held.id}"


async def _brought_to(clinic: Clinic, step: str, username: str, password: str) -> str:
    from pyotp import TOTP  # noqa: PLC0415

    stand = await clinic.sign_in.begin(username, password, Caller("127.0.0.1"))
    if step == "new_password":
        return stand.token
    stand = await clinic.enrolment.choose_password(stand.token, PASSWORD)
    if step == "enrol":
        return stand.token
    secret = await clinic.enrolment.start_totp(stand.token)
    stand = await clinic.enrolment.finish_totp(stand.token, TOTP(secret.secret).at(NOW))
    return stand.token


async def open_session(clinic: Clinic, role: Role) -> str:
    """Sign in the first who holds this role, as if with all factors a moment ago."""
    token, now = new_token(), clinic.clock.now()
    async with clinic.database.transaction(write=True) as session:
        query = select(User).join(RoleGrant, RoleGrant.user_id == User.id)
        query = query.where(RoleGrant.role == str(role)).order_by(User.id).limit(1)
        user = (await session.scalars(query)).one()
        user.last_signed_in_at = now
        session.add(
            Session(
                id=new_id(),
                user_id=user.id,
                owner_id=user.id,
                institution_id=user.institution_id,
                site_id=user.site_id,
                token_digest=clinic.sessions.digest(token),
                stage=SessionStage.OPEN,
                proven=True,
                opened_at=now,
                last_seen_at=now,
                ends_at=now + timedelta(hours=12),
                confirmed_at=now,
                address="192.168.1.20",
                user_agent="Mozilla/5.0 (Windows NT 10.0) Chromium/156.0",
            )
        )
    return token


async def places(
    clinic: Clinic, routes: Routes, tokens: dict[str, str]
) -> tuple[list[Place], list[str]]:
    """Return every page with who looks at it, and the pages that nobody here can look at."""
    actors = {role: await clinic.sessions.actor_of(tokens[role]) for role in LOOKERS}
    seen, nobody = [], []
    for route in routes:
        if route.kind is not Kind.PAGE:
            continue
        may = [name for name, actor in actors.items() if actor and may_enter(actor, route.action)]
        who = STEPS.get(route.path) or (GUEST if route.public else next(iter(may), ""))
        who = BEST_SEEN.get(route.path, who)
        path = PARTICULAR.get(route.path, "") if "{" in route.path else route.path
        if not who or not path:
            nobody.append(route.path)
            continue
        lookers = may if path == "/" else [who]
        seen += [Place(path, each) for each in lookers]
    seen += [Place(path, who, name) for name, (path, who, _) in SCENES.items()]
    return seen, nobody


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
