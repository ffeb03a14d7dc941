"""Asked again, answered the same, and done once. (R033)"""

import pytest

from data.errors import Conflict, Invalid
from services.idempotency import LONGEST_KEY, Running, digest
from services.policy import HOUSE

BODY = {"patient": "p", "slot": 7}


async def ask(clinic, key="key", body=BODY, scope="book", answer=None):
    """Return the earlier answer, or do it and keep the new one."""
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        earlier = await tx.once.earlier(scope, key, body)
        if earlier is not None:
            return earlier
        tx.once.keep(scope, key, body, answer or {"number": 1})
        return "done"


async def test_a_repeated_request_gets_the_first_answer(clinic):
    assert await ask(clinic, answer={"预约": [1, 2]}) == "done"
    assert await ask(clinic) == {"预约": [1, 2]}
    assert await ask(clinic, body={"slot": 7, "patient": "p"}) == {"预约": [1, 2]}


async def test_another_key_or_another_scope_is_another_request(clinic):
    assert await ask(clinic) == "done"
    assert await ask(clinic, key="another") == "done"
    assert await ask(clinic, scope="cancel") == "done"


async def test_the_same_key_with_another_body_is_refused(clinic):
    """Decision 20: 422."""
    await ask(clinic)
    with pytest.raises(Invalid, match="idempotency_key_reused") as caught:
        await ask(clinic, body={"patient": "p", "slot": 8})
    assert caught.value.status == 422


async def test_a_key_of_a_request_that_failed_is_free(clinic):
    with pytest.raises(ZeroDivisionError):
        async with clinic.transactions.open(HOUSE) as tx:
            tx.once.keep("book", "key", BODY, {"number": 1})
            raise ZeroDivisionError
    assert await ask(clinic) == "done"


@pytest.mark.parametrize("key", ["", "x" * (LONGEST_KEY + 1)])
async def test_a_key_that_is_none_is_refused(clinic, key):
    with pytest.raises(Invalid, match="idempotency_key_malformed"):
        await ask(clinic, key=key)


async def test_an_answer_of_nothing_is_an_answer(clinic):
    """`None` would be taken for "not yet asked" by the next who asks: so it cannot be kept."""
    with pytest.raises(TypeError):
        async with clinic.transactions.open(HOUSE) as tx:
            tx.once.keep("book", "key", BODY, None)


def test_a_twin_of_a_request_that_still_runs_is_told_so():
    """Decision 20: 409."""
    running = Running()
    with running.alone("book", "key"):
        with pytest.raises(Conflict, match="still_running") as caught, running.alone("book", "key"):
            pass
        with running.alone("book", "another"), running.alone("cancel", "key"):
            pass
    assert caught.value.status == 409
    with running.alone("book", "key"):
        pass


def test_a_request_that_fails_is_not_running_any_more():
    running = Running()
    with pytest.raises(ZeroDivisionError), running.alone("book", "key"):
        raise ZeroDivisionError
    with running.alone("book", "key"):
        pass


def test_a_fingerprint_does_not_depend_on_the_order_of_fields():
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1, "b": [1, 2]}) != digest({"a": 1, "b": [2, 1]})
    assert digest({"a": "1"}) != digest({"a": 1})
