"""A hospital to play with: two sites, one of each role, two weeks of history, nobody real. (演示)

Built by the services themselves with a clock that is moved through those two weeks, so that what
the pages show was written as it would be in a hospital.
"""

import asyncio
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from data.clock import Clock, new_id
from data.database import Database
from data.errors import Conflict, Forbidden
from data.keyring import Keyring, write_at_once
from data.outbox import Delivery, OutboxEvent
from data.schema import VERSIONS, Schema
from data.tasks import Priority
from jobs.demo_apart import at_rest, own_environment
from jobs.demo_visits import open_practice
from services.audit import Search
from services.billing.tariff import NewPrice
from services.clinic import Clinic
from services.demo import PASSWORD, SECRET
from services.events import MessageQueued
from services.i18n import Key
from services.infrastructure import Item
from services.institution import NewInstitution, NewSite, founded
from services.policy import HOUSE, Actor, Grant, Role
from services.settings import Settings
from services.tasks import Wanted
from services.users.registrar import NewStaff, StaffDetails

DATA = Path(__file__).parent / "demo_data" / "hospital.json"
MARK = "demo.json"
BEGAN = timedelta(days=14)
GROWS_OLD = timedelta(days=7)  # then the story is told anew, so that "yesterday" is yesterday
SETTINGS = """# A demo: made by `xinglin demo`, thrown away by it. Never for real patients.
demo = true
log_format = "console"

[providers]
mailer = "sandbox"
sms = "sandbox"
identities = "sandbox"
payments = "sandbox"
"""

Story = dict[str, Any]


class StoryClock:
    """A clock that goes where the story goes, and never back."""

    def __init__(self, time: datetime) -> None:
        self._time = time

    def now(self) -> datetime:
        """Return the moment of the story; each look is a little later."""
        self._time += timedelta(milliseconds=7)
        return self._time

    def move_to(self, moment: datetime) -> None:
        self._time = max(self._time, moment)


@dataclass(slots=True)
class Cast:
    """Who and what the story is about."""

    clinic: Clinic
    clock: StoryClock
    began: datetime
    house: UUID
    sites: dict[str, UUID] = field(default_factory=dict)
    people: dict[str, UUID] = field(default_factory=dict)
    roles: dict[str, frozenset[Grant]] = field(default_factory=dict)

    def actor(self, username: str) -> Actor:
        """Return somebody of the story, who has just proved who they are."""
        return Actor(
            user_id=self.people[username],
            grants=self.roles[username],
            institution_id=self.house,
            address="192.168.1.20",
            confirmed_at=self.clock.now(),
        )

    def on(self, day: float) -> None:
        """Move on to a day of the story; 0 is today."""
        self.clock.move_to(self.began + BEGAN + timedelta(days=min(day, 0)))


def story() -> Story:
    """Return what happened in the demo hospital."""
    read: Story = json.loads(DATA.read_text(encoding="utf-8"))
    return read


async def ready(home: Path, clock: Clock, *, anew: bool = False) -> bool:
    """See to it that a demo of this program and of these days is in `home`.

    Return whether it was built now. Raise `Conflict("demo_home_is_real")` for a folder with
    anything else in it: that is never touched; `Conflict("demo_runs")` where one is at work that
    would have to go.
    """
    refuse_real(home)
    if not anew and _is_fresh(home, clock.now()):
        return False
    clear(home)
    await build(home, clock)
    return True


def refuse_real(home: Path) -> None:
    """Raise unless the folder is empty, missing, or a demo's."""
    if home.exists() and (not home.is_dir() or any(home.iterdir())) and not _mark(home):
        raise Conflict("demo_home_is_real", path=str(home))


def clear(home: Path) -> None:
    """Take everything but the mark out of a demo's folder, unless somebody works with it."""
    if not _mark(home):
        return
    with at_rest(home / "xinglin.db") as lock:
        for path in home.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in {MARK, lock.name}:
                path.unlink()


