"""A real mail server (aiosmtpd) for tests: obliging, strict, busy, or silent."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from integrations.certificates import Office
from services.settings import CertificateSettings
from tests.factories import MONDAY

USER, PASSWORD = "xinglin", "correct horse"


class Postman:
    """Takes letters, or answers what it is told to answer."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.encrypted: list[bool] = []
        self.answer = "250 OK"
        self.answer_to_recipient = "250 OK"
        self.silent = asyncio.Event()
        self.silent.set()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if self.answer_to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer_to_recipient

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        await self.silent.wait()
        if self.answer.startswith("250"):
            letter = message_from_bytes(envelope.content, policy=policy.default)
            self.letters.append(letter)
            self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return self.answer


def check_password(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    # Not `handled`: the server itself then answers 535.
    return AuthResult(success=right and data.login == USER.encode(), handled=False)


@asynccontextmanager
async def mail_server(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, sign_in=False
) -> AsyncIterator[tuple[int, Postman]]:
    """Yield the port of a server on 127.0.0.1, and its postman."""
    postman = Postman()
    options = {"tls_context": starttls, "require_starttls": starttls is not None}
    if sign_in:
        options |= {"authenticator": check_password, "auth_required": True}
        options |= {"auth_require_tls": starttls is not None}

    def make() -> SMTP:
        with warnings.catch_warnings():  # it does not see that the line is encrypted from the start
            warnings.simplefilter("ignore")
            return SMTP(postman, hostname="mail.test", **options)

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], postman
    finally:
        postman.silent.set()
        server.close()


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return contexts of a server with a certificate of our own authority, and who trusts it."""
    made = Office(CertificateSettings(), folder, lambda: ("localhost", "127.0.0.1")).ready(MONDAY)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.chain, made.key)
    return server, ssl.create_default_context(cafile=str(made.authority))
