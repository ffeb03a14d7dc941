"""Tables of the tests' own: a room with seats, and who took one. The house has no such thing."""

import asyncio
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, MetaData, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from data.clock import new_id
from data.database import Database
from data.errors import Conflict


class Own(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """Apart from the house's metadata, so that no other test meets these tables."""

    metadata = MetaData()
    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)


class Room(Own):
    __tablename__ = "test_room"
    __table_args__ = (CheckConstraint("taken <= seats", name="not_too_many"),)

    seats: Mapped[int] = mapped_column(default=1)
    taken: Mapped[int] = mapped_column(default=0)


class Seat(Own):
    __tablename__ = "test_seat"

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id))
    name: Mapped[str] = mapped_column(default="")


async def build(database: Database, *rooms: Room) -> list[UUID]:
    """Make the tables and these rooms; return their ids."""
    await database.run(Own.metadata.create_all)
    async with database.transaction(write=True) as session:
        session.add_all(rooms)
    return [room.id for room in rooms]


async def take(database: Database, room_id: UUID, name: str = "") -> UUID:
    """Take a seat, as a use case would: read, decide, change."""
    async with database.transaction(write=True) as session:
        seat = await take_in(session, room_id, name)
    return seat.id


async def take_in(session, room_id: UUID, name: str = "") -> Seat:
    """Take a seat in a unit of work that is open already."""
    room = await session.get_one(Room, room_id, with_for_update=True)
    if room.taken >= room.seats:
        raise Conflict("slot_full")
    room.taken += 1
    seat = Seat(room_id=room_id, name=name)
    session.add(seat)
    await session.flush()
    return seat


async def taken(database: Database) -> int:
    """Return how many seats are taken, and that both tables agree on it."""
    async with database.transaction(write=False) as session:
        seats = await session.scalar(select(func.count()).select_from(Seat)) or 0
        assert seats == (await session.scalar(select(func.sum(Room.taken))) or 0)
    return seats


async def together(*jobs) -> list[object]:
    """Run jobs at once and return their results, exceptions included."""
    return await asyncio.gather(*jobs, return_exceptions=True)


def failures(results: list[object]) -> list[type]:
    """Return the kinds of the exceptions among results, in order."""
    return [type(result) for result in results if isinstance(result, BaseException)]
