"""Bookings over HTTP: our writer against a plain pool, and storms that sell no place twice.

64 patients book one after the other through the API, each with a session of their own, durably:
everything that a booking asks is asked (who they are, whose papers hold, limits, the price), the
audit chain lengthened, an event kept. The server, the gate and all code above the data layer are
the same on both sides. Then 500 patients ask at the same moment for 50 places, again and again.
"""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
from fastapi import FastAPI

from benchmarks.measure import Load, arguments, closed_loop, conclude, ratio, table
from benchmarks.units import KEYS, PlainPool
from data.clock import SystemClock, new_id
from data.database import Database
from data.patients import IdentityDocument, Patient, PatientLink, Relation, Sex
from data.users import RoleGrant, Session, SessionStage, User, UserKind
from integrations import api
from pages.security.entrance import stand
from pages.security.front import Surroundings
from pages.security.limits import Rates
from pages.security.origins import OwnNames
from pages.tuning import settle_memory
from services.appointments.shifts import Hours, NewShift
from services.clinic import Clinic
from services.policy import Role
from services.settings import Settings
from services.users.sessions import new_token
from tests.factories import INSTITUTION
from tests.peers import find, private_postgresql
from tests.practice import ZONE, Practice
from tests.web.server import listening

CLIENTS = 64
PEOPLE = 2000
DAYS = 5
"""Each of them may have five appointments, one a day."""
AT_ONCE, PLACES = 500, 50
FULL = (9, 3.0, 20)  # rounds, seconds a side, storms
QUICK = (5, 0.8, 3)


