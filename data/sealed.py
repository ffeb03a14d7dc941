"""Columns that only the house can read: identity numbers, phones, addresses, secrets (字段加密).

    class Staff(Placed, Base):
        phone: Mapped[str | None] = mapped_column(Sealed("staff.phone"), default=None, info=L4)
        phone_index: Mapped[str | None] = mapped_column(
            Blind("phone", of="phone"), init=False, index=True, info=L4
        )

    select(Staff).where(Staff.phone_index == "13800000000")

`Sealed` encrypts with the value bound to the name it is given, so that a value moved to another
column does not open; give it `<table>.<column>` and never change that. Comparing a sealed column
is an error: search by its blind index, which follows the sealed attribute by itself (on objects;
a Core `insert()` fills in both), ignores case and surrounding blanks, and can be unique. Equal
values have equal indexes under one label, so two columns with the same label can be joined.

Both databases seal, though an SQLite file is encrypted as a whole already: a value costs some
microseconds, one behaviour is tested once, and an export from one opens in the other.

The keys reach the types through the dialect of the engine that runs the statement, where
`Database.unlock` puts them: two databases in one process keep theirs apart, and nothing is global.
"""

from typing import Any, ClassVar, Protocol

from sqlalchemy import LargeBinary, String, event
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import InstrumentedAttribute, Mapper
from sqlalchemy.sql.operators import is_, is_not
from sqlalchemy.types import TypeDecorator

from data.crypto import Keys

LABEL = "field"
ATTRIBUTE = "xinglin_keys"


class Seals(Protocol):
    """What the types need of `Keys`, so that a rotation can write with one and read with two."""

    def seal(self, label: str, text: bytes, bound: bytes = b"") -> bytes: ...

    def open(self, label: str, sealed: bytes, bound: bytes = b"") -> bytes: ...

    def blind(self, field: str, value: str) -> bytes: ...


def unlock(dialect: Dialect, keys: Keys) -> None:
    """Let the statements that run in this dialect seal and open."""
    setattr(dialect, ATTRIBUTE, keys)


def _keys(dialect: Dialect) -> Seals:
    keys: Seals | None = getattr(dialect, ATTRIBUTE, None)
    if keys is None:
        raise LookupError("a sealed column was used before Database.unlock(keys)")
    return keys


class _NotComparable(TypeDecorator.Comparator[Any]):
    """Two seals of one value differ, so `==` would never find anything: say so."""

    def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
        if op in {is_, is_not} or (other and other[0] is None):
            return super().operate(op, *other, **kwargs)
        raise TypeError("a sealed column cannot be compared: search by its blind index")


class _AnySealed(TypeDecorator[Any]):
    impl = LargeBinary
    cache_ok = True
    comparator_factory = _NotComparable
    text: ClassVar[bool]

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        plain = value.encode() if self.text else bytes(value)
        return _keys(dialect).seal(LABEL, plain, self.field.encode())

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        plain = _keys(dialect).open(LABEL, bytes(value), self.field.encode())
        return plain.decode() if self.text else plain


class Sealed(_AnySealed):
    """Text that is encrypted in the database; raises `Invalid("sealed_value_damaged")`."""

    cache_ok = True
    text = True


class SealedBytes(_AnySealed):
    """Bytes that are encrypted in the database, such as the secret of a one-time password."""

    cache_ok = True
    text = False


class Blind(TypeDecorator[str]):
    """The search key of a sealed attribute: equal for equal values, telling nothing else. (盲索引)

    Few values leak their frequency (a sex, a district): only for what is nearly unique.
    """

    impl = String(32)
    cache_ok = True

    def __init__(self, label: str, of: str) -> None:
        """`label` is what equal values share an index for; `of` names the sealed attribute."""
        super().__init__()
        self.label = label
        self.of = of

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return _keys(dialect).blind(self.label, folded(value)).hex()


def folded(value: str) -> str:
    """Return what counts of a value when it is looked for: an identity number may end in x or X."""
    return value.strip().casefold()


@event.listens_for(Mapper, "mapper_configured")
def _let_indexes_follow(mapper: Mapper[Any], class_: type) -> None:
    for index in mapper.column_attrs:
        kind = index.columns[0].type
        if isinstance(kind, Blind):
            _follow(getattr(class_, kind.of), index.key)


def _follow(sealed: InstrumentedAttribute[Any], index: str) -> None:
    def on_set(row: object, value: str | None, *_: object) -> None:
        setattr(row, index, value)

    event.listen(sealed, "set", on_set)
