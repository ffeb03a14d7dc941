"""Our text messages against a gateway in a process of its own: strict, busy, silent, or forged.

It checks our signatures with another library than we make them with. No provider's real service.
"""

from datetime import timedelta

import pytest

from data.clock import SystemClock
from data.errors import DomainError, Invalid, Unavailable
from integrations import providers, sms_gateway
from integrations.certificates import Office
from integrations.sms_gateway import SmsGateway
from services.ports import TextMessage
from services.settings import CertificateSettings, ProviderSettings, Settings, SmsSettings
from tests.gateway import SECRET, running_gateway
from tests.peers import free_port

MESSAGE = TextMessage("01f-a", "19900000001", "验证码314159，5分钟内有效。")


class Wrong:
    """A clock that is fast by so many seconds."""

    def __init__(self, seconds):
        self.seconds = seconds

    def now(self):
        return SystemClock().now() + timedelta(seconds=self.seconds)


@pytest.fixture(scope="module")
def running():
    with running_gateway() as running:
        yield running


@pytest.fixture
def gateway(running):
    running.behave("ok")
    return running


async def refused(gateway, clock=None, message=MESSAGE, **more) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        await SmsGateway(gateway.settings(**more), clock or SystemClock()).send(message)
    return refusal.value


async def test_a_message_arrives_with_the_name_it_is_signed_with(gateway):
    number = await SmsGateway(gateway.settings(), SystemClock()).send(MESSAGE)
    sent = {"reference": "01f-a", "to": "19900000001", "text": MESSAGE.text}
    assert {**sent, "sign_name": "示范医院", "number": number} in gateway.messages()


@pytest.mark.parametrize(
    ("behaviour", "refusal", "code"),
    [
        ("busy", Unavailable, "sms_put_off"),
        ("broken", Unavailable, "sms_put_off"),
        ("refuses", Invalid, "sms_refused"),
        ("redirects", Invalid, "sms_refused"),
        ("loses_answer", Unavailable, "sms_gateway_silent"),
        ("forges_answer", Unavailable, "sms_answer_wrong"),
        ("answers_old", Unavailable, "sms_answer_wrong"),
        ("answers_other", Unavailable, "sms_answer_wrong"),
        ("answers_much", Unavailable, "sms_answer_wrong"),
    ],
)
async def test_whatever_the_gateway_does_has_its_word(gateway, behaviour, refusal, code):
    """What may work later is tried again, what never will is not; a forged answer is neither."""
    gateway.behave(behaviour)
    trouble = await refused(gateway)
    assert (type(trouble), trouble.code) == (refusal, code)


async def test_an_answer_that_was_lost_sends_nobody_the_same_twice(gateway):
    gateway.behave("loses_answer")
    message = TextMessage("lost-1", "19900000002", "您的预约已确认。")
    await refused(gateway, message=message)
    gateway.behave("ok")
    assert await SmsGateway(gateway.settings(), SystemClock()).send(message)
    assert [each["reference"] for each in gateway.messages()].count("lost-1") == 1


async def test_silence_ends(gateway, monkeypatch):
    monkeypatch.setattr(sms_gateway, "SILENCE_SECONDS", 0.3)
    gateway.behave("silent")
    assert (await refused(gateway)).code == "sms_gateway_silent"
    nobody = f"http://127.0.0.1:{free_port()}/sms"
    assert (await refused(gateway, url=nobody)).code == "sms_gateway_silent"


@pytest.mark.parametrize("wrong", [{"secret": "guess"}, {"key": "another"}])
async def test_a_secret_that_is_wrong_may_be_put_right_so_it_is_tried_again(gateway, wrong):
    trouble = await refused(gateway, **wrong)
    assert (type(trouble), trouble.code) == (Unavailable, "sms_sign_in_refused")


async def test_a_clock_that_is_wrong_is_not_let_in(gateway):
    assert (await refused(gateway, Wrong(-3600))).code == "sms_sign_in_refused"


@pytest.mark.parametrize("url", ["", "sms.test/send", "http://10.0.0.9/sms", "ftp://127.0.0.1/x"])
def test_numbers_of_patients_never_leave_the_machine_unencrypted(url):
    """S-CRY-1: some are no setting even; whatever comes to the adapter, it looks again."""
    place = SmsSettings(key="k", secret="s").model_copy(update={"url": url})
    with pytest.raises(Invalid) as refusal:
        SmsGateway(place, SystemClock())
    assert refusal.value.code == "sms_gateway_malformed"


async def test_over_a_network_it_is_encrypted_and_the_gateway_is_who_it_says(tmp_path):
    """S-CRY-1."""
    office = Office(CertificateSettings(), tmp_path / "tls", lambda: ("localhost", "127.0.0.1"))
    with running_gateway(office.ready(SystemClock().now())) as gateway:
        trouble = await refused(gateway, trust=None)
        assert trouble.code == "sms_certificate_wrong"
        assert gateway.messages() == []
        assert await SmsGateway(gateway.settings(), SystemClock()).send(MESSAGE)
        assert len(gateway.messages()) == 1


@pytest.mark.parametrize("content", [None, b"hello"])
def test_certificates_to_trust_it_by_that_are_none_are_a_sentence(tmp_path, content):
    trust = tmp_path / "trust.pem"
    if content:
        trust.write_bytes(content)
    place = SmsSettings(url="https://sms.example", key="k", secret=SECRET, trust=trust)
    with pytest.raises(Invalid) as refusal:
        SmsGateway(place, SystemClock())
    assert refusal.value.code == "trust_unreadable"
    assert refusal.value.details["name"] == "sms.trust"


async def test_a_hospital_chooses_it_by_a_setting(gateway, tmp_path, database):
    settings = Settings(
        home=tmp_path, providers=ProviderSettings(sms="http"), sms=gateway.settings()
    )
    ports = providers.build(settings, database, SystemClock())
    assert ports.sms.sandbox is False
    assert await ports.sms.send(TextMessage("chosen", "19900000003", "x"))
    assert SECRET not in repr(settings)
