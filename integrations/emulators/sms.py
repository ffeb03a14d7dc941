"""A gateway for text messages that sends nothing: it checks, remembers, answers, and misbehaves.

    python -m integrations.emulators.sms --key KEY --secret SECRET [--port PORT] [--tls CHAIN KEY]

Prints the port it listens on (127.0.0.1). It serves the profile of integrations/sms_gateway.py at
`POST /sms`, with signatures by another library than ours. For tests and demos besides:

    GET  /messages      what has arrived, as JSON, in order
    POST /behaviour     {"now": "ok"} or one of BEHAVIOURS, until told otherwise
"""

import argparse
import json
import ssl
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import constant_time, hashes
from cryptography.hazmat.primitives.hmac import HMAC

OLDEST = 300  # seconds
LARGEST = 64 * 1024
SILENT_SECONDS = 60
BEHAVIOURS = frozenset(
    {
        "ok",
        "busy",  # 429
        "broken",  # 500
        "refuses",  # 422: such a message will never do
        "silent",  # takes the message and says nothing for a minute
        "loses_answer",  # takes it, sends it on, and hangs up
        "forges_answer",  # somebody in between answers
        "answers_old",  # with a signature of an hour ago
        "answers_other",  # with the answer to another message
        "answers_much",  # without an end
        "redirects",
    }
)


@dataclass
class Gateway:
    """What the gateway knows."""

    key: str
    secret: bytes
    behaviour: str = "ok"
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def signature(self, *parts: bytes) -> bytes:
        mac = HMAC(self.secret, hashes.SHA256())
        mac.update(b"\n".join(parts))
        return mac.finalize()

    def knows(self, headers: Any, body: bytes, now: int) -> bool:
        """Tell whether a request is from somebody who has the secret, and fresh."""
        stamp, said = headers.get("X-Timestamp", ""), headers.get("X-Signature", "")
        try:
            right = constant_time.bytes_eq(
                bytes.fromhex(said), self.signature(stamp.encode(), body)
            )
        except (ValueError, InvalidSignature):
            return False
        fresh = stamp.isdigit() and abs(now - int(stamp)) <= OLDEST
        return right and fresh and headers.get("X-Key") == self.key

    def take(self, message: dict[str, Any]) -> str:
        """Keep a message, the same reference once; return its number."""
        with self.lock:
            known = self.messages.setdefault(
                str(message["reference"]), {**message, "number": f"G{len(self.messages) + 1:08d}"}
            )
            return str(known["number"])


class Desk(BaseHTTPRequestHandler):
    """Answers one caller."""

    protocol_version = "HTTP/1.1"
    gateway: Gateway

    def do_GET(self) -> None:
        if self.path == "/messages":
            self.answer(200, list(self.gateway.messages.values()))
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LARGEST))
        if self.path == "/behaviour":
            now = str(json.loads(body)["now"])
            self.gateway.behaviour = now if now in BEHAVIOURS else self.gateway.behaviour
            self.answer(200 if now in BEHAVIOURS else 400, {})
        elif self.path == "/sms":
            self.receive(body)
        else:
            self.answer(404, {})

    def receive(self, body: bytes) -> None:
        now = int(time.time())  # noqa: TID251 - a stranger has a clock of its own
        if not self.gateway.knows(self.headers, body, now):
            self.answer(401, {"why": "signature"})
            return
        refusals = {"busy": 429, "broken": 500, "refuses": 422}
        behaviour = self.gateway.behaviour
        if behaviour in refusals:
            self.answer(refusals[behaviour], {"why": behaviour})
            return
        if behaviour == "redirects":
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        message = json.loads(body)
        self.confirm(behaviour, str(message["reference"]), self.gateway.take(message), now)

    def confirm(self, behaviour: str, reference: str, number: str, now: int) -> None:
        if behaviour in {"silent", "loses_answer"}:
            if behaviour == "silent":
                time.sleep(SILENT_SECONDS)
            self.close_connection = True
            return
        stamp = str(now - 3600 if behaviour == "answers_old" else now).encode()
        said = json.dumps({"number": number}).encode()
        if behaviour == "answers_much":
            said = said.rstrip(b"}") + b" " * 1_000_000 + b"}"
        to = b"another" if behaviour == "answers_other" else reference.encode()
        signature = self.gateway.signature(to, stamp, said).hex()
        if behaviour == "forges_answer":
            said = said.replace(b"G", b"F")
        self.answer(200, said, {"X-Timestamp": stamp.decode(), "X-Signature": signature})

    def answer(self, status: int, said: Any, headers: dict[str, str] | None = None) -> None:
        body = said if isinstance(said, bytes) else json.dumps(said, ensure_ascii=False).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet: what it is told is about people."""


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="A gateway for text messages that sends nothing.")
    parser.add_argument("--key", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", nargs=2, metavar=("CHAIN", "KEY"), help="Serve HTTPS.")
    chosen = parser.parse_args()
    Desk.gateway = Gateway(chosen.key, chosen.secret.encode())
    server = ThreadingHTTPServer(("127.0.0.1", chosen.port), Desk)
    server.daemon_threads = True
    if chosen.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*chosen.tls)
        # Shaken in the thread of the one caller: a stranger must not hold up the others.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