def _mark(home: Path) -> Story | None:
    try:
        mark = json.loads((home / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, dict) and "demo" in mark else None


def _is_fresh(home: Path, now: datetime) -> bool:
    mark = _mark(home)
    if mark is None or not mark.get("whole") or mark.get("made_of") != _made_of():
        return False
    age = now - datetime.fromisoformat(mark["at"])
    return timedelta(0) <= age < GROWS_OLD


def _made_of() -> str:
    """Return a digest of what a demo is built from: when it changes the demo is built anew."""
    digest = hashlib.sha256()
    for path in (DATA, Path(__file__), *sorted(VERSIONS.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


async def build(home: Path, clock: Clock) -> None:
    """Build the demo in an empty folder, from nothing that is set for a hospital."""
    with own_environment():
        await _build(home, clock)


async def _build(home: Path, clock: Clock) -> None:
    await asyncio.to_thread(home.mkdir, 0o700, parents=True, exist_ok=True)
    now = clock.now()
    _write_mark(home, now, whole=False)
    write_at_once(home / "xinglin.toml", SETTINGS.encode())
    settings = Settings.load(home)
    key_file, _ = Keyring(settings.key_file).create()
    keys = key_file.keys(settings.crypto_profile)
    database = await Database(settings.database, keys.key("db")).open()
    try:
        await Schema(database).upgrade()
        story_clock = StoryClock(now - BEGAN)
        clinic = Clinic.open(database, story_clock, keys, settings)
        await clinic.policy.load()
        await tell(clinic, story_clock, story())
        story_clock.move_to(now)
        await clinic.audit.anchor(HOUSE)
        await clinic.close()
    finally:
        await database.close()
    _write_mark(home, now, whole=True)


def _write_mark(home: Path, now: datetime, *, whole: bool) -> None:
    mark = {"demo": True, "at": now.isoformat(), "made_of": _made_of(), "whole": whole}
    write_at_once(home / MARK, json.dumps(mark).encode())


async def tell(clinic: Clinic, clock: StoryClock, told: Story) -> None:
    """Let the two weeks happen."""
    cast = await _found(clinic, clock, told)
    await _hire(cast, told)
    scenes = [
        *((each["day"], _set_rule, each) for each in told["rules"]),
        *((each["day"], _declare, each) for each in told["infrastructure"]),
        *((each["day"], _ask, each) for each in told["tasks"]),
        *((_end_of(each), _close, each) for each in told["tasks"] if "closed_by" in each),
        *((each["day"], _look_at_papers, each) for each in told["papers_looked_at"]),
        *((each["day"], _break_glass, each) for each in told["glass"]),
        *((each["day"], _suspend, each) for each in told["suspended"]),
        *((each["day"], _price, each) for each in told["prices"]),
        *((each["day"], _be_refused, each) for each in told["refused"]),
    ]
    for day, scene, each in sorted(scenes, key=lambda found: found[0]):
        cast.on(day)
        await scene(cast, each)
    await open_practice(cast, told["practice"])
    await _park(cast)


async def _found(clinic: Clinic, clock: StoryClock, told: Story) -> Cast:
    new = dict(told["institution"])
    began = clock.now()
    licence = began + BEGAN + timedelta(days=new.pop("licence_ends_in_days"))
    grading = began + BEGAN + timedelta(days=new.pop("grading_ends_in_days"))
    institution = NewInstitution(
        **new, licence_valid_to=licence.date(), grading_valid_to=grading.date()
    )
    async with clinic.transactions.open(HOUSE) as tx:
        house = await founded(tx, institution, is_demo=True)
    return Cast(clinic, clock, began, house.id)


async def _hire(cast: Cast, told: Story) -> None:
    """The administrators come first; one of them opens the sites where the others work."""
    everybody = told["people"]
    await _seed(cast, [each for each in everybody if "site" not in each])
    for site in told["sites"]:
        new = NewSite(site["name"], site["address"], site["phone"])
        cast.sites[site["key"]] = await cast.clinic.institutions.add_site(cast.actor("xitong"), new)
    await _seed(cast, [each for each in everybody if "site" in each])


async def _seed(cast: Cast, people: list[Story]) -> None:
    new = [_newcomer(cast, each) for each in people]
    ids = await cast.clinic.founding.seed(cast.house, new, PASSWORD, SECRET)
    for each, person, user_id in zip(people, new, ids, strict=True):
        cast.people[each["username"]] = user_id
        cast.roles[each["username"]] = person.grants


def _newcomer(cast: Cast, each: Story) -> NewStaff:
    site = cast.sites.get(each.get("site", ""))
    held_at = site if each.get("only_there") else None
    details = StaffDetails(
        display_name=each["name"],
        staff_number=each["number"],
        phone=each["phone"],
        email=f"{each['username']}@demo.invalid",
        site_id=site,
    )
    grants = frozenset(Grant(Role(role), held_at) for role in each["roles"])
    return NewStaff(each["username"], details, grants, is_synthetic=True)


async def _set_rule(cast: Cast, each: Story) -> None:
    actor = cast.actor(each["who"])
    change = await cast.clinic.policy.change(actor, each["key"], each["value"], each["reason"])
    await cast.clinic.policy.load()
    if "undo_after_days" in each:
        cast.on(each["day"] + each["undo_after_days"])
        await cast.clinic.policy.undo(cast.actor(each["who"]), change, each["undo_reason"])
        await cast.clinic.policy.load()


async def _declare(cast: Cast, each: Story) -> None:
    await cast.clinic.infrastructure.declare(
        cast.actor("xitong"),
        Item(each["item"]),
        met=each["met"],
        note=each["note"],
        evidence_on=cast.clock.now().date(),
    )


async def _ask(cast: Cast, each: Story) -> None:
    wanted = Wanted(
        kind="asked",
        key=f"demo:{each['what']}",
        institution_id=cast.house,
        role=Role(each["role"]) if "role" in each else None,
        owner_id=cast.people[each["to"]] if "to" in each else None,
        # People write in one language; here everybody reads it in theirs.
        values={"words": Key(f"demo.asked.{each['what']}")},
        due_at=cast.clock.now() + timedelta(hours=each["due_in_hours"]),
        priority=Priority.URGENT if each.get("urgent") else Priority.NORMAL,
    )
    each["id"] = await cast.clinic.tasks.add(cast.actor(each["by"]), wanted)


def _end_of(each: Story) -> float:
    return float(each["day"] + each["closed_after_hours"] / 24)


async def _close(cast: Cast, each: Story) -> None:
    actor = cast.actor(each["closed_by"])
    await cast.clinic.tasks.take(actor, each["id"])
    await cast.clinic.tasks.close(actor, each["id"], each["note"])


async def _look_at_papers(cast: Cast, _each: Story) -> None:
    """The morning's job finds a licence near its end, and writes to the system administrator."""
    await cast.clinic.licences.remind()


async def _break_glass(cast: Cast, each: Story) -> None:
    await cast.clinic.emergency.open(cast.actor(each["who"]), new_id(), each["reason"])


async def _suspend(cast: Cast, each: Story) -> None:
    await cast.clinic.staff.suspend(
        cast.actor(each["by"]), cast.people[each["who"]], each["reason"]
    )


async def _price(cast: Cast, each: Story) -> None:
    """Medical affairs say what a visit costs, or will."""
    today = cast.began + BEGAN
    later = today + timedelta(days=each["begins_in_days"]) if "begins_in_days" in each else None
    new = NewPrice(each["item"], each["fen"], later)
    await cast.clinic.tariffs.set_price(cast.actor(each["who"]), new)


async def _be_refused(cast: Cast, each: Story) -> None:
    """Somebody opens a page that is not theirs; the trail has it."""
    try:
        await cast.clinic.audit.page(cast.actor(each["who"]), Search())
    except Forbidden:
        return


async def _park(cast: Cast) -> None:
    """Leave one delivery that nobody tries any more, for the page where such are replayed."""
    event = MessageQueued(message_id=new_id(), channel="sms")
    now = cast.clock.now()
    async with cast.clinic.database.transaction(write=True) as session:
        name = type(event).__name__
        session.add(
            OutboxEvent(id=event.event_id, name=name, payload=event.model_dump_json(), at=now)
        )
        await session.flush()
        session.add(
            Delivery(
                event_id=event.event_id,
                handler="services.notify.Notify.deliver",
                due_at=None,
                attempts=20,
                parked_at=now,
                error="database_not_reachable",
            )
        )
