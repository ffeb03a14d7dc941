"""What identifies a person is unreadable in the database, and can still be found."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, String, Table, select, text, type_coerce
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from data.crypto import Keys
from data.database import Database
from data.errors import Invalid
from data.sealed import Blind, Sealed, SealedBytes

PHONE = "13900001234"


class Own(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """Not the product's tables: these live in this file."""


class Person(Own):
    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str | None] = mapped_column(Sealed("person.phone"), default=None)
    phone_index: Mapped[str | None] = mapped_column(
        Blind("phone", of="phone"), init=False, unique=True
    )
    identity: Mapped[str | None] = mapped_column(Sealed("person.identity"), default=None)
    identity_index: Mapped[str | None] = mapped_column(
        Blind("identity", of="identity"), init=False, index=True
    )
    secret: Mapped[bytes | None] = mapped_column(SealedBytes("person.secret"), default=None)


PERSON: Table = Person.__table__


@pytest.fixture(params=["sqlite", "postgresql"])
async def house(request, tmp_path: Path, keys: Keys) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/sealed.db"
    else:
        server = request.getfixturevalue("postgresql_server")
        server.sql("DROP DATABASE IF EXISTS sealed")
        server.sql("CREATE DATABASE sealed")
        url = server.url("sealed")
    house = Database(url, keys.key("db"))
    await house.open()
    house.unlock(keys)
    await house.run(Own.metadata.create_all)
    yield house
    await house.close()


async def save(house: Database, *people: Person) -> None:
    async with house.transaction(write=True) as session:
        session.add_all(people)


async def stored(house: Database, column, kind=LargeBinary):
    async with house.transaction(write=False) as session:
        return await session.scalar(select(type_coerce(PERSON.c[column], kind)))


async def test_a_phone_is_unreadable_in_the_table_and_readable_to_us(house):
    await save(house, Person(id=1, phone=PHONE, secret=b"\0otp"))

    assert PHONE.encode() not in await stored(house, "phone")
    assert b"otp" not in await stored(house, "secret")
    async with house.transaction(write=False) as session:
        person = await session.get(Person, 1)
        assert (person.phone, person.secret, person.identity) == (PHONE, b"\0otp", None)


async def test_two_seals_of_one_value_differ(house):
    await save(house, Person(id=1, identity="11010519491231002X"))
    first = await stored(house, "identity")
    async with house.transaction(write=True) as session:
        await session.execute(text("DELETE FROM person"))
    await save(house, Person(id=2, identity="11010519491231002X"))

    assert await stored(house, "identity") != first


async def test_a_person_is_found_by_an_identity_number_however_it_is_typed(house):
    await save(house, Person(id=1, identity="11010519491231002X"), Person(id=2, identity="x"))

    async with house.transaction(write=False) as session:
        found = await session.scalars(
            select(Person).where(Person.identity_index == " 11010519491231002x ")
        )
        assert [person.id for person in found] == [1]
    index = await stored(house, "identity_index", String)
    assert len(index) == 32
    assert "1101" not in index


async def test_the_index_follows_a_changed_value_also_to_nothing(house):
    await save(house, Person(id=1, phone=PHONE))
    async with house.transaction(write=True) as session:
        (await session.get(Person, 1)).phone = "13700000000"
    async with house.transaction(write=False) as session:
        query = select(Person.id).where(Person.phone_index == "13700000000")
        assert await session.scalar(query) == 1
    async with house.transaction(write=True) as session:
        (await session.get(Person, 1)).phone = None
    async with house.transaction(write=False) as session:
        assert await session.scalar(select(Person.id).where(Person.phone_index.is_(None))) == 1


async def test_the_same_phone_twice_is_refused_by_its_index(house):
    await save(house, Person(id=1, phone=PHONE))
    with pytest.raises(IntegrityError):
        await save(house, Person(id=2, phone=PHONE))


async def test_comparing_a_sealed_column_is_an_error_not_an_empty_list(house):
    with pytest.raises(TypeError, match="blind index"):
        select(Person).where(Person.phone == PHONE)
    async with house.transaction(write=False) as session:
        assert (await session.scalars(select(Person).where(Person.phone.is_(None)))).all() == []


async def test_a_value_moved_to_another_column_does_not_open(house):
    await save(house, Person(id=1, phone=PHONE))
    async with house.transaction(write=True) as session:
        await session.execute(text("UPDATE person SET identity = phone, phone = NULL"))

    with pytest.raises(Invalid) as refusal:
        async with house.transaction(write=False) as session:
            await session.get(Person, 1)
    assert refusal.value.code == "sealed_value_damaged"


async def test_what_an_older_key_sealed_opens_until_it_is_sealed_anew(house, keys):
    await save(house, Person(id=1, phone=PHONE))
    house.unlock(Keys(bytes(32), version=2, older=((1, keys.master),)))

    async with house.transaction(write=True) as session:
        person = await session.get(Person, 1)
        assert person.phone == PHONE
        person.identity = "x"
    assert (await stored(house, "phone"))[1] == 1
    assert (await stored(house, "identity"))[1] == 2


async def test_another_houses_keys_do_not_open_it(house):
    await save(house, Person(id=1, phone=PHONE))
    house.unlock(Keys(bytes(32)))

    with pytest.raises(Invalid):
        async with house.transaction(write=False) as session:
            await session.get(Person, 1)


async def test_a_database_that_was_not_unlocked_says_so(tmp_path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/plain.db")
    async with engine.begin() as connection:
        await connection.run_sync(Own.metadata.create_all)
        with pytest.raises(Exception, match="unlock"):
            await connection.execute(PERSON.insert().values(id=1, phone=PHONE))
    await engine.dispose()


async def test_the_national_profile_seals_as_well(tmp_path, keys):
    """GB/T 39786: SM4-GCM and SM3."""
    national = Keys(keys.master, profile="gm")
    house = await Database(f"sqlite:///{tmp_path}/gm.db", keys.key("db")).open()
    house.unlock(national)
    await house.run(Own.metadata.create_all)
    await save(house, Person(id=1, phone=PHONE))

    assert (await stored(house, "phone"))[0] == 2
    house.unlock(keys)  # a standard house still reads it: the mark says which cipher it was
    async with house.transaction(write=False) as session:
        assert (await session.get(Person, 1)).phone == PHONE
    await house.close()
