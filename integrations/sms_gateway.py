"""Hands text messages to a gateway over HTTP: JSON, signed both ways by a shared secret. (短信网关)

Every provider and carrier has its own interface and wants contracts and approved templates; a
hospital often has a gateway of its own before them. So this speaks one small profile, which a
gateway or a bridge of a page of code can serve:

    POST <address>                                   Content-Type: application/json
    X-Key: <key>   X-Timestamp: <Unix seconds>       X-Signature: <hexadecimal>
    {"reference": "...", "to": "13800000000", "text": "...", "sign_name": "..."}

    200  {"number": "<the provider's number>"}       X-Timestamp, X-Signature
    401, 403 who are you; 408, 425, 429, 5xx later; any other: never

The signature is HMAC-SHA256 (RFC 2104) with the secret over the timestamp, a line feed and the
body; in an answer over the reference, a line feed, the timestamp, a line feed and the body, so that
an answer fits one message. A gateway refuses what is older than 300 s, and takes the same reference
once and answers with the same number. Not run against a provider's real service.
"""

import hmac
import json
import re
from typing import Any
from urllib.parse import urlsplit

import httpx

from data.clock import Clock
from data.errors import Invalid, Unavailable
from services.ports import TextMessage
from services.settings import SmsSettings
from services.tls import trusting

SILENCE_SECONDS = 8
OLDEST_ANSWER = 300  # seconds
LARGEST_ANSWER = 64 * 1024
MOBILE = re.compile(r"1[3-9]\d{9}")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
NOT_KNOWN = frozenset({401, 403})
LATER = frozenset({408, 425, 429})
SERVER_ERROR = 500


class SmsGateway:
    """One gateway."""

    sandbox = False
    untried = True

    def __init__(self, settings: SmsSettings, clock: Clock) -> None:
        """Raise `Invalid("sms_gateway_malformed")` for an address that is none, or that would
        send phone numbers over a network unencrypted."""
        address = urlsplit(settings.url)
        plain = address.scheme == "http" and address.hostname in LOOPBACK
        if not address.hostname or not (plain or address.scheme == "https"):
            raise Invalid("sms_gateway_malformed", url=settings.url)
        self._settings = settings
        self._clock = clock
        self._secret = settings.secret.get_secret_value().encode()
        # Made once: reading the machine's authorities takes longer than the loop may be held.
        self._trust = True if plain else trusting(settings.trust, "sms.trust")

    async def send(self, message: TextMessage) -> str:
        """Hand a message over and return its number; raise as `services.ports.SmsSender` says."""
        if not MOBILE.fullmatch(message.to):
            raise Invalid("sms_number_malformed")
        body = json.dumps(
            {
                "reference": message.reference,
                "to": message.to,
                "text": message.text,
                "sign_name": self._settings.sign_name,
            },
            ensure_ascii=False,
        ).encode()
        try:
            status, headers, answer = await self._asked(body)
        except (httpx.HTTPError, httpx.StreamError, OSError) as trouble:
            untrusted = "CERTIFICATE_VERIFY_FAILED" in str(trouble)
            raise Unavailable(
                "sms_certificate_wrong" if untrusted else "sms_gateway_silent"
            ) from None
        _judge(status)
        return self._number(message.reference, headers, answer)

    async def _asked(self, body: bytes) -> tuple[int, httpx.Headers, bytes]:
        stamp = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-Key": self._settings.key,
            "X-Timestamp": stamp,
            "X-Signature": self._signed(stamp.encode(), body),
        }
        async with (
            # No redirects, and no proxy from the environment: it goes where the setting says.
            httpx.AsyncClient(
                verify=self._trust, timeout=SILENCE_SECONDS, trust_env=False
            ) as client,
            client.stream("POST", self._settings.url, content=body, headers=headers) as response,
        ):
            answer = bytearray()
            async for piece in response.aiter_bytes():
                answer += piece
                if len(answer) > LARGEST_ANSWER:
                    raise Unavailable("sms_answer_wrong")
            return response.status_code, response.headers, bytes(answer)

    def _number(self, reference: str, headers: httpx.Headers, answer: bytes) -> str:
        """Return what the gateway calls it, if the answer is the gateway's, new, and to this."""
        stamp = headers.get("X-Timestamp", "")
        expected = self._signed(reference.encode(), stamp.encode(), answer)
        genuine = hmac.compare_digest(expected, headers.get("X-Signature", "").lower())
        now = self._clock.now().timestamp()
        if not genuine or not stamp.isdigit() or abs(now - int(stamp)) > OLDEST_ANSWER:
            raise Unavailable("sms_answer_wrong")
        try:
            said: dict[str, Any] = json.loads(answer)
            return str(said["number"])
        except (ValueError, KeyError, TypeError):
            raise Unavailable("sms_answer_wrong") from None

    def _signed(self, *parts: bytes) -> str:
        return hmac.new(self._secret, b"\n".join(parts), "sha256").hexdigest()


def _judge(status: int) -> None:
    if status == httpx.codes.OK:
        return
    if status in NOT_KNOWN:
        raise Unavailable("sms_sign_in_refused")
    if status in LATER or status >= SERVER_ERROR:
        raise Unavailable("sms_put_off", answer=status)
    raise Invalid("sms_refused", answer=status)
