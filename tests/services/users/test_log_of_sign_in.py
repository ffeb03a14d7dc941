"""The real log of a bad day at the door tells nothing about who stood there."""

import io
import logging

import pytest

from data.errors import DomainError
from services import logs
from services.notify import Channel, Note
from services.policy import HOUSE, Role
from tests.services.users.conftest import HERE

PHONE, EMAIL, NAME = "19900000042", "xiaohua@hospital.test", "李小华"


@pytest.fixture
def log():
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    logs.settle("json", stream, logging.DEBUG)
    yield stream
    root.handlers = handlers
    root.setLevel(level)


async def test_the_log_of_failed_sign_ins_names_nobody(hospital, log):
    """S-PI-1, and S-AUTH-2: the account is locked on the way."""
    ann = await hospital.hire("lihua", Role.DOCTOR, display_name=NAME, phone=PHONE, email=EMAIL)
    for password in (*["Wrong-guess 99"] * 6, f"{PHONE}Aa-"):
        with pytest.raises(DomainError):
            await hospital.knock(ann, password)
    clinic = hospital.clinic
    note = Note("test", "k", hospital.id, to=ann.id, channels=frozenset({Channel.SMS}))
    await clinic.notify.send(HOUSE, note)  # and no provider is set up: that is logged as well
    await clinic.bus.deliver()
    logging.getLogger("tests").warning("the log is being written")

    text = log.getvalue()

    assert "the log is being written" in text
    for personal in (NAME, PHONE, EMAIL, "Wrong-guess", "Firefox", HERE.address):
        assert personal not in text
