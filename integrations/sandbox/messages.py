"""Letters and text messages that no network sees: they land on the sandbox inbox's page."""

import re

from data.errors import Invalid
from data.messages import Channel
from services.inbox import Tray
from services.ports import Letter, TextMessage

MOBILE = re.compile(r"1[3-9]\d{9}")


class SandboxSms:
    """A provider of text messages that has no network."""

    sandbox = True
    untried = False

    def __init__(self, tray: Tray) -> None:
        self._tray = tray

    async def send(self, message: TextMessage) -> str:
        if not MOBILE.fullmatch(message.to):
            raise Invalid("sms_number_malformed")
        return await self._tray.keep(Channel.SMS, message.reference, message.to, message.text)


class SandboxMailer:
    """A mail server that has no network."""

    sandbox = True
    untried = False

    def __init__(self, tray: Tray) -> None:
        self._tray = tray

    async def send(self, letter: Letter) -> None:
        if "@" not in letter.to or any(character in letter.to for character in "\r\n,;<> "):
            raise Invalid("mail_address_malformed")
        await self._tray.keep(
            Channel.EMAIL, letter.reference, letter.to, letter.text, subject=letter.subject
        )
