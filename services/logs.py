"""Writes the log: one line of JSON a record, who and which request, and no personal data. (日志)

Code logs with `logging.getLogger(__name__)`. Whoever handles a request or a click binds what it
is about with `about(...)`; every line written meanwhile carries it, in tasks begun there too.

Nobody should log what identifies a person. If it happens all the same, by a library's error text
for one, what looks like it is masked in the finished line. Names cannot be recognised: they are
kept out by never being logged (see the test that reads a real log).
"""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

MASK = "***"
_ALONE = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"


def _alone(pattern: str) -> str:
    """Not within a longer number or word; Chinese may touch it."""
    return _ALONE[0] + pattern + _ALONE[1]


MASKED: tuple[tuple[re.Pattern[str], str], ...] = (
    # What a database's error text quotes: the values of a statement, the key of a duplicate.
    (re.compile(r"\[parameters: .*?\](?=\\n|\n|\"|$)", re.DOTALL), "[parameters: ***]"),
    (re.compile(r"DETAIL: .*?(?=\\n|\n|\"|$)"), "DETAIL: ***"),
    (re.compile(r"(?i)(?<![a-z0-9])(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"), MASK),
    (re.compile(_alone(r"[1-9]\d{16}[\dXx]")), MASK),  # identity number, GB 11643
    (re.compile(_alone(r"[1-9]\d{7}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}")), MASK),  # old
    (re.compile(_alone(r"(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}")), MASK),  # mobile number
    # Tokens of sessions and links: long, of mixed letters and digits. Ids of ours have hyphens.
    (re.compile(_alone(r"(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[A-Za-z0-9_-]{40,}")), MASK),
)


CHATTY = ("uvicorn", "alembic", "aiosqlite", "asyncio", "apscheduler", "httpx")
"""Libraries that tell of every socket and step: of them only trouble is written."""


def masked(line: str) -> str:
    """Return a line without anything that looks like it identifies a person or opens a door."""
    for pattern, instead in MASKED:
        line = pattern.sub(instead, line)
    return line


def settle(form: str = "json", stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Let every logger of the process write to `stream`, as `json` lines or for a `console`."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
    ]
    shape: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )

    def line(logger: Any, name: str, record: EventDict) -> str:
        return masked(str(shape(logger, name, record)))

    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, line],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


@contextmanager
def about(**what: object) -> Iterator[None]:
    """Say what the lines written in this block are about: `request_id`, `user_id`, `job`."""
    with structlog.contextvars.bound_contextvars(
        **{name: str(value) for name, value in what.items() if value is not None}
    ):
        yield
