"""Kills a serving process at random moments, again and again, and counts what that costs.

32 clients ask over HTTP. What was not answered they ask again with the same key, as they do with
some of what was. Nothing that was answered may be lost or done twice, however often we fall.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from sqlalchemy import func, select, text

from benchmarks.ward import Slot, count
from data.database import Database
from data.institution import Site
from services.policy import HOUSE
from tests.faults.server import Expected, Furnished, Orders, Place, furnish, line_of, opened

CLIENTS = 32
ROOT = Path(__file__).parents[2]
SITES = 0.1
"""How many of the requests open a site, by the API of the house; the others take a place."""
WARM = 5  # answers after a start
AGAIN = 0.3
"""How often a client asks again what it, or another before the fall, has asked already."""


@dataclass(slots=True)
class Found:
    """What all the kills together have cost."""

    kills: int = 0
    answered: int = 0
    lost: int = 0
    """Answered, and not there afterwards."""
    doubled: int = 0
    """One key, two places; or another answer to the same key."""
    broken: int = 0
    """Integrity, sums or audit chain not whole after a start."""
    undelivered: int = 0
    delivered_twice: int = 0
    unexpected: Counter[str] = field(default_factory=Counter)
    """Answers that are neither yes nor one of the refusals there are."""
    starts: list[float] = field(default_factory=list)
    """Seconds until a killed house answered again."""

    @property
    def faults(self) -> dict[str, object]:
        """Return what should not be: all of it nothing."""
        names = ("lost", "doubled", "broken", "undelivered", "delivered_twice", "unexpected")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


class Crowd:
    """The clients, and all they remember."""

    def __init__(self, port: int, furnished: Furnished, seed: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1"
        self._slots = furnished.slots
        self._headers = {
            kind: {"authorization": f"Bearer {token}"}
            for kind, token in (("places", furnished.nurse), ("sites", furnished.administrator))
        }
        self._chance = random.Random(seed)
        self.asked: dict[str, tuple[str, dict[str, str]]] = {}
        self.answers: dict[str, str] = {}
        self.open: set[str] = set()
        self.found = Found()

    async def press(self, seconds: float, process: int) -> None:
        """Ask with all clients; kill the process in the middle of it, so long after it warmed up.

        A fall before anybody was answered would prove nothing, however slow the machine is.
        """
        enough = len(self.answers) + WARM
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            clients = [asyncio.ensure_future(self._client(http)) for _ in range(CLIENTS)]
            async with asyncio.timeout(60):
                while len(self.answers) < enough:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(seconds)
            os.kill(process, signal.SIGKILL)
            await asyncio.gather(*clients)
        self.found.kills += 1

    async def _client(self, http: aiohttp.ClientSession) -> None:
        while True:
            key = self._choose()
            kind, body = self.asked[key]
            headers = self._headers[kind] | {"idempotency-key": key}
            try:
                async with http.post(f"{self._url}/{kind}", json=body, headers=headers) as got:
                    self._note(key, got.status, await got.json())
            except (aiohttp.ClientError, ConnectionError):
                return  # it fell

    def _choose(self) -> str:
        known = [*self.open, *list(self.answers)[-20:]]
        if known and self._chance.random() < AGAIN:
            return self._chance.choice(known)
        key = f"request-{len(self.asked)}"
        if self._chance.random() < SITES:
            self.asked[key] = "sites", {"name": key}
        else:
            self.asked[key] = "places", {"slot": str(self._chance.choice(self._slots))}
        self.open.add(key)
        return key

    def _note(self, key: str, status: int, answer: dict[str, str]) -> None:
        if status < 300:
            made = answer.get("place") or answer["id"]
            self.found.doubled += self.answers.setdefault(key, made) != made
            self.open.discard(key)
        elif answer.get("code") == "conflict":
            self.open.discard(key)  # full
            self.found.lost += key in self.answers
        elif answer.get("code") not in ("still_running", "busy", "overloaded"):
            self.found.unexpected[f"{status} {answer}"] += 1


class Nursery:
    """Starts serving processes from one that has everything loaded."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def start(self, orders: Orders) -> int:
        """Start one; return its number once it answers."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(line_of(orders).encode())
        child = int(await self._process.stdout.readline())
        async with asyncio.timeout(30), aiohttp.ClientSession() as http:
            while await owed(http, orders.port) is None:
                await asyncio.sleep(0.01)  # another process: nothing to wait on but its answer
        return child


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """Load everything, and end it when done."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "tests.faults.server")
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=pipe,
        stdout=pipe,
        stderr=asyncio.subprocess.DEVNULL,  # what is killed has last words of no use
        cwd=ROOT,
    )
    try:
        yield Nursery(process)
    finally:
        if process.stdin:
            process.stdin.close()
        await process.wait()


