"""Hands letters to the hospital's mail server (SMTP, RFC 5321), encrypted unless told not to."""

import ssl
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from data.clock import Clock
from data.errors import Invalid, Unavailable
from services.ports import Letter
from services.settings import MailSettings

CONNECT_SECONDS = 8
PERMANENT = 500  # a 5yz answer will be the same next time, a 4yz may not (RFC 5321, 4.2.1)


class SmtpMailer:
    """One mail server."""

    sandbox = False
    untried = True

    def __init__(
        self, settings: MailSettings, clock: Clock, trust: ssl.SSLContext | None = None
    ) -> None:
        """`trust` replaces the authorities of the machine, for a hospital with its own."""
        self._settings = settings
        self._clock = clock
        self._trust = trust

    async def send(self, letter: Letter) -> None:
        """Hand the letter over; raise `Unavailable` if it may work later, `Invalid` if never."""
        message = self._message(letter)
        try:
            async with self._connection() as server:
                await server.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            codes = [each.code for each in refusal.recipients]
            raise _judged(max(codes, default=0), "mail_address_refused") from None
        except aiosmtplib.SMTPAuthenticationError:
            raise Unavailable("mail_sign_in_refused") from None
        except aiosmtplib.SMTPResponseException as refusal:
            raise _judged(refusal.code, "mail_refused") from None
        except ssl.SSLError:
            raise Unavailable("mail_certificate_wrong") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as trouble:
            if isinstance(trouble.__cause__, ssl.SSLError):
                raise Unavailable("mail_certificate_wrong") from None
            raise Unavailable("mail_server_silent") from None

    def _connection(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.user or None,
            password=settings.password.get_secret_value() or None,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=None if settings.security == "none" else self._trust,
            timeout=CONNECT_SECONDS,
        )

    def _message(self, letter: Letter) -> EmailMessage:
        if any(character in letter.to for character in "\r\n,;<> ") or "@" not in letter.to:
            raise Invalid("mail_address_malformed")
        sender = self._settings.sender
        message = EmailMessage()
        message["From"] = sender
        message["To"] = letter.to
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = format_datetime(self._clock.now())
        # Sent twice it is still the same letter, as far as a server looks.
        message["Message-ID"] = f"<{letter.reference}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message


def _judged(code: int, word: str) -> Invalid | Unavailable:
    if code >= PERMANENT:
        return Invalid(word, answer=code)
    return Unavailable("mail_put_off", answer=code)
