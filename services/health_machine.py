"""Looks at the machine: disk, keys, certificate, clock, programs."""

import asyncio
import os
import shutil
import stat
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from sqlcipher3 import dbapi2 as sqlcipher

from data.errors import DomainError, Invalid, Unavailable
from services.anchors import Anchors
from services.findings import Finding, Level, ok, red, unknown, warn
from services.i18n import Key
from services.policy_settings import PolicySettings
from services.ports import Ports
from services.settings import Settings
from services.tls import require_pair

MEGABYTE = 1 << 20
SPARE = 200 * MEGABYTE
"""Below this little free space the house cannot be trusted to finish what it begins."""
OLDEST_SQLITE = (3, 51, 3)  # older ones can damage a log that two connections reset
ENDING, SOON, LAST_DAYS = timedelta(days=30), timedelta(days=14), timedelta(days=7)
NIGHT = timedelta(days=1)  # ours are renewed in the night after they have 30 days left
LONG_LIFE = timedelta(days=90)  # a certificate for less is judged by parts of its life
ANCHOR_LATE = timedelta(minutes=10)  # it is written every minute
SLOW_LOOP = 0.05  # seconds; README of the goals: p99 below
LARGE_MEMORY = 900  # megabytes


@dataclass(frozen=True, slots=True)
class Timekeeping:
    """What a machine knows of its own clock, without a time server that we could ask."""

    kept: bool | None = None
    """Whether a time service keeps it; None: nobody could be asked."""
    within: float | None = None
    """Seconds that it is off by at most, as the system reckons."""
    source: str = ""
    """Who says so: kernel or timedatectl."""
    apart: float | None = None
    """Seconds ahead of a database server on another machine."""


Ask = Callable[[], Awaitable[Timekeeping]]


@dataclass(frozen=True, slots=True)
class Machine:
    """What these checks look at."""

    settings: Settings
    policy: PolicySettings
    ports: Ports
    now: Callable[[], datetime]
    log_file: Path | None
    """The database's write-ahead log, if it is a file."""
    timekeeping: Ask | None = None


