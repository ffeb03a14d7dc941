"""What the house needs from the world outside, and nothing about how it is done.

Each Protocol here is a port; adapters live in integrations/, are chosen by settings or installed
as entry points (`xinglin.<port>`), and pass one conformance suite a port (tests/contracts/).
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail to one address."""

    reference: str
    """Ours; the same reference is sent once as far as the server can tell (Message-ID)."""
    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Sends e-mail."""

    sandbox: bool
    """Whether nothing real happens: said on the screen, refused outside a demo."""
    untried: bool
    """Whether it was never run against the real service, but only against another server that
    speaks the same: said on the health page."""

    async def send(self, letter: Letter) -> None:
        """Hand the letter over; raise `Unavailable` if the server cannot take it now, `Invalid`
        if it never will."""
        ...


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A short message to a mobile phone."""

    reference: str
    to: str
    """A mainland mobile number, eleven digits."""
    text: str


class SmsSender(Protocol):
    """Sends short messages (短信)."""

    sandbox: bool
    untried: bool

    async def send(self, message: TextMessage) -> str:
        """Hand the message over; return the provider's number. The same reference is sent once.

        Raise `Unavailable` if it may work later, `Invalid` if it never will.
        """
        ...


class ScanVerdict(StrEnum):
    CLEAN = "clean"
    INFECTED = "infected"


class Scanner(Protocol):
    """Looks for malware in an upload before anybody else sees it."""

    async def scan(self, chunks: AsyncIterator[bytes]) -> ScanVerdict:
        """Read all of it and judge; raise `Unavailable` if the scanner does not answer."""
        ...


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """What HTTPS is served with."""

    chain: Path
    """PEM, the server's certificate first."""
    key: Path
    authority: Path | None
    """The certificate of our own authority, for people to install; None if the world knows it."""
    names: tuple[str, ...]
    """The host names and addresses it is good for."""
    valid_to: datetime
    fingerprint: str
    """SHA-256 of the authority's certificate (of the server's own, if there is none)."""


class CertificateOffice(Protocol):
    """Sees to it that there is a certificate; all of it blocks, so call it off the event loop."""

    untried: bool

    def current(self) -> ServerCertificate | None:
        """Return the certificate we have, due or not; None if there is none."""
        ...

    def ready(self, now: datetime) -> ServerCertificate:
        """Return the certificate to serve with, made or renewed first if that is due.

        Raise `Unavailable` if a public authority did not answer or could not see us.
        """
        ...

    def left_out(self) -> tuple[str, ...]:
        """Return the names that we should have and that our authority may not vouch for."""
        ...


class TimeSource(Protocol):
    """Knows what time it is, better than we do."""

    async def ahead(self) -> float:
        """Return by how many seconds our clock is ahead of it (behind: less than nothing).

        Raise `Unavailable` if it does not answer.
        """
        ...


class BackupTarget(Protocol):
    """Another place that keeps copies (备份目标); names are relative paths with `/`.

    What is stored is sealed already: a target is trusted with nothing but to give it back. Every
    method raises `Unavailable("backup_target_unreachable")` if the place does not answer, and
    `Invalid("backup_target_refuses")` if it does not let us in or do this.
    """

    place: str
    """What people call it, without any password."""

    async def names(self, folder: str) -> list[str]:
        """Return the files under a folder, at any depth, as names from the top; unfinished ones
        and a missing folder count as nothing."""
        ...

    async def put(self, name: str, source: Path) -> None:
        """Copy a file there durably, whole or not at all, in place of what had its name.

        Raise `Unavailable("backup_target_full")`; what was there before stays.
        """
        ...

    async def fetch(self, name: str, target: Path) -> None:
        """Copy a file here; raise `NotFound("backup_part_missing")`."""
        ...

    async def remove(self, name: str) -> None:
        """Delete a file, and its folder if that is empty then; that it is gone is no error."""
        ...

    async def close(self) -> None:
        """Let go of any connection; the next call makes a new one."""
        ...


class IdentityAnswer(StrEnum):
    """What a register of identities says."""

    MATCH = "match"
    MISMATCH = "mismatch"


class IdentityRegister(Protocol):
    """Knows whether a name and an identity number belong together (实名核验)."""

    method: str
    """Which of `data.patients.IdentityMethod` it is."""
    sandbox: bool
    untried: bool

    async def check(self, reference: str, name: str, number: str) -> IdentityAnswer:
        """Ask; the same reference is asked, and paid for, once. Raise `Unavailable`."""
        ...


class PaymentStatus(StrEnum):
    """What a channel knows of a payment."""

    NOT_FOUND = "not_found"
    OPEN = "open"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """Where and how somebody pays what they were asked for."""

    url: str
    """Where the payer's browser goes; on this server if it begins with `/`."""
    qr: str
    """What a code to scan holds; empty if there is none."""
    channel_number: str
    """The channel's own number of it, if it says one so early."""


@dataclass(frozen=True, slots=True)
class PaymentAnswer:
    """What a channel says about one payment, asked or by itself."""

    reference: str
    status: PaymentStatus
    merchant: str = ""
    """Whom the money went to, as the channel knows us."""
    channel_number: str = ""
    amount_fen: int = 0
    paid_at: datetime | None = None


class RefundStatus(StrEnum):
    """What a channel says about a refund."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """How far a refund has come."""

    status: RefundStatus
    channel_number: str = ""


class PaymentChannel(Protocol):
    """Takes money from people and gives it back (支付渠道). All amounts are in fen.

    `reference` is our number of the payment, `refund_reference` that of a refund: 32 letters and
    digits at most, never used for anything else. Every method raises `Unavailable` if the channel
    did not answer: then nobody knows whether it was done.
    """

    name: str
    """Kept with every payment."""
    merchant: str
    """Who we are to the channel."""
    thanks: str
    """What the channel wants to hear when its notice was taken in."""
    sandbox: bool
    untried: bool

    async def ask(
        self, reference: str, amount_fen: int, description: str, pay_until: datetime
    ) -> PaymentRequest:
        """Ask for a payment; the same reference asks once, and is answered alike.

        Raise `Conflict("payment_reference_used")` for another amount, or if it was paid or closed.
        """
        ...

    async def query(self, reference: str) -> PaymentAnswer:
        """Return what has become of a payment; one it never heard of is `NOT_FOUND`."""
        ...

    async def close(self, reference: str) -> PaymentAnswer:
        """Let a payment not be made any more; one that was made already is `SUCCEEDED`."""
        ...

    async def refund(self, reference: str, refund_reference: str, amount_fen: int) -> RefundAnswer:
        """Give back some or all of a payment; the same refund reference gives back once, and is
        answered with how far that has come."""
        ...

    def heard(self, headers: Mapping[str, str], body: bytes) -> PaymentAnswer:
        """Read a notice that the channel sent by itself: names of headers in small letters.

        Raise `Invalid("payment_notice_forged")` unless it is signed by the channel.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """The adapters that serve us now; None where a hospital has not set one up."""

    mailer: Mailer | None = None
    sms: SmsSender | None = None
    scanner: Scanner | None = None
    time: TimeSource | None = None
    backup: BackupTarget | None = None
    certificates: CertificateOffice | None = None
    identities: IdentityRegister | None = None
    payments: PaymentChannel | None = None
