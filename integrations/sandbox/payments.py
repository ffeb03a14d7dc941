"""A payment channel that has no network and no money: a page on which a person pretends to pay.

It keeps its own books, in a file of its own, as a real one would on its own machines: what it
knows it does not have from us. It tells the house by a signed notice.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from data.clock import Clock
from data.errors import Conflict, Invalid
from data.keyring import write_at_once
from services.billing.simulator import Checkout
from services.ports import (
    PaymentAnswer,
    PaymentRequest,
    PaymentStatus,
    RefundAnswer,
    RefundStatus,
)

SIGNATURE = "x-sandbox-signature"


@dataclass(slots=True)
class Trade:
    """One payment in the channel's books."""

    number: str
    fen: int
    description: str
    pay_until: str
    status: str = PaymentStatus.OPEN
    paid_at: str = ""
    refunds: dict[str, int] = field(default_factory=dict)


class SandboxPayments:
    """A channel that believes whoever presses the button."""

    name = "sandbox"
    merchant = "sandbox-hospital"
    thanks = "OK"
    sandbox = True
    untried = False

    def __init__(self, clock: Clock, book: Path | None = None) -> None:
        """Keep the books in `book`, or in memory only."""
        self._clock = clock
        self._book = book
        self._trades: dict[str, Trade] | None = None
        self._secret = ""
        self._turn = asyncio.Lock()

    async def ask(
        self, reference: str, amount_fen: int, description: str, pay_until: datetime
    ) -> PaymentRequest:
        async with self._turn:
            trades = await self._read()
            trade = trades.get(reference)
            if trade is None:
                until = pay_until.isoformat()
                trade = Trade(f"SIM{len(trades) + 1:08}", amount_fen, description, until)
                trades[reference] = trade
                await self._write()
            if trade.status != PaymentStatus.OPEN or trade.fen != amount_fen:
                raise Conflict("payment_reference_used")
            url = f"/sandbox/pay/{reference}"
            return PaymentRequest(url, qr=f"SIMULATOR {reference}", channel_number=trade.number)

    async def query(self, reference: str) -> PaymentAnswer:
        async with self._turn:
            return self._told(reference, await self._read())

    async def close(self, reference: str) -> PaymentAnswer:
        async with self._turn:
            trades = await self._read()
            trade = trades.get(reference)
            if trade is not None and trade.status == PaymentStatus.OPEN:
                trade.status = PaymentStatus.CLOSED
                await self._write()
            return self._told(reference, trades)

    async def refund(self, reference: str, refund_reference: str, amount_fen: int) -> RefundAnswer:
        async with self._turn:
            trade = (await self._read()).get(reference)
            if trade is None or trade.status != PaymentStatus.SUCCEEDED:
                return RefundAnswer(RefundStatus.REFUSED)
            if refund_reference not in trade.refunds:
                if sum(trade.refunds.values()) + amount_fen > trade.fen:
                    return RefundAnswer(RefundStatus.REFUSED)
                trade.refunds[refund_reference] = amount_fen
                await self._write()
            place = list(trade.refunds).index(refund_reference) + 1
            return RefundAnswer(RefundStatus.SUCCEEDED, f"{trade.number}-R{place}")

    def heard(self, headers: Mapping[str, str], body: bytes) -> PaymentAnswer:
        if not hmac.compare_digest(self._signed(body), headers.get(SIGNATURE, "")):
            raise Invalid("payment_notice_forged")
        told = json.loads(body)
        return PaymentAnswer(
            reference=told["reference"],
            status=PaymentStatus(told["status"]),
            merchant=told["merchant"],
            channel_number=told["number"],
            amount_fen=told["fen"],
            paid_at=datetime.fromisoformat(told["paid_at"]) if told["paid_at"] else None,
        )

    async def checkout(self, reference: str) -> Checkout | None:
        """Return what is to be paid; see `services.billing.simulator.Pretender`."""
        async with self._turn:
            trade = (await self._read()).get(reference)
            if trade is None:
                return None
            until = datetime.fromisoformat(trade.pay_until)
            status = PaymentStatus(trade.status)
            return Checkout(reference, trade.fen, trade.description, until, status)

    async def pretend(self, reference: str) -> tuple[Mapping[str, str], bytes]:
        """Take it as paid, once; see `services.billing.simulator.Pretender`."""
        async with self._turn:
            trades = await self._read()
            trade = trades.get(reference)
            if trade is None or trade.status == PaymentStatus.CLOSED:
                raise Conflict("bill_closed")
            if trade.status == PaymentStatus.OPEN:
                trade.status, trade.paid_at = (
                    PaymentStatus.SUCCEEDED,
                    self._clock.now().isoformat(),
                )
                await self._write()
            return self.notice(reference)

    def notice(self, reference: str, /, **instead: Any) -> tuple[Mapping[str, str], bytes]:
        """Return the notice about a payment; `instead` is what a test has it say falsely."""
        trade = (self._trades or {})[reference]
        told = {
            "reference": reference,
            "status": trade.status,
            "merchant": self.merchant,
            "number": trade.number,
            "fen": trade.fen,
            "paid_at": trade.paid_at,
        }
        body = json.dumps({**told, **instead}).encode()
        return {SIGNATURE: self._signed(body)}, body

    def _signed(self, body: bytes) -> str:
        if not self._secret:  # nothing was ever asked for: nothing can be ours
            return secrets.token_hex()
        return hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()

    def _told(self, reference: str, trades: Mapping[str, Trade]) -> PaymentAnswer:
        trade = trades.get(reference)
        if trade is None:
            return PaymentAnswer(reference, PaymentStatus.NOT_FOUND)
        return PaymentAnswer(
            reference=reference,
            status=PaymentStatus(trade.status),
            merchant=self.merchant,
            channel_number=trade.number,
            amount_fen=trade.fen,
            paid_at=datetime.fromisoformat(trade.paid_at) if trade.paid_at else None,
        )

    async def _read(self) -> dict[str, Trade]:
        """Return the books, read from their file the first time."""
        if self._trades is None:
            kept = await asyncio.to_thread(_content_of, self._book)
            self._secret = kept.get("secret") or secrets.token_hex()
            self._trades = {
                reference: Trade(**trade) for reference, trade in kept.get("trades", {}).items()
            }
        return self._trades

    async def _write(self) -> None:
        if self._book is None:
            return
        trades = {reference: asdict(trade) for reference, trade in (self._trades or {}).items()}
        content = json.dumps({"secret": self._secret, "trades": trades}).encode()
        await asyncio.to_thread(write_at_once, self._book, content)


def _content_of(book: Path | None) -> dict[str, Any]:
    """Return what is written there; nothing for books that are new."""
    if book is None or not book.exists():
        return {}
    read: dict[str, Any] = json.loads(book.read_bytes())
    return read
