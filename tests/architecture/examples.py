"""What an example of a use case is made of; the examples themselves are in uses*.py."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.policy import Action
from tests.architecture.whose import Case, Maker


class Shows(StrEnum):
    """How one sees that it was done."""

    TRAIL = "an entry in the audit trail"
    ANSWER = "an answer that is not empty"
    ROWS = "rows that have changed"


@dataclass(frozen=True, slots=True)
class Use:
    """One use case: what the policy is asked, about what, and how it is called."""

    action: Action
    thing: Maker
    do: Callable[[Case, UUID], Awaitable[Any]]
    shows: Shows = Shows.TRAIL
