"""Phones learn to trust the house: its authority's certificate, and how to compare it. (S-CRY-1)

A browser gives camera and microphone only to a page whose certificate it trusts.
"""

import re
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from integrations.certificates import Office
from services.authority import Authority
from services.clinic import Clinic
from services.policy import Role
from services.ports import Ports
from services.settings import CertificateSettings
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import whole_house

NAMES = ("gate.local", "192.168.7.9", "127.0.0.1", "localhost")


def with_office(database, clock, keys, settings, **certificate) -> Clinic:
    settings = settings.model_copy(update={"certificate": CertificateSettings(**certificate)})
    office = Office(settings.certificate, settings.home, lambda: NAMES)
    return Clinic.open(database, clock, keys, settings, Ports(certificates=office))


@pytest.fixture
def clinic(database, clock, keys, settings) -> Clinic:
    """A house that is its own authority, and has made its certificate."""
    clinic = with_office(database, clock, keys, settings)
    clinic.ports.certificates.ready(clock.now())
    return clinic


@pytest.fixture
def kept(settings) -> bytes:
    return (settings.home / "authority.pem").read_bytes()


@pytest.mark.parametrize("path", ["/authority.pem", "/authority.crt"])
async def test_anybody_gets_the_certificate_of_the_authority_and_never_its_key(clinic, kept, path):
    async with (
        whole_house(clinic) as house,
        Browser(house.url) as browser,
        browser.http.get(path) as answer,
    ):
        body = await answer.read()
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/x-x509-ca-cert"
        assert answer.headers["cache-control"] == "no-cache"
    assert body == kept
    assert (
        x509.load_pem_x509_certificate(body)
        .extensions.get_extension_for_class(x509.BasicConstraints)
        .value.ca
    )
    assert b"PRIVATE" not in body


async def test_the_page_gives_the_fingerprint_the_way_to_it_and_the_steps(clinic, kept):
    print_ = x509.load_pem_x509_certificate(kept).fingerprint(hashes.SHA256()).hex().upper()
    async with whole_house(clinic) as house, Browser(house.url) as browser:
        page = await browser.load("/authority")
        elements = [each.get("props", {}) for each in page.elements.values()]
    shown = re.sub(
        r"[^0-9A-F]",
        "",
        "".join(
            each.get("text") or "" for each in page.elements.values() if each.get("tag") == "code"
        ),
    )
    assert shown == print_
    for device in ("iPhone", "Android", "Windows", "macOS"):
        assert device in page.words
    links = {each.get("href") for each in elements}
    assert "/authority.crt" in links
    assert any(str(each.get("src", "")).startswith("data:image/svg+xml") for each in elements)


async def test_the_way_leads_from_the_sign_in_page_and_from_health(clinic):
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with whole_house(clinic) as house:
        async with Browser(house.url) as browser:
            page = await browser.load("/sign-in")
            assert quote("/authority") in str(page.elements)
        async with Browser(house.url, admin.token) as browser:
            page = await browser.open("/health")
            await page.until(lambda: "/authority" in str(page.elements), "link to the authority")


async def test_a_phone_is_sent_to_the_address_of_the_house_on_its_network(clinic):
    clinic.settings.server.tls_port = 8443
    papers = await Authority(clinic.ports, clinic.settings).papers()
    assert papers
    assert papers.address == "https://192.168.7.9:8443/authority"
    clinic.settings.server.public_url = "https://hospital.example"
    papers = await Authority(clinic.ports, clinic.settings).papers()
    assert papers.address == "https://hospital.example/authority"


@pytest.mark.parametrize("source", ["acme", "files", "lan"])
async def test_where_there_is_nothing_to_install_it_says_so(
    database, clock, keys, settings, source
):
    """A certificate the world knows, or one that has not been made yet."""
    clinic = with_office(database, clock, keys, settings, source=source)
    async with whole_house(clinic) as house, Browser(house.url) as browser:
        assert (await browser.get("/authority.crt"))[0] == 404
        page = await browser.load("/authority")
        assert "/authority.crt" not in str(page.elements)
        assert ("还没有" if source == "lan" else "不需要安装") in page.words
        page = await browser.load("/sign-in")
        assert ("/authority" in str(page.elements)) == (source == "lan")
