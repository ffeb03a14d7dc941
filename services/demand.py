"""A request that names its key, so that asking again does nothing twice. (R033, R152)"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

LONGEST_KEY = 200


def as_it_is(value: Any) -> Any:
    """Return it."""
    return value


@dataclass(eq=False, slots=True)
class Demand:
    """What was asked under which key, and what it is answered.

    It travels with the actor (`Actor.demand`) to the unit of work that does what is asked, and is
    answered there (`Transaction.answer`): the answer is kept with the change, or neither is.
    """

    scope: str
    """Whose key it is: the same key of another is another."""
    key: str
    asked: Any
    """The route and what came with it: anything else under the same key is a mistake."""
    shown: Callable[[Any], Any] = as_it_is
    """Turns what the use case returns into what the caller is told, as JSON has it."""
    kept: Callable[[Any], Any] = as_it_is
    """Leaves out of that what is shown only once: a password, say."""
    answers: list[Any] = field(default_factory=list)
    """What the caller is told, once that is known."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what was asked, whatever the order of its fields."""
        canonical = json.dumps(self.asked, ensure_ascii=False, sort_keys=True, default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()