@dataclass
class Door:
    """One side: its server, and the patients in front of it."""

    clinic: Clinic
    url: str
    http: aiohttp.ClientSession
    tokens: list[str]
    patients: list[UUID]
    doctors: list[UUID] = field(default_factory=list)
    slots: list[datetime] = field(default_factory=list)
    numbers: Any = field(default_factory=count)
    refused: list[str] = field(default_factory=list)

    async def book(self) -> None:
        """Book the next place that nobody has, for the next patient."""
        number = next(self.numbers)
        who, day = number % PEOPLE, number // PEOPLE
        doctor = self.doctors[who % len(self.doctors)]
        slots = self.slots[day * 18 : day * 18 + 18]
        await self.ask(who, doctor, slots[who // len(self.doctors) % 18])

    async def ask(self, who: int, doctor: UUID, starts_at: datetime) -> bool:
        """Ask for a place; return whether it was given."""
        told = {
            "patient_id": str(self.patients[who]),
            "clinician_id": str(doctor),
            "starts_at": starts_at.isoformat(),
        }
        headers = {"authorization": f"Bearer {self.tokens[who]}"}
        url = f"{self.url}{api.PREFIX}/appointments"
        async with self.http.post(url, json=told, headers=headers) as answer:
            said = await answer.json()
            if answer.status != 200:
                self.refused.append(f"{answer.status} {said.get('code')}")
            return answer.status == 200


@asynccontextmanager
async def door(database: Database) -> AsyncIterator[Door]:
    """Serve a hospital with this database."""
    async with AsyncExitStack() as stack:
        await database.open()
        stack.push_async_callback(database.close)
        await database.create_tables()
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xinglin-bench-")))
        clinic = Clinic.open(database, SystemClock(), KEYS, Settings(home=home))
        server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        place = Surroundings(OwnNames.of(), rates=Rates().times(10_000))
        api.register(clinic, stand(server, clinic, clinic.sessions, place).routes)
        url = await stack.enter_async_context(listening(server))
        connector = aiohttp.TCPConnector(limit=AT_ONCE, keepalive_timeout=2)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        side = Door(clinic, url, http, [], [])
        await furnish(side)
        yield side


async def furnish(side: Door) -> None:
    """Let the practice open: doctors, five days, two thousand patients who are signed in."""
    day = (side.clinic.clock.now().astimezone(ZONE) + timedelta(days=1)).date()
    for _ in range(PEOPLE // 288 + 1):
        practice = await Practice(side.clinic, day=day).open()
        side.doctors.append(practice.doctor.user_id)
        for ahead in range(DAYS):
            practice.day = day + timedelta(days=ahead)
            await practice.shift(capacity=16)
    side.slots = [
        datetime.combine(day + timedelta(days=ahead), datetime.min.time(), ZONE)
        + timedelta(hours=9, minutes=10 * slot)
        for ahead in range(DAYS)
        for slot in range(18)
    ]
    await enter_people(side)


async def enter_people(side: Door) -> None:
    """Write down patients with accounts and open sessions."""
    now = side.clinic.clock.now()
    for start in range(0, PEOPLE, 500):
        async with side.clinic.database.transaction(write=True) as session:
            rows = [_person(side, now) for _ in range(start, start + 500)]
            session.add_all(row for person in rows for row in person[:2])
            await session.flush()
            session.add_all(row for person in rows for row in person[2:])


def _person(side: Door, now: datetime) -> list[object]:
    account, patient, token = new_id(), new_id(), new_token()
    side.tokens.append(token)
    side.patients.append(patient)
    home = {"institution_id": INSTITUTION}
    return [
        User(
            id=account,
            owner_id=account,
            kind=UserKind.PATIENT,
            username=account.hex,
            display_name="王芳",
            created_at=now,
            woken_at=now,
            **home,
        ),
        Patient(
            id=patient,
            name="王芳",
            document=IdentityDocument.PASSPORT,
            number=f"T{patient.hex[-12:]}".upper(),
            sex=Sex.FEMALE,
            birth_date=datetime(1980, 1, 1, tzinfo=ZONE).date(),
            verified_at=now,
            created_at=now,
            **home,
        ),
        RoleGrant(user_id=account, role=str(Role.PATIENT), granted_by=account, at=now),
        PatientLink(
            owner_id=account, patient_id=patient, relation=Relation.SELF, since=now, **home
        ),
        Session(
            user_id=account,
            owner_id=account,
            token_digest=side.clinic.sessions.digest(token),
            stage=SessionStage.OPEN,
            proven=True,
            opened_at=now,
            last_seen_at=now,
            ends_at=now + timedelta(hours=12),
            **home,
        ),
    ]


async def storm(side: Door) -> int:
    """Let 500 ask at once for the 50 places of ten minutes; return how many were given."""
    day = (side.clinic.clock.now().astimezone(ZONE) + timedelta(days=6)).date()
    practice = await Practice(side.clinic, day=day).open()
    doctor, hours = practice.doctor.user_id, Hours(time(9), time(9, 10), 10, PLACES)
    new = NewShift(doctor, practice.department_id, "video", day, hours)
    shift_id = await side.clinic.shifts.add(practice.planner, new)
    await side.clinic.shifts.publish(practice.planner, [shift_id])
    asked = (side.ask(who, doctor, practice.at(9)) for who in range(AT_ONCE))
    return sum(await asyncio.gather(*asked))


async def storms(database: Database, times: int) -> int:
    """Return by how many places the storms were wrong, in all."""
    wrong = 0
    async with door(database) as side:
        for _ in range(times):
            wrong += abs(await storm(side) - PLACES)
            side.tokens = side.tokens[AT_ONCE:] + side.tokens[:AT_ONCE]  # who has booked rests
            side.patients = side.patients[AT_ONCE:] + side.patients[:AT_ONCE]
    return wrong


async def measure(rounds: int, seconds: float) -> tuple[dict[str, list[Load]], list[str]]:
    """Let the sides take turns, in another order each round."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xinglin-bench-")))
        key = KEYS.key("db")
        ours = Database(f"sqlite:///{folder / 'ours.db'}", key)
        sides = {
            "ours": await stack.enter_async_context(door(ours)),
            "plain pool": await stack.enter_async_context(door(PlainPool(folder / "p.db", key))),
        }
        loads: dict[str, list[Load]] = {name: [] for name in sides}
        for side in sides.values():
            await closed_loop(side.book, CLIENTS, 0.3)  # caches fill, connections open
        settle_memory()
        for number in range(rounds):
            names = list(sides)
            names = names[number % len(names) :] + names[: number % len(names)]
            for name in names:
                loads[name].append(await closed_loop(sides[name].book, CLIENTS, seconds))
        return loads, [each for side in sides.values() for each in side.refused]


async def all_storms(times: int) -> dict[str, int]:
    """Return what each database sold too much or too little of."""
    with tempfile.TemporaryDirectory(prefix="xinglin-bench-") as folder:
        file = Database(f"sqlite:///{Path(folder) / 'storm.db'}", KEYS.key("db"))
        wrong = {"SQLite": await storms(file, times)}
    if find("postgres") and find("setpriv"):
        with private_postgresql() as server:
            wrong["PostgreSQL"] = await storms(Database(server.url()), times)
    else:
        print("PostgreSQL is not here: no storm on it. (apt install postgresql)")
    return wrong


def report(loads: dict[str, list[Load]], refused: list[str], wrong: dict[str, int]) -> None:
    """Print what was measured."""
    speeds = {name: [load.per_second for load in each] for name, each in loads.items()}
    tails = {name: [load.percentile(95) for load in each] for name, each in loads.items()}
    rows = [
        [
            name,
            f"{min(speeds[name]):.0f}-{max(speeds[name]):.0f}",
            f"{min(tails[name]):.0f}-{max(tails[name]):.0f}",
        ]
        for name in loads
    ]
    table(["side", "bookings/s", "p95 ms"], rows)
    print("Goals: 1.5 x the plain pool, its p95 at most, and no place sold twice or left over.")
    print(f"Refused under load: {sorted(set(refused)) or 'nothing'}.")
    conclude(
        benchmark="booking",
        clients=CLIENTS,
        rounds=len(loads["ours"]),
        ratio_to_plain_pool=ratio(speeds["ours"], speeds["plain pool"]),
        p95_ratio=ratio(tails["ours"], tails["plain pool"]),
        refused=len(refused),
        storms=wrong,
        oversold=sum(wrong.values()),
    )


async def run(rounds: int, seconds: float, times: int) -> None:
    """Measure, let the storms come, and print."""
    loads, refused = await measure(rounds, seconds)
    report(loads, refused, await all_storms(times))


def main() -> None:
    """Measure and print."""
    logging.disable(logging.CRITICAL)
    asyncio.run(run(*(QUICK if arguments(__doc__).quick else FULL)))


if __name__ == "__main__":
    main()
