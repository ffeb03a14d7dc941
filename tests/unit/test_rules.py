"""A rule means the same for a thing at hand and as a row filter: else lists leak, or hide. (S-AC-1)

Checked over every small world: each combination of place, owner, patient and deletion as a row of
a real table, against each kind of actor.
"""

from datetime import datetime
from itertools import product
from uuid import UUID

import pytest
from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, Session, mapped_column

from data.clock import new_id
from data.errors import Forbidden
from services.permissions import RULES
from services.policy import Action, Actor, Grant, Role, Subject, permits, visible
from services.rules import Rule
from tests.factories import INSTITUTION, MONDAY, OTHER_INSTITUTION

HERE, THERE = new_id(), new_id()
ME, ANOTHER = new_id(), new_id()
MY_PATIENT, STRANGER = new_id(), new_id()


class Table(MappedAsDataclass, DeclarativeBase, kw_only=True):
    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)


class Whole(Table):
    """A table with everything a rule may ask for."""

    __tablename__ = "whole"
    institution_id: Mapped[UUID | None] = mapped_column(default=None)
    site_id: Mapped[UUID | None] = mapped_column(default=None)
    owner_id: Mapped[UUID | None] = mapped_column(default=None)
    patient_id: Mapped[UUID | None] = mapped_column(default=None)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None)


class PlacedOnly(Table):
    """As the audit trail: a place, and nobody's in particular."""

    __tablename__ = "placed_only"
    institution_id: Mapped[UUID | None] = mapped_column(default=None)


class OwnedOnly(Table):
    """As a draft: somebody's, and in no place."""

    __tablename__ = "owned_only"
    owner_id: Mapped[UUID | None] = mapped_column(default=None)


class Bare(Table):
    """A table that says nothing a rule could go by."""

    __tablename__ = "bare"


CHOICES = {
    "institution_id": (INSTITUTION, OTHER_INSTITUTION, None),
    "site_id": (HERE, THERE, None),
    "owner_id": (ME, ANOTHER, None),
    "patient_id": (MY_PATIENT, STRANGER, None),
    "deleted_at": (None, MONDAY.replace(tzinfo=None)),
}
TABLES = (Whole, PlacedOnly, OwnedOnly, Bare)
RULE_BOOK = {rule.name: rule for rules in RULES.values() for rule in rules.values()}


def worlds(table: type[Table]) -> list[dict[str, object]]:
    """Return every row there can be."""
    names = [name for name in CHOICES if hasattr(table, name)]
    rows = product(*(CHOICES[name] for name in names))
    return [{"id": new_id(), **dict(zip(names, row, strict=True))} for row in rows]


@pytest.fixture(scope="module")
def session():
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        Table.metadata.create_all(connection)
        for table in TABLES:
            connection.execute(insert(table), worlds(table))
        with Session(connection) as session:
            yield session
    engine.dispose()


def actors(role: Role) -> list[Actor]:
    """Return every kind of actor with that role."""
    return [
        Actor(
            user_id=ME,
            grants=frozenset({Grant(role, site)}),
            institution_id=institution,
            patient_ids=patients,
        )
        for site, institution, patients in product(
            (None, HERE), (INSTITUTION, None), (frozenset(), frozenset({MY_PATIENT}))
        )
    ]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("rule", RULE_BOOK.values(), ids=list(RULE_BOOK))
def test_a_rule_lets_through_the_same_rows_as_things(session, rule: Rule, table):
    rows = list(session.scalars(select(table)))
    assert len(rows) == len(worlds(table))
    for actor in actors(Role.DOCTOR):
        [grant] = actor.grants
        filtered = set(session.scalars(select(table.id).where(rule.where(actor, grant, table))))
        held = {row.id for row in rows if rule.holds(actor, grant, Subject.of(row))}
        assert filtered == held, (rule.name, actor)


@pytest.mark.parametrize("action", Action)
def test_a_list_shows_what_may_be_done_to_each_row_and_nothing_else(session, action):
    rows = list(session.scalars(select(Whole)))
    for role in Role:
        for actor in actors(role):
            permitted = {row.id for row in rows if permits(actor, action, Subject.of(row))}
            try:
                shown = set(session.scalars(select(Whole.id).where(visible(actor, action, Whole))))
            except Forbidden:
                shown = set()
            assert shown == permitted, (action, role)


def test_what_two_grants_allow_is_what_each_of_them_allows(session):
    """A nurse here who is a quality officer everywhere sees what either of them sees."""
    action = Action.TASK_READ
    grants = [Grant(Role.NURSE, HERE), Grant(Role.QUALITY)]
    seen = []
    for held in ({grants[0]}, {grants[1]}, set(grants)):
        actor = Actor(user_id=ME, grants=frozenset(held), institution_id=INSTITUTION)
        seen.append(set(session.scalars(select(Whole.id).where(visible(actor, action, Whole)))))
    assert seen[0] < seen[1]
    assert seen[2] == seen[0] | seen[1]


def test_every_world_is_met():
    """The tests above would prove nothing over a table without its columns."""
    assert len(worlds(Whole)) == 3 * 3 * 3 * 3 * 2
    assert {"anyone", "in_place", "own", "not_own"} <= set(RULE_BOOK)
