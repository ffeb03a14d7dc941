"""The institution and its sites: founded once, read by all, changed by the system administrator."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select

from data.errors import Conflict, Forbidden, Invalid, NotFound
from data.institution import Institution, Site
from services.policy import HOUSE, Action, Actor, Subject, visible
from services.transaction import Reading, Transaction, Transactions

USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
USCC_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z
PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}-?\d{7,8}(-\d{1,6})?|400-?\d{3}-?\d{4}|1[12]\d{3}|12\d")
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class NewInstitution:
    """What an institution is founded with, and all of it that may change. (R-ORG-1)"""

    name: str
    uscc: str
    """统一社会信用代码, 18 characters (GB 32100)."""
    licence_number: str = ""
    """医疗机构执业许可证登记号."""
    licence_valid_to: date | None = None
    grading_number: str = ""
    """等保备案证明编号."""
    grading_valid_to: date | None = None
    phone: str = ""


@dataclass(frozen=True, slots=True)
class House:
    """The institution as it is now."""

    id: UUID
    details: NewInstitution
    is_demo: bool
    created_at: datetime
    version: int
    """Handed back with a change, so that a page that is out of date changes nothing."""


@dataclass(frozen=True, slots=True)
class NewSite:
    """What a site (院区) is opened with, and all of it that may change."""

    name: str
    address: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A site as it is now."""

    id: UUID
    details: NewSite
    closed_at: datetime | None
    version: int


def uscc_check_digit(code: str) -> str:
    """Return the 18th character for the first 17 of a social credit code (GB 32100-2015)."""
    total = sum(USCC_DIGITS.index(c) * pow(3, i, 31) for i, c in enumerate(code[:17]))
    return USCC_DIGITS[-total % 31]


def checked_uscc(code: str) -> str:
    """Return a social credit code in capitals; raise `Invalid` if it cannot be one."""
    code = code.strip().upper()
    if not USCC.fullmatch(code):
        raise Invalid("uscc_malformed")
    if uscc_check_digit(code) != code[17]:
        raise Invalid("uscc_check_digit_wrong")
    return code


async def founded(tx: Transaction, new: NewInstitution, *, is_demo: bool = False) -> Institution:
    """Found the institution as part of a unit of work; there is one a house."""
    tx.allow(Action.INSTITUTION_FOUND, Subject("institution"))
    if await tx.session.scalar(select(func.count(Institution.id))):
        raise Conflict("institution_founded_already")
    row = Institution(**asdict(_checked(new)), is_demo=is_demo, created_at=tx.now)
    tx.session.add(row)
    await tx.session.flush()
    return row