async def disk(machine: Machine) -> Finding:
    usage = await asyncio.to_thread(shutil.disk_usage, machine.settings.home)
    share = usage.free / usage.total
    values: dict[str, Any] = {"free": usage.free // MEGABYTE, "percent": round(share * 100)}
    if usage.free < SPARE:
        return red("disk", "full", **values)
    if share < machine.policy.value("policy.health.disk_free_share"):
        return warn("disk", "low", **values)
    return ok("disk", **values)


async def log(machine: Machine) -> Finding:
    if machine.log_file is None:
        return ok("log", "none")
    size = await asyncio.to_thread(_size, machine.log_file) // MEGABYTE
    limit = machine.policy.number("policy.health.log_megabytes")
    return warn("log", "large", size=size, limit=limit) if size > limit else ok("log", size=size)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


async def keys(machine: Machine) -> Finding:
    return await asyncio.to_thread(_keys, machine.settings.key_file)


def _keys(path: Path) -> Finding:
    if not path.exists():
        return red("keys", "missing")
    found = path.stat()
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return red("keys", "open", mode=f"{stat.S_IMODE(found.st_mode):o}")
    if found.st_uid not in {os.geteuid(), 0}:
        return red("keys", "foreign")
    return ok("keys")


async def certificate(machine: Machine) -> Finding:
    if not machine.settings.server.tls_port:
        return warn("certificate", "off")
    place = machine.settings.certificate
    chain, key = place.chain, place.key
    if place.source != "files":
        chain, key = (machine.settings.home / name for name in ("server.pem", "server.key"))
    if chain is None or key is None or not await asyncio.to_thread(chain.exists):
        return warn("certificate", "missing")
    try:
        valid = await asyncio.to_thread(_validity, chain, key)
    except (DomainError, OSError, ValueError):
        return red("certificate", "unusable", path=f"{chain}, {key}")
    if place.source == "lan" and await asyncio.to_thread(
        _authority_key_lost, machine.settings.home
    ):
        return warn("certificate", "authority_key", moment=valid[1])
    lasting = ENDING if place.source == "files" else ENDING - NIGHT
    finding = _ending(*valid, machine.now(), lasting)
    office = machine.ports.certificates
    if finding.level is not Level.OK or office is None:
        return finding
    refused = await asyncio.to_thread(office.left_out)
    return warn("certificate", "left_out", names=", ".join(refused)) if refused else finding


def _authority_key_lost(home: Path) -> bool:
    return (home / "authority.pem").exists() and not (home / "authority.key").exists()


def _ending(began: datetime, ends: datetime, now: datetime, ending: timedelta) -> Finding:
    left, part = ends - now, min(1.0, (ends - began) / LONG_LIFE)
    if left <= timedelta(0):
        return red("certificate", "expired", moment=ends)
    if left <= LAST_DAYS * part:
        return red("certificate", "last_days", moment=ends)
    if left <= SOON * part:
        return warn("certificate", "soon", moment=ends)
    if left <= ending * part:
        return warn("certificate", "ending", moment=ends)
    return ok("certificate", moment=ends)


def _validity(chain: Path, key: Path) -> tuple[datetime, datetime]:
    """Return from when to when the certificate is good; raise if it cannot be served with."""
    found = x509.load_pem_x509_certificate(chain.read_bytes())
    require_pair(chain, key)
    return found.not_valid_before_utc, found.not_valid_after_utc


async def clock(machine: Machine) -> Finding:
    """S-AUD-1: moments can be trusted; against a time server, or else as the machine knows."""
    limit = machine.policy.number("policy.health.clock_skew_seconds")
    if machine.ports.time is None:
        return await _by_itself(machine, limit)
    try:
        ahead = await machine.ports.time.ahead()
    except Unavailable:
        found = await _by_itself(machine, limit)
        return found if found.level is Level.WARN else unknown("clock", "no_answer")
    seconds = round(abs(ahead), 1)
    if seconds > 10 * limit:
        return red("clock", "wrong", seconds=seconds)
    return (
        warn("clock", "off", seconds=seconds) if seconds > limit else ok("clock", seconds=seconds)
    )


async def _by_itself(machine: Machine, limit: int) -> Finding:
    told = await machine.timekeeping() if machine.timekeeping else Timekeeping()
    return _apart(told, limit) or _kept(told, limit)


def _apart(told: Timekeeping, limit: int) -> Finding | None:
    """Judge the distance from the database server: too far, and one of the two is wrong."""
    if told.apart is None:
        return None
    seconds = round(abs(told.apart), 1)
    if seconds > limit:
        return warn("clock", "apart", seconds=seconds)
    return ok("clock", "together", seconds=seconds) if told.kept is None else None


def _kept(told: Timekeeping, limit: int) -> Finding:
    if told.kept is None:
        return unknown("clock", "not_measured")
    source = Key(f"health.clock.by.{told.source}")
    if not told.kept:
        return warn("clock", "not_kept", source=source)
    if told.within is None:
        return ok("clock", "kept", source=source)
    seconds = round(told.within, 1)
    if seconds > limit:
        return warn("clock", "loose", seconds=seconds, source=source)
    return ok("clock", "kept_within", seconds=seconds, source=source)


def steadiness(jumped: float | None) -> Finding:
    """Judge by how many seconds the clock has jumped of late; None: nobody watches it."""
    if jumped is None:
        return unknown("steadiness", "not_measured")
    if jumped > 0:
        return red("steadiness", "jumped_ahead", hours=round(jumped / 3600, 1))
    if jumped < 0:
        return red("steadiness", "jumped_back", hours=round(-jumped / 3600, 1))
    return ok("steadiness")


async def anchor(machine: Machine) -> Finding:
    """S-AUD-1: the head of the audit chain lies outside the database, as it was lately."""
    anchors = Anchors(machine.settings.anchor_file)
    try:
        at = await asyncio.to_thread(_anchored_at, anchors)
    except Invalid:
        return red("anchor", "damaged", path=str(anchors.path))
    if at is None:
        return warn("anchor", "never")
    if machine.now() - at > ANCHOR_LATE:
        return warn("anchor", "late", moment=at)
    if await asyncio.to_thread(anchors.is_overfull):
        return warn("anchor", "large", path=str(anchors.path))
    return ok("anchor", moment=at)


def _anchored_at(anchors: Anchors) -> datetime | None:
    try:
        last = anchors.last()
        return datetime.fromisoformat(last["at"]) if last else None
    except (OSError, ValueError, KeyError, TypeError):  # it does not say when
        return None


async def programs(machine: Machine) -> Finding:
    del machine
    sqlite = ".".join(map(str, sqlcipher.sqlite_version_info))
    values = {"python": sys.version.split()[0], "sqlite": sqlite}
    if sqlcipher.sqlite_version_info < OLDEST_SQLITE:
        return red("programs", "sqlite_old", **values)
    return ok("programs", **values)


def loop(lag: float | None) -> Finding:
    """Judge how late the event loop answers, in seconds."""
    if lag is None:
        return unknown("loop", "not_measured")
    late = round(lag * 1000)
    return warn("loop", "slow", ms=late) if lag > SLOW_LOOP else ok("loop", ms=late)


def memory(resident: int | None) -> Finding:
    """Judge how much memory the process holds, in megabytes."""
    if not resident:
        return unknown("memory", "not_measured")
    if resident > LARGE_MEMORY:
        return warn("memory", "large", megabytes=resident)
    return ok("memory", megabytes=resident)