async def owed(http: aiohttp.ClientSession, port: int) -> int | None:
    """Ask how many deliveries are to be made; None while nobody answers."""
    try:
        async with http.get(f"http://127.0.0.1:{port}/api/v1/owed") as answer:
            return int(await answer.json()) if answer.status == 200 else None
    except (aiohttp.ClientError, ConnectionError):
        return None


async def kill_often(orders: Orders, kills: int, seed: int = 1) -> Found:
    """Serve, press, kill, look; so often."""
    crowd = Crowd(orders.port, await furnish(orders), seed)
    moments = random.Random(seed)
    async with nursery() as starter:
        for _ in range(kills):
            began = time.perf_counter()
            child = await starter.start(orders)
            crowd.found.starts.append(time.perf_counter() - began)
            await crowd.press(moments.uniform(0, 0.5), child)
            await gone(child)
            await look(orders, crowd)
        await finish(starter, orders)
    await look_at_deliveries(orders, crowd.found)
    crowd.found.answered = len(crowd.answers)
    return crowd.found


async def gone(process: int) -> None:
    """Wait until the process is no more: then its lock is free."""
    async with asyncio.timeout(10):
        while Path(f"/proc/{process}").exists():
            await asyncio.sleep(0.005)


async def look(orders: Orders, crowd: Crowd) -> None:
    """Compare what was answered with what is there."""
    async with opened(orders) as clinic:
        async with clinic.database.transaction(write=False) as session:
            rows = list((await session.execute(select(Place.request, Place.id))).all())
            taken_places = len(rows)
            rows += (await session.execute(select(Site.name, Site.id))).all()
        per_request = Counter(key for key, _ in rows)
        made = {key: str(id_) for key, id_ in rows}
        found = crowd.found
        found.lost += sum(made.get(key) != id_ for key, id_ in crowd.answers.items())
        found.doubled += sum(number - 1 for number in per_request.values())
        taken = await count(clinic.database, select(func.sum(Slot.taken)))
        whole = (await clinic.audit.verify(HOUSE)).whole
        sound = await integrity(clinic.database) == "ok"
        found.broken += not (taken == taken_places and whole and sound)


async def integrity(database: Database) -> str:
    """Return what the database says of itself."""
    if database.kind != "sqlite":
        return "ok"  # it has no such question; its own recovery would have failed
    async with database.transaction(write=False) as session:
        return str(await session.scalar(text("PRAGMA integrity_check")))


async def finish(starter: Nursery, orders: Orders) -> None:
    """Start once more, let the outbox run empty, and stop in good order."""
    child = await starter.start(orders)
    async with asyncio.timeout(120), aiohttp.ClientSession() as http:
        while await owed(http, orders.port) != 0:
            await asyncio.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGTERM)
    await gone(child)


async def look_at_deliveries(orders: Orders, found: Found) -> None:
    """Every event has had its effect, and has had it once."""
    async with opened(orders) as clinic, clinic.database.transaction(write=False) as session:
        places = set(await session.scalars(select(Place.id)))
        expected = Counter(await session.scalars(select(Expected.place_id)))
    found.undelivered = len(places - expected.keys())
    found.delivered_twice = sum(number - 1 for number in expected.values())
