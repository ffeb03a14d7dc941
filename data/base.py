"""What every table shares: a typed constructor, an id, honest timestamps, and a data level."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, dataclass_transform
from uuid import UUID

from sqlalchemy import JSON, DateTime, Enum, MetaData
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from data.clock import new_id

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# Data levels of GB/T 39725-2020, one on every column: `mapped_column(info=L3)`. Masks, exports,
# logs and the audit trail read them; a test fails for a column without one.
L1: dict[Any, Any] = {"level": 1}  # public
L2: dict[Any, Any] = {"level": 2}  # wide use: keys, counts, states
L3: dict[Any, Any] = {"level": 3}  # staff of the house
L4: dict[Any, Any] = {"level": 4}  # identifies a person: who treats them, and themselves
L5: dict[Any, Any] = {"level": 5}  # specially protected diagnoses: only named staff


class UtcDateTime(TypeDecorator[datetime]):
    """Aware in, aware out; SQLite itself forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


# A state is stored by the word it stands for, readable in any tool; adding one needs no migration.
_WORD = Enum(
    StrEnum, native_enum=False, length=40, values_callable=lambda kind: [str(word) for word in kind]
)


@dataclass_transform(kw_only_default=True, field_specifiers=(mapped_column, relationship))
class Base(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """A table's row: made with keywords only, so that a forgotten column is a type error."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {
        datetime: UtcDateTime,
        StrEnum: _WORD,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
    }

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id, info=L2)


@dataclass_transform(kw_only_default=True, field_specifiers=(mapped_column, relationship))
class Placed(MappedAsDataclass, kw_only=True):
    """A row that belongs to an institution and, within it, perhaps to one site (院区)."""

    institution_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    site_id: Mapped[UUID | None] = mapped_column(index=True, default=None, info=L2)


def level_of(column: Any) -> int:
    """Return the data level (1 to 5) of a mapped column."""
    return int(column.info["level"])
