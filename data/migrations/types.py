"""How our column types are written down in a migration: as what they are in the database.

A migration describes the schema of its day; it must not change when data/base.py does.
"""

from typing import Any, Literal

from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Enum
from sqlalchemy.types import TypeDecorator


def rendered(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Return the text for a column type of ours; False leaves the rest to alembic."""
    del context
    if kind != "type":
        return False
    if isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    if isinstance(item, Enum):
        return f"sa.String(length={item.length})"
    return False