class Institutions:
    """The registrar of the institution and its sites."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def require_one_world(self, *, demo: bool) -> None:
        """Raise `Forbidden("demo_over_real_house")` where demo settings meet a real hospital.

        A demo shows everybody's messages and knows everybody's password.
        """
        async with self._transactions.read(HOUSE) as tx:
            tx.allow(Action.INSTITUTION_READ, Subject("institution"))
            query = select(Institution.id).where(Institution.is_demo.is_(False)).limit(1)
            if demo and await tx.session.scalar(query) is not None:
                raise Forbidden("demo_over_real_house")

    async def read(self, actor: Actor) -> House:
        """Return the institution the actor belongs to; a visitor sees the house's only one."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.INSTITUTION_READ, Subject("institution"))
            if actor.institution_id is not None:
                return _house(await tx.get(Institution, actor.institution_id))
            query = select(Institution).order_by(Institution.created_at).limit(1)
            row = await tx.session.scalar(query)
            if row is None:
                raise NotFound("institution_not_founded")
            return _house(row)

    async def change(self, actor: Actor, new: NewInstitution, version: int) -> None:
        """Change what is written about the institution.

        Raise `Invalid` for what is malformed, `Conflict("changed_meanwhile")` if somebody changed
        it since `version`.
        """
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Institution, _home(actor))
            tx.allow(Action.INSTITUTION_CHANGE, _itself(row))
            _same(row.version, version)
            for name, value in asdict(_checked(new)).items():
                setattr(row, name, value)

    async def sites(self, actor: Actor, *, closed: bool = False) -> list[Place]:
        """Return the sites by name; with `closed` those that were given up as well."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.SITE_READ, _new_site(actor))
            query = select(Site).where(Site.institution_id == _home(actor))
            if not closed:
                query = query.where(visible(actor, Action.SITE_READ, Site))
            return [_place(row) for row in await tx.session.scalars(query.order_by(Site.name))]

    async def add_site(self, actor: Actor, new: NewSite) -> UUID:
        """Open a site; raise `Conflict("site_name_taken")` if there is one of this name."""
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.SITE_CHANGE, _new_site(actor))
            await tx.get(Institution, _home(actor))  # kept: one site of a name, whoever is first
            details = await _checked_site(tx, _home(actor), new)
            row = Site(institution_id=_home(actor), created_at=tx.now, **asdict(details))
            tx.session.add(row)
            return tx.answer(row.id)

    async def change_site(self, actor: Actor, site_id: UUID, new: NewSite, version: int) -> None:
        """Rename a site or correct its address; raise as `add_site` and `change`."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Site, site_id)
            tx.allow(Action.SITE_CHANGE, row)
            _same(row.version, version)
            await tx.get(Institution, row.institution_id)
            details = await _checked_site(tx, row.institution_id, new, but=row.id)
            row.name, row.address, row.phone = details.name, details.address, details.phone

    async def close_site(self, actor: Actor, site_id: UUID) -> None:
        """Give a site up: nothing new is placed there, what was stays readable."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Site, site_id)
            tx.allow(Action.SITE_CHANGE, row)
            row.deleted_at = tx.now


async def open_site(tx: Reading, institution_id: UUID, site_id: UUID | None) -> UUID | None:
    """Return the site if something may be placed there; raise `Invalid` if not."""
    if site_id is None:
        return None
    row = await tx.session.get(Site, site_id)
    if row is None or row.institution_id != institution_id or row.deleted_at is not None:
        raise Invalid("site_unknown")
    return site_id


def checked_phone(phone: str) -> str:
    """Return a mainland phone number without blanks; raise `Invalid("phone_malformed")`."""
    phone = re.sub(r"\s", "", phone)
    if phone and not PHONE.fullmatch(phone):
        raise Invalid("phone_malformed")
    return phone


def checked_name(name: str) -> str:
    """Return a name without stray blanks; raise `Invalid("name_needed")` or `("name_too_long")`."""
    name = " ".join(name.split())
    if not name:
        raise Invalid("name_needed")
    if len(name) > LONGEST_NAME:
        raise Invalid("name_too_long", most=LONGEST_NAME)
    return name


def _checked(new: NewInstitution) -> NewInstitution:
    return NewInstitution(
        name=checked_name(new.name),
        uscc=checked_uscc(new.uscc),
        licence_number=new.licence_number.strip(),
        licence_valid_to=new.licence_valid_to,
        grading_number=new.grading_number.strip(),
        grading_valid_to=new.grading_valid_to,
        phone=checked_phone(new.phone),
    )


async def _checked_site(
    tx: Reading, institution_id: UUID, new: NewSite, but: UUID | None = None
) -> NewSite:
    details = NewSite(checked_name(new.name), new.address.strip(), checked_phone(new.phone))
    same: Iterable[UUID] = await tx.session.scalars(
        select(Site.id).where(
            Site.institution_id == institution_id,
            Site.name == details.name,
            Site.deleted_at.is_(None),
        )
    )
    if set(same) - {but}:
        raise Conflict("site_name_taken", name=details.name)
    return details


def _home(actor: Actor) -> UUID:
    if actor.institution_id is None:
        raise Invalid("institution_needed")
    return actor.institution_id


def _same(version: int, shown: int) -> None:
    if version != shown:
        raise Conflict("changed_meanwhile")


def _itself(row: Institution) -> Subject:
    return Subject("institution", row.id, institution_id=row.id)


def _new_site(actor: Actor) -> Subject:
    return Subject("site", institution_id=actor.institution_id)


def _house(row: Institution) -> House:
    details = NewInstitution(
        name=row.name,
        uscc=row.uscc,
        licence_number=row.licence_number,
        licence_valid_to=row.licence_valid_to,
        grading_number=row.grading_number,
        grading_valid_to=row.grading_valid_to,
        phone=row.phone,
    )
    return House(row.id, details, row.is_demo, row.created_at, row.version)


def _place(row: Site) -> Place:
    return Place(row.id, NewSite(row.name, row.address, row.phone), row.deleted_at, row.version)
