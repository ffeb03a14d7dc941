"""How often and how much: rates a sender and a session, and the size of what they send."""

import time
from dataclasses import dataclass, field, fields
from math import ceil
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.types import Message, Receive

from data.errors import Invalid, TooMany

KILOBYTE = 1024
MEGABYTE = 1024 * KILOBYTE
BODY_BYTES = MEGABYTE
"""What a request may carry where the route does not say otherwise; also a socket's message."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How often what may be asked, in the notation of `limits`.

    A whole hospital may stand behind one address, so the rates of an address are those of a house
    full of people; what one person does is counted by their session.
    """

    requests_of_an_address: str = "6000/minute"
    pages_of_an_address: str = "900/minute"
    sign_ins_of_an_address: str = "60/minute"
    pages_of_a_session: str = "300/minute"
    calls_of_a_session: str = "600/minute"
    uploads_of_a_session: str = "60/minute"
    events_of_a_socket: float = 60.0
    """Each second, with room for five times as many at once (a slider, a fast typist)."""

    def times(self, factor: float) -> "Rates":
        """Return these rates, each so many times as high."""
        grown: dict[str, Any] = {}
        for rate in fields(self):
            value = getattr(self, rate.name)
            if isinstance(value, str):
                count, _, unit = value.partition("/")
                grown[rate.name] = f"{max(1, round(int(count) * factor))}/{unit}"
            else:
                grown[rate.name] = value * factor
        return Rates(**grown)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as far as it is counted."""

    neighbourhood: str
    path: str
    is_page: bool
    is_write: bool


class Pace:
    """Counts who asks how often, in memory: it starts anew with the process."""

    def __init__(self, rates: Rates) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._rates = {
            name: parse(value)
            for name in Rates.__slots__
            if isinstance(value := getattr(rates, name), str)
        }

    async def admit(self, asked: Asked) -> None:
        """Count a request of an address, whoever it is.

        Raise `TooMany` with the seconds to wait if it is one too many.
        """
        for rate in self._of_an_address(asked):
            await self._hit(rate, asked.neighbourhood, asked)

    async def admit_session(self, asked: Asked, session: str) -> None:
        """Count a request of somebody we know; raise as `admit`."""
        await self._hit(self._rates[_rate_of_session(asked)], session, asked)

    async def _hit(self, rate: RateLimitItem, whom: str, asked: Asked) -> None:
        kind = _kind(asked.path)
        if not await self._limiter.hit(rate, whom, kind):
            stats = await self._limiter.get_window_stats(rate, whom, kind)
            wait = max(1, ceil(stats.reset_time - time.time()))  # noqa: TID251 - limits' own clock
            raise TooMany("too_many", retry_after=wait)

    def _of_an_address(self, asked: Asked) -> list[RateLimitItem]:
        rates = [self._rates["requests_of_an_address"]]
        if asked.is_page:
            rates.append(self._rates["pages_of_an_address"])
        if asked.path.startswith("/auth/") and asked.is_write:
            rates.append(self._rates["sign_ins_of_an_address"])
        return rates


def _rate_of_session(asked: Asked) -> str:
    if asked.path == "/files" and asked.is_write:
        return "uploads_of_a_session"
    return "pages_of_a_session" if asked.is_page else "calls_of_a_session"


def _kind(path: str) -> str:
    """Keep the counts of different doors apart; made-up addresses open no count of their own."""
    door = path.removeprefix("/").partition("/")[0]
    return door if door in {"auth", "api", "files"} else ""


@dataclass(slots=True)
class Measured:
    """A request's body, counted while it comes in.

    Once it is too long the app is told that the sender went away, and `overflowed` says so: the
    gate then answers 413 in the app's place.
    """

    receive: Receive
    most: int
    seen: int = 0
    overflowed: bool = False

    async def next(self) -> Message:
        if self.overflowed:
            return {"type": "http.disconnect"}
        message = await self.receive()
        if message["type"] == "http.request":
            self.seen += len(message.get("body", b""))
            if self.seen > self.most:
                self.overflowed = True
                return {"type": "http.disconnect"}
        return message


def too_large(most: int) -> Invalid:
    """Return the refusal of a body longer than `most` bytes."""
    return Invalid("body_too_large", megabytes=round(most / MEGABYTE, 1))


def check_declared_length(declared: str | None, most: int) -> None:
    """Refuse a body by what its header says, before any of it is read."""
    if declared is None:
        return
    if not declared.isascii() or not declared.isdigit():
        raise Invalid("invalid")
    if int(declared) > most:
        raise too_large(most)


@dataclass(slots=True)
class Bucket:
    """Lets so many through in a second, and a burst of so many at once."""

    rate: float
    burst: float
    level: float = field(init=False)
    filled_at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.burst

    def take(self, now: float) -> bool:
        """Take one at `now` (monotonic seconds); return whether there was one."""
        self.level = min(self.burst, self.level + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True
