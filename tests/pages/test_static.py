"""What is the same for everybody: kept for ever by its fingerprint, and never a page."""

import re

import httpx
import pytest
from fastapi import FastAPI
from nicegui import __version__ as nicegui_version
from nicegui import client, helpers

from pages.static_routes import FOREVER, PUBLIC, mount_static
from pages.theme import STATIC, static
from pages.tuning import escape_at_once, remember_signatures
from tests.web.server import whole_house


async def number() -> str:
    return "010-1234 <5678>"


@pytest.fixture
async def browser():
    server = FastAPI()
    mount_static(server, phone=number)
    transport = httpx.ASGITransport(server)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_file_with_its_fingerprint_is_kept_for_ever(browser):
    answer = await browser.get(static("style.css"))
    assert answer.headers["cache-control"] == FOREVER
    assert answer.headers["content-type"].startswith("text/css")
    stale = await browser.get("/static/style.css?v=older")
    assert stale.headers["cache-control"] == "no-cache"


async def test_a_file_that_has_not_changed_is_not_sent_again(browser):
    first = await browser.get("/static/icons.svg")
    again = await browser.get("/static/icons.svg", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["../theme.py", "..%2ftheme.py", "sw.js", "old.html", "none.css"])
async def test_nothing_else_is_served(browser, name):
    assert (await browser.get(f"/static/{name}")).status_code == 404


async def test_the_service_worker_keeps_files_and_no_page(browser):
    """R014: what people see stays on no device."""
    answer = await browser.get("/sw.js")
    assert answer.headers["service-worker-allowed"] == "/"
    assert answer.headers["cache-control"] == "no-cache"
    assert "@" not in answer.text
    assert set(re.findall(r'startsWith\("(/[^"]*)"\)', answer.text)) == {
        f"/_nicegui/{nicegui_version}/",
        "/static/",
    }


@pytest.mark.parametrize("page", ["/offline.html", "/old.html"])
async def test_the_pages_without_a_person_say_whom_to_call_in_both_languages(browser, page):
    answer = await browser.get(page)
    assert "010-1234 &lt;5678&gt;" in answer.text
    assert 'href="tel:01012345678"' in answer.text
    chinese, english = answer.text.split('<div class="card" lang="en">')
    assert chinese.count("或者打电话：") == 1
    assert "Or call" not in chinese  # each in its own language, not one inside the other
    assert english.count("Or call") == 1
    assert "@CALL" not in answer.text


@pytest.mark.parametrize("script", ["floor.js", "old.js"])
def test_what_old_browsers_read_is_es5(script):
    text = re.sub(r"//.*", "", (STATIC / script).read_text())
    assert not re.search(r"=>|\b(let|const|class|async|import)\b|`|\?\.|\?\?", text)


ABOVE_THE_FLOOR = {
    ":has(": "Chrome 105, Firefox 121",
    "color-mix(": "Chrome 111, Firefox 113",
    "light-dark(": "Chrome 123",
    "@container": "Chrome 105, Firefox 110",
    "@scope": "Chrome 118",
    "@starting-style": "Chrome 117",
    "field-sizing": "Chrome 123",
    "animation-timeline": "Chrome 115",
    "oklch(": "Chrome 111",
    "subgrid": "Chrome 117",
    "popover": "Chrome 114",
    "&": "nesting: Chrome 112",
}
"""What our styles may not lean on, with who reads it first (docs/browsers.md has the floor)."""


def test_our_styles_use_nothing_above_the_floor():
    """Red before: `:has()` and `color-mix()`, under a floor of Chrome 99 and Firefox 108."""
    for path in STATIC.glob("*.css"):
        text = re.sub(r"/\*.*?\*/|url\([^)]*\)|\"[^\"]*\"", "", path.read_text(), flags=re.DOTALL)
        used = {name: who for name, who in ABOVE_THE_FLOOR.items() if name in text}
        assert used == {}, path.name


def test_no_file_of_ours_asks_another_host():
    """0 requests to a foreign host."""
    names = {"http://www.w3.org/2000/svg"}
    found = {
        address
        for path in [*STATIC.iterdir(), *(STATIC.parent / "kit").glob("*.js")]
        if path.suffix in {".css", ".js", ".html", ".svg", ".webmanifest"}
        for address in re.findall(r"https?://[^\s\"')<]+", path.read_text())
    }
    assert found <= names


