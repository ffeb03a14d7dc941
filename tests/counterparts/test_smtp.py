"""Our letters against a real mail server that is strict, busy, silent, or not who it says."""

import asyncio
import ssl

import aiosmtplib
import pytest

from data.errors import Invalid, Unavailable
from integrations import smtp
from integrations.smtp import SmtpMailer
from services.ports import Letter
from services.settings import MailSettings
from tests.mail_server import PASSWORD, USER, certificate, mail_server
from tests.peers import free_port

LETTER = Letter("01f-a", "li@patient.test", "验证码", "您的验证码是 314159。")


def mailer(port, clock, trust=None, **more):
    settings = {"security": "none", "sender": "care@hospital.test", "host": "127.0.0.1", **more}
    return SmtpMailer(MailSettings(port=port, **settings), clock, trust)


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_letters_travel_encrypted_and_signed_in(tmp_path, clock, security):
    """S-CRY-1: TLS on every line that leaves the house."""
    server, trust = certificate(tmp_path)
    async with mail_server(**{security: server}, sign_in=True) as (port, postman):
        await mailer(
            port, clock, trust, host="localhost", security=security, user=USER, password=PASSWORD
        ).send(LETTER)
    assert postman.encrypted == [True]
    assert postman.letters[0]["Message-ID"] == "<01f-a@hospital.test>"
    assert postman.letters[0]["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_that_nobody_vouches_for_gets_nothing(tmp_path, clock, security):
    server, _ = certificate(tmp_path)
    stranger = ssl.create_default_context()
    async with mail_server(**{security: server}) as (port, postman):
        with pytest.raises(Unavailable) as trouble:
            await mailer(port, clock, stranger, host="localhost", security=security).send(LETTER)
    assert trouble.value.code == "mail_certificate_wrong"
    assert postman.letters == []


async def test_a_server_that_cannot_encrypt_gets_nothing_when_we_must(clock):
    async with mail_server() as (port, postman):
        with pytest.raises(Unavailable):
            await mailer(port, clock, security="starttls").send(LETTER)
    assert postman.letters == []


async def test_a_wrong_password_may_be_put_right_so_it_is_tried_again(tmp_path, clock):
    server, trust = certificate(tmp_path)
    async with mail_server(starttls=server, sign_in=True) as (port, _):
        wrong = mailer(
            port, clock, trust, host="localhost", security="starttls", user=USER, password="guess"
        )
        with pytest.raises(Unavailable) as trouble:
            await wrong.send(LETTER)
    assert trouble.value.code == "mail_sign_in_refused"


@pytest.mark.parametrize(
    ("where", "answer", "verdict", "code"),
    [
        (
            "answer_to_recipient",
            "450 4.2.0 Greylisted, try again later",
            Unavailable,
            "mail_put_off",
        ),
        ("answer_to_recipient", "550 5.1.1 No such user", Invalid, "mail_address_refused"),
        ("answer", "451 4.3.0 Busy", Unavailable, "mail_put_off"),
        ("answer", "554 5.7.1 We do not take this", Invalid, "mail_refused"),
    ],
)
async def test_later_and_never_are_told_apart(clock, where, answer, verdict, code):
    async with mail_server() as (port, postman):
        setattr(postman, where, answer)
        with pytest.raises(verdict) as trouble:
            await mailer(port, clock).send(LETTER)
        assert trouble.value.code == code
        if verdict is Unavailable:  # a greylisting server takes it the second time
            setattr(postman, where, "250 OK")
            await mailer(port, clock).send(LETTER)
            assert len(postman.letters) == 1


async def test_a_server_that_hangs_does_not_hold_us_up(clock, monkeypatch):
    monkeypatch.setattr(smtp, "CONNECT_SECONDS", 0.3)
    async with mail_server() as (port, postman):
        postman.silent.clear()
        with pytest.raises(Unavailable) as trouble:
            await asyncio.wait_for(mailer(port, clock).send(LETTER), 5)
    assert trouble.value.code == "mail_server_silent"


async def test_a_server_that_is_not_there_is_tried_again_later(clock):
    with pytest.raises(Unavailable) as trouble:
        await mailer(free_port(), clock).send(LETTER)
    assert trouble.value.code == "mail_server_silent"


async def test_a_line_that_breaks_in_the_middle_is_tried_again_later(clock):
    async def hang_up(reader, writer):
        writer.write(b"220 mail.test\r\n")
        await writer.drain()
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Unavailable):
        await mailer(port, clock).send(LETTER)
    server.close()


def test_the_library_is_the_one_the_answers_were_read_from():
    """Its errors tell 4yz from 5yz; a new major may do so otherwise."""
    assert aiosmtplib.__version__.startswith("5.")
