"""Who is at the other end of a request or a socket: one live value for each session."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.events import Event, SessionsEnded
from services.policy import ANYBODY, Actor
from services.rules import OUTSIDERS


class Sessions(Protocol):
    """What the gate asks of the session service; both answer from memory as a rule.

    `seen` counts the question as a sign of life, without which a session becomes idle.
    """

    async def actor_of(self, token: str, address: str = "", *, seen: bool = True) -> Actor | None:
        """Return who holds this token, or None if it opens nothing (any more)."""
        ...

    async def actor_in(
        self, session_id: UUID, address: str = "", *, seen: bool = True
    ) -> Actor | None:
        """Return who is in this session, or None if it is over."""
        ...


@dataclass(slots=True, eq=False)
class Visitor:
    """A person's session, or a guest's browser, as this process knows it.

    All requests, pages and sockets of one session share this value, so that a page opened an
    hour ago acts with the rights its person has now.
    """

    key: str
    """What pages and sockets are bound to: the session, or the guest's own number."""
    actor: Actor
    session_id: UUID | None = None
    address: str = ""
    ended: str = ""
    """Why the session is over; empty while it lives."""
    is_outsider: bool = False
    """Whether it was a patient's: they have a door of their own."""

    @property
    def is_guest(self) -> bool:
        return self.session_id is None

    def end(self, reason: str) -> None:
        """Leave nothing to act with to whatever still runs for this session."""
        self.ended, self.actor = reason, ANYBODY


Ending = Callable[[str, str], None]
"""Told the key of a visitor, and why the session is over."""


class Visitors:
    """Everybody we know of at this moment."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._known: dict[UUID, Visitor] = {}
        self._on_end: list[Ending] = []

    def on_end(self, listener: Ending) -> None:
        """Tell `listener` of every visitor whose session is over."""
        self._on_end.append(listener)

    async def find(self, token: str, address: str, *, seen: bool = True) -> Visitor | None:
        """Return whose token this is, or None if its session is over or never was."""
        actor = await self._sessions.actor_of(token, address, seen=seen) if token else None
        if actor is None or actor.session_id is None:
            return None
        visitor = self._known.get(actor.session_id)
        if visitor is None:
            visitor = Visitor(str(actor.session_id), actor, actor.session_id)
            self._known[actor.session_id] = visitor
        visitor.actor, visitor.address = actor, address
        visitor.is_outsider = actor.roles <= OUTSIDERS
        return visitor

    async def goes_on(self, visitor: Visitor, *, seen: bool) -> bool:
        """Tell whether the session still lives, and take over the rights it has now."""
        if visitor.session_id is None:
            return True
        if visitor.ended:
            return False
        actor = await self._sessions.actor_in(visitor.session_id, visitor.address, seen=seen)
        if actor is None:
            self._end(visitor.session_id, "expired")
            visitor.end("expired")
            return False
        self._known.setdefault(visitor.session_id, visitor)
        visitor.actor = actor
        return True

    def watch(self, event: Event) -> None:
        """Hear what has been committed: ended sessions close what they opened."""
        if isinstance(event, SessionsEnded):
            for session_id in event.session_ids:
                self._end(session_id, event.reason)

    def _end(self, session_id: UUID, reason: str) -> None:
        visitor = self._known.pop(session_id, None)
        if visitor is not None:
            visitor.end(reason or "expired")
        for listener in self._on_end:
            listener(str(session_id), reason or "expired")

    def keep_only(self, in_use: Iterable[Visitor]) -> None:
        """Forget everybody else: the session service knows them when they ask again."""
        self._known = {each.session_id: each for each in in_use if each.session_id is not None}


def guest(number: str, address: str) -> Visitor:
    """Return somebody who has not signed in, known by the number in their browser."""
    return Visitor(key=f"guest:{number}", actor=ANYBODY, address=address)


def guest_number() -> str:
    """Return a new number for a browser that has none."""
    return secrets.token_urlsafe(16)
