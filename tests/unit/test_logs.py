"""Every line is a record that a machine reads, and holds nobody's personal data. (R014)"""

import io
import json
import logging

import pytest

from services import logs

NOBODY: dict[str, int] = {}


@pytest.fixture
def written():
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    logs.settle("json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers = handlers
    root.setLevel(level)


def test_a_record_is_one_line_and_says_when_where_and_how_bad(written):
    logging.getLogger("services.bus").warning("%s failed\non %s", "a handler", "TaskRaised")
    [line] = written()
    assert line["event"] == "a handler failed\non TaskRaised"
    assert (line["logger"], line["level"]) == ("services.bus", "warning")
    assert line["at"].endswith("Z")


def test_every_line_of_a_request_carries_its_number_and_who_asked(written):
    with logs.about(request_id="r-1", user_id="u-1", job=None):
        logging.getLogger("x").warning("inside")
    logging.getLogger("x").warning("outside")
    inside, outside = written()
    assert (inside["request_id"], inside["user_id"]) == ("r-1", "u-1")
    assert "request_id" not in outside
    assert "job" not in inside


@pytest.mark.parametrize("name", ["uvicorn.error", "alembic.runtime.migration"])
def test_what_a_library_does_all_day_is_not_written_but_its_trouble_is(written, name):
    """Each page opens a socket: whoever tries the demo would not find its sign-ins again."""
    logging.getLogger(name).info("connection open")
    logging.getLogger(name).error("cannot bind")
    assert [line["event"] for line in written()] == ["cannot bind"]


@pytest.mark.parametrize(
    "secret",
    [
        "11010119900307663X",
        "110101900307663",
        "19900000001",
        "+86 199-0000-0001",
        "8619900000001",
        "li.ming@patient.test",
        "Bearer eyJhbGciOi.eyJzdWIi.c2ln",
        "Basic eGluZ2xpbjpwYXNz",
        "uL3hV9-Qz7Yx_pW2aB4cD6eF8gH0iJ1kL3mN5oP7qR9",
    ],
)
@pytest.mark.parametrize("around", ["{}", "手机{}已登记", "phone={}; next", "('{}',)", '"{}"'])
def test_what_looks_like_a_person_or_a_key_is_masked(written, secret, around):
    """S-PI-1: also inside Chinese text, quotes and error texts."""
    logging.getLogger("x").error("told: %s", around.format(secret))
    try:
        NOBODY[around.format(secret)]
    except KeyError:
        logging.getLogger("x").exception("failed")
    text = json.dumps(written(), ensure_ascii=False)
    assert secret not in text
    assert secret.split(" ")[-1] not in text
    assert text.count("***") >= 2


@pytest.mark.parametrize(
    "harmless",
    [
        "01900000-0000-7000-8000-199000000012",
        "task:0190abcd-1234-7000-8000-13812345678f",
        "2026-03-02T08:00:00.123456Z",
        "3.53.4",
        "12345678901234567",
        "services.users.sign_in.SignIn.a_rather_long_name_of_a_handler_in_some_module",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_ids_and_names_of_code_stay_readable(harmless):
    assert logs.masked(f"about {harmless} now") == f"about {harmless} now"


def test_what_a_database_quotes_is_not_written(written):
    logging.getLogger("x").error(
        "(IntegrityError) duplicate key\nDETAIL: Key (name)=(李小华) already exists.\n"
        "[SQL: INSERT INTO a (name) VALUES (?)]\n[parameters: ('李小华', [1, 2])]\n(Background)"
    )
    [line] = written()
    assert "李小华" not in line["event"]
    assert "INSERT INTO a" in line["event"]


def test_a_masked_line_is_still_json(written):
    logging.getLogger("x").error('{"phone": "19900000001", "mail": "li@patient.test"}')
    assert written()[0]["event"] == '{"phone": "***", "mail": "***"}'


def test_the_console_form_masks_too():
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    try:
        logs.settle("console", stream)
        logging.getLogger("x").warning("call 19900000001")
    finally:
        root.handlers = handlers
        root.setLevel(level)
    assert "call ***" in stream.getvalue()
