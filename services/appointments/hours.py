"""What a shift is made of, cut into places: pure, by the hospital's own clock. (排班, 号源)"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from data.appointments import Channel, DayPart
from data.errors import Invalid

SHORTEST_SLOT, LONGEST_SLOT = 3, 240
"""Minutes."""
MOST_PLACES = 300
"""In one shift: more is a slip of the hand."""
NOON, DUSK = time(12), time(18)
KEPT = (Channel.WINDOW, Channel.SITE)
"""Channels for which places may be kept back; the rest is the portal's."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When a shift is, and how it is divided."""

    starts: time
    ends: time
    slot_minutes: int
    capacity: int = 1
    """Places in each slot."""
    quotas: Mapping[str, int] | None = None
    """Channel -> places in each slot kept for it."""

    @property
    def part(self) -> DayPart:
        if self.starts < NOON:
            return DayPart.MORNING
        return DayPart.AFTERNOON if self.starts < DUSK else DayPart.EVENING

    @property
    def slots(self) -> int:
        return _minutes(self.starts, self.ends) // max(self.slot_minutes, 1)

    @property
    def places(self) -> int:
        return self.slots * self.capacity


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a shift."""

    seq: int
    starts_at: datetime
    ends_at: datetime
    channel: Channel


def checked_hours(hours: Hours) -> Hours:
    """Return the hours, or raise `Invalid`: `shift_ends_before`, `slot_length_wrong`,
    `slot_does_not_fit`, `capacity_wrong`, `quota_wrong`."""
    length = _minutes(hours.starts, hours.ends)
    if length <= 0:
        raise Invalid("shift_ends_before")
    if not SHORTEST_SLOT <= hours.slot_minutes <= LONGEST_SLOT:
        raise Invalid("slot_length_wrong", low=SHORTEST_SLOT, high=LONGEST_SLOT)
    if length % hours.slot_minutes:
        raise Invalid("slot_does_not_fit", minutes=hours.slot_minutes)
    if hours.capacity < 1 or hours.places > MOST_PLACES:
        raise Invalid("capacity_wrong", most=MOST_PLACES)
    quotas = hours.quotas or {}
    if set(quotas) - set(KEPT) or any(kept < 0 for kept in quotas.values()):
        raise Invalid("quota_wrong")
    if sum(quotas.values()) > hours.capacity:
        raise Invalid("quota_wrong")
    return hours


def moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return when it is that time in the hospital, aware."""
    return datetime.combine(day, clock, zone)


def cut(day: date, hours: Hours, zone: ZoneInfo) -> Iterator[Place]:
    """Yield the places of a shift in order of time; kept ones come last within a slot."""
    length = timedelta(minutes=hours.slot_minutes)
    begin = moment(day, hours.starts, zone)
    doors = _doors(hours)
    for slot in range(hours.slots):
        starts_at = begin + slot * length
        for nth, door in enumerate(doors):
            yield Place(slot * hours.capacity + nth, starts_at, starts_at + length, door)


def overlaps(a: tuple[datetime, datetime], b: tuple[datetime, datetime]) -> bool:
    """Tell whether two spans have a moment in common."""
    return a[0] < b[1] and b[0] < a[1]


def _doors(hours: Hours) -> list[Channel]:
    kept = [channel for channel in KEPT for _ in range((hours.quotas or {}).get(channel, 0))]
    return [Channel.PORTAL] * (hours.capacity - len(kept)) + kept


def _minutes(starts: time, ends: time) -> int:
    return (ends.hour * 60 + ends.minute) - (starts.hour * 60 + starts.minute)
