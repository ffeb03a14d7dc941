"""Whose address a request counts for: what our own proxies saw, never what a sender claims."""

import pytest
from multidict import CIMultiDict
from starlette.datastructures import Headers

from pages.security.origins import believe_proxies, sender_of
from tests.web.browser import Browser
from tests.web.server import whole_house

PROXIES = frozenset({"10.0.0.1", "10.0.0.2"})


def scope_of(*lines: tuple[str, str], sender: str = "10.0.0.1"):
    headers = [(name.encode(), value.encode()) for name, value in lines]
    return {"type": "http", "scheme": "http", "client": (sender, 4711), "headers": headers}


@pytest.mark.parametrize(
    ("lines", "sender"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (["6.6.6.6", "203.0.113.9"], "203.0.113.9"),  # a proxy that adds a line of its own
        (["6.6.6.6", "203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        (["6.6.6.6, 203.0.113.9:5123"], "203.0.113.9"),
        (["6.6.6.6, 203.0.113.9, 10.0.0.2:80"], "203.0.113.9"),
        (["6.6.6.6, [2001:db8::9]:5123"], "2001:db8::9"),
        (["6.6.6.6, [2001:db8::9]"], "2001:db8::9"),
        (["6.6.6.6, 2001:DB8::9"], "2001:db8::9"),
        (["6.6.6.6, unknown"], "10.0.0.1"),
        (["6.6.6.6, 203.0.113.9:x"], "10.0.0.1"),
        (["6.6.6.6,"], "10.0.0.1"),
        (["10.0.0.2"], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_the_sender_is_whom_our_nearest_proxy_has_seen(lines, sender):
    """S-AUTH-2: rates, lock-out and the trail count whoever it really is."""
    scope = scope_of(*(("x-forwarded-for", line) for line in lines))
    believe_proxies(scope, PROXIES)
    assert sender_of(scope) == sender


def test_nobody_but_a_proxy_is_believed():
    scope = scope_of(
        ("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https"), sender="203.0.113.9"
    )
    believe_proxies(scope, PROXIES)
    assert (sender_of(scope), scope["scheme"]) == ("203.0.113.9", "http")
    assert not Headers(scope=scope).keys()


@pytest.mark.parametrize(("first", "last"), [("https", "http"), ("http", "https")])
def test_the_scheme_too_is_the_nearest_proxys_word(first, last):
    scope = scope_of(("x-forwarded-proto", first), ("x-forwarded-proto", last))
    believe_proxies(scope, PROXIES)
    assert scope["scheme"] == last


@pytest.mark.parametrize(
    "lines", [["127.0.0.1"], ["127.0.0.1", "203.0.113.9"], ["127.0.0.1, 203.0.113.9:80"], ["odd"]]
)
async def test_the_numbers_are_not_for_whoever_comes_through_a_proxy(clinic, lines):
    """A proxy on this machine passes strangers on: what it passes on does not come from here."""
    clinic.settings.server.proxies = ["127.0.0.1"]
    async with whole_house(clinic) as house, Browser(house.url) as browser:
        headers = CIMultiDict(("x-forwarded-for", line) for line in lines)
        assert (await browser.get("/metrics", headers=headers))[0] == 404
        assert (await browser.get("/metrics"))[0] == 200