def test_every_icon_that_is_named_is_drawn():
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
    named = set()
    for path in STATIC.parent.rglob("*.py"):
        named |= set(re.findall(r'icon="([a-z0-9-]+)"', path.read_text()))
        named |= set(
            re.findall(r'(?:Icon|icon_button|kit\.icon)\(\s*"([a-z0-9-]+)"', path.read_text())
        )
        named |= set(re.findall(r'glyph="([a-z0-9-]+)"', path.read_text()))
    for path in (STATIC.parent / "kit").glob("*.js"):
        named |= set(re.findall(r"use\('([a-z0-9-]+)'\)", path.read_text()))
    assert named - sprite == set()


def test_every_colour_of_text_can_be_read_on_its_ground():
    """WCAG 1.4.3 on the tokens themselves, light and dark: 4.5 to 1."""
    text = (STATIC / "style.css").read_text()
    light = tokens(text.split(":root {")[1].split("\n}")[0])
    dark = light | tokens(text.split('[data-theme="dark"] {')[1].split("\n}")[0])
    pairs = [(tone, f"{tone}-wash") for tone in ("danger", "warn", "info")]
    pairs += [("pine-deep", "pine-wash"), ("apricot-deep", "apricot-wash")]
    pairs += [("on-pine", "pine"), ("on-apricot", "apricot"), ("on-danger", "danger")]
    pairs += [(ink, on) for ink in ("ink", "muted") for on in ("ground", "surface", "sunken")]
    pairs += [(tone, "surface") for tone in ("pine", "apricot", "danger", "warn", "info")]
    for theme in (light, dark):
        low = {pair: contrast(theme[pair[0]], theme[pair[1]]) for pair in pairs}
        assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


def tokens(css):
    return dict(re.findall(r"--([a-z-]+): (#[0-9A-Fa-f]{6})", css))


def contrast(first, second):
    lights = sorted((light(first), light(second)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


def light(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_every_route_is_in_the_list_for_the_registry():
    server = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    mount_static(server)
    listed = [prefix for prefix, reason in PUBLIC if reason]
    assert [route.path for route in server.routes if not route.path.startswith(tuple(listed))] == []


def test_signatures_are_remembered_and_still_right():
    """Half the cost of a page: but a handler must be called as it asks to be."""
    remember_signatures()
    remember_signatures()

    class Thing:
        def takes(self, event):
            pass

        def bare(self):
            pass

    def maker(value):
        return lambda value=value: value

    expected = {Thing().takes: True, Thing().bare: False, Thing.bare: True, maker(1): False}
    for _ in range(2):
        for handler, wanted in expected.items():
            assert helpers.expects_arguments(handler) is wanted
    assert helpers.expects_arguments(print) is False


def test_the_elements_of_a_page_are_escaped_as_before():
    """What somebody typed must not end the script it stands in, however it is escaped."""
    escape_at_once()
    evil = {"text": "</script><b>&lt; &amp;amp; `${x}` 甲乙丙 &"}
    written = client.json.dumps(evil)
    assert written.translate(client.HTML_ESCAPE_TABLE) == str(written).translate(
        client.HTML_ESCAPE_TABLE
    )
    assert not set("<>`$") & set(written.translate(client.HTML_ESCAPE_TABLE))
    assert client.json.loads(str(written)) == evil


async def test_behind_the_gate_too_only_the_right_fingerprint_is_kept_for_ever(clinic):
    """An address made up before an upgrade must not hold the old file for a year."""
    async with (
        whole_house(clinic) as house,
        httpx.AsyncClient(base_url=house.url) as browser,
    ):
        right = await browser.get(static("style.css"))
        assert right.headers["cache-control"] == FOREVER
        for address in ("/static/style.css?v=older", "/static/style.css"):
            assert (await browser.get(address)).headers["cache-control"] == "no-cache"
        none = await browser.get("/static/none.css?v=1")
        assert (none.status_code, none.headers["cache-control"]) == (404, "no-store")
