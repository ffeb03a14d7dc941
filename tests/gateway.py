"""The emulated gateway for text messages, as a process of its own."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from services.ports import ServerCertificate
from services.settings import SmsSettings
from tests.peers import ROOT

KEY, SECRET = "hospital-1", "a secret of both"


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """Where it listens, and what can be asked of it."""

    port: int
    tls: ServerCertificate | None = None

    @property
    def place(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def settings(self, **more: Any) -> SmsSettings:
        trust = self.tls.authority if self.tls else None
        both = {"key": KEY, "secret": SECRET, "sign_name": "示范医院", "trust": trust}
        return SmsSettings(**{"url": f"{self.place}/sms", **both, **more})

    def messages(self) -> list[dict[str, str]]:
        """What has arrived, in order."""
        return list(self._asked("messages"))

    def behave(self, how: str) -> None:
        self._asked("behaviour", json.dumps({"now": how}).encode())

    def _asked(self, what: str, body: bytes | None = None) -> Any:
        trust = ssl.create_default_context(cafile=self.tls.authority) if self.tls else False
        method = "POST" if body else "GET"
        answer = httpx.request(method, f"{self.place}/{what}", content=body, verify=trust)
        return answer.raise_for_status().json()


@contextmanager
def running_gateway(tls: ServerCertificate | None = None) -> Iterator[RunningGateway]:
    """Run it, with HTTPS if it is given a certificate for 127.0.0.1."""
    command = [sys.executable, "-m", "integrations.emulators.sms", "--key", KEY, "--secret", SECRET]
    if tls:
        command += ["--tls", str(tls.chain), str(tls.key)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield RunningGateway(int(process.stdout.readline()), tls)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
