"""Every adapter of the port `Mailer`, each with the other end of its line: one line joins."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from data.messages import CaughtMessage
from integrations.sandbox.messages import SandboxMailer
from integrations.smtp import SmtpMailer
from services.inbox import Tray
from services.settings import MailSettings
from tests.mail_server import mail_server


@dataclass
class Bench:
    """An adapter, and what has arrived at the other end: (reference, to, subject, text)."""

    adapter: Any
    arrived: Callable[[], Any]


@asynccontextmanager
async def smtp(database, clock) -> AsyncIterator[Bench]:
    async with mail_server() as (port, postman):
        settings = MailSettings(
            host="127.0.0.1", port=port, security="none", sender="care@hospital.test"
        )

        async def arrived():
            return [
                (
                    letter["Message-ID"].strip("<>").split("@")[0],
                    letter["To"],
                    letter["Subject"],
                    "\n".join(letter.get_content().splitlines()),
                )
                for letter in postman.letters
            ]

        yield Bench(SmtpMailer(settings, clock), arrived)


@asynccontextmanager
async def sandbox(database, clock) -> AsyncIterator[Bench]:
    async def arrived():
        async with database.transaction(write=False) as session:
            rows = await session.scalars(select(CaughtMessage).order_by(CaughtMessage.id))
            return [(row.reference, row.address, row.subject, row.text) for row in rows]

    yield Bench(SandboxMailer(Tray(database, clock)), arrived)


ADAPTERS: dict[str, Callable[..., AbstractAsyncContextManager[Bench]]] = {
    "sandbox": sandbox,
    "smtp": smtp,
}
