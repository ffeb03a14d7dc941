"""The open sessions that are in use, in memory: most requests find their actor here.

Whoever reads a session from the database while it is being ended must not put it back here: each
reading is a `Loading`, and forgetting anything spoils the readings that are under way.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.policy import Actor
from services.users.standards import Patience

MOST_KEPT = 5000


@dataclass(slots=True)
class OpenSession:
    """What one session allows, and when it was last used."""

    id: UUID
    token_digest: bytes
    actor: Actor
    whose: Patience
    ends_at: datetime
    last_seen_at: datetime
    emergencies: tuple[tuple[UUID, datetime], ...] = ()
    """Patients whose glass this person broke, each with the moment it closes again."""


class Loading:
    """One reading from the database that is under way."""

    spoilt = False


class OpenSessions:
    """A bounded memory of sessions, by id and by token; the least used make room."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[UUID, OpenSession] = OrderedDict()
        self._ids: dict[bytes, UUID] = {}
        self._loadings: set[Loading] = set()
        self.seen: dict[UUID, datetime] = {}
        """When sessions were last used, as far as the database does not know it yet."""

    def __len__(self) -> int:
        return len(self._kept)

    def by_token(self, digest: bytes) -> OpenSession | None:
        """Return the session this token opens, if it is here."""
        session_id = self._ids.get(digest)
        return None if session_id is None else self.by_id(session_id)

    def by_id(self, session_id: UUID) -> OpenSession | None:
        """Return the session, if it is here."""
        kept = self._kept.get(session_id)
        if kept is not None:
            self._kept.move_to_end(session_id)
        return kept

    def begin(self) -> Loading:
        """Say that a reading from the database begins."""
        loading = Loading()
        self._loadings.add(loading)
        return loading

    def end(self, loading: Loading) -> bool:
        """Say that a reading is over; return whether it may be believed."""
        self._loadings.discard(loading)
        return not loading.spoilt

    def keep(self, session: OpenSession) -> None:
        """Remember a session, and forget the least used if there are too many."""
        self._drop(session.id)
        self._kept[session.id] = session
        self._ids[session.token_digest] = session.id
        while len(self._kept) > self._most:
            self._drop(next(iter(self._kept)))

    def forget(self, matches: Callable[[OpenSession], bool]) -> None:
        """Forget the sessions that match, and spoil every reading that is under way."""
        for loading in self._loadings:
            loading.spoilt = True
        for session_id in [kept.id for kept in self._kept.values() if matches(kept)]:
            self._drop(session_id)

    def _drop(self, session_id: UUID) -> None:
        dropped = self._kept.pop(session_id, None)
        if dropped is not None:
            self._ids.pop(dropped.token_digest, None)
