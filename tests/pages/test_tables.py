"""Tables as a person meets them: paged, searched, sorted and unmasked where the data is."""

import asyncio

import pytest

from data.errors import Unavailable
from pages import kit
from tests.pages.showing import shown


def a_table(read, **answers):
    columns = [
        kit.Column("name", "Name", sort=True),
        kit.Column("phone", "Phone"),
    ]

    def row(item):
        key, name = item
        cells = {"name": name, "phone": kit.masked_cell("138****0001", can="unmask" in answers)}
        return kit.Row(
            key=key, name=name, cells=cells, opens=True, acts=(kit.Act("block", "Block"),)
        )

    return kit.DataTable(
        columns, read, row, kit.TableWords("People", search="Find"), kit.Answers(**answers)
    )


PEOPLE = [(str(n), f"Person {n}") for n in range(1, 122)]


async def everybody(query):
    found = [each for each in PEOPLE if query.search in each[1]]
    return kit.Page(found[query.offset :][: query.size], len(found))


async def show_table(user, read, **answers):
    tables = []

    async def page():
        tables.append(a_table(read, **answers))
        await tables[0].load()

    shown(page)
    await user.open("/")
    return tables[0]


async def test_a_table_brings_its_rows_a_page_at_a_time(user):
    await show_table(user, everybody)
    await user.should_see("Person 1")
    await user.should_see("共 121 条")
    await user.should_not_see("Person 51")
    user.find(kit.DataTable).trigger(
        "ask", {"page": 2, "sort": "name", "down": False, "search": ""}
    )
    await user.should_see("Person 51")


async def test_a_table_searches_where_the_data_is(user):
    await show_table(user, everybody)
    user.find(kit.DataTable).trigger("ask", {"page": 1, "search": " Person 77 "})
    await user.should_see("共 1 条")
    user.find(kit.DataTable).trigger("ask", {"page": 1, "search": "nobody"})
    await user.should_see("没有找到符合的内容")


@pytest.mark.parametrize(
    "asked",
    [
        {"sort": "password", "page": 1},
        {"sort": ["name"], "page": -1},
        {"sort": "phone", "page": "2"},
        {"page": 10**12, "search": ["x"], "down": "yes"},
        {},
    ],
)
async def test_whatever_a_browser_asks_a_table_sorts_by_what_it_may(user, asked):
    table = await show_table(user, everybody)
    query = table.understood(asked)
    assert (query.sort, query.page, query.down, query.search) == ("name", 1, False, "")


async def test_a_search_is_cut_to_a_sane_length(user):
    table = await show_table(user, everybody)
    assert len(table.understood({"search": "x" * 10_000}).search) == 100


async def test_a_table_that_cannot_be_read_says_why_and_offers_to_try_again(user):
    async def read(query):
        raise Unavailable("busy", retry_after=2)

    await show_table(user, read)
    await user.should_see("现在用的人太多")


async def test_an_empty_table_says_so(user):
    async def read(query):
        return kit.Page([], 0)

    await show_table(user, read)
    await user.should_see("这里还没有内容")


async def test_a_slow_answer_never_overwrites_a_later_one(user):
    gates = {"slow": asyncio.Event(), "quick": asyncio.Event()}

    async def read(query):
        if query.search:
            await gates[query.search].wait()
        return kit.Page([("1", f"Found {query.search}")], 1)

    await show_table(user, read)
    user.find(kit.DataTable).trigger("ask", {"search": "slow"})
    user.find(kit.DataTable).trigger("ask", {"search": "quick"})
    gates["quick"].set()
    await user.should_see("Found quick")
    gates["slow"].set()
    await asyncio.sleep(0.01)
    await user.should_see("Found quick")


async def test_a_table_goes_back_when_its_last_page_has_gone(user):
    people = list(PEOPLE)

    async def read(query):
        return kit.Page(people[query.offset :][: query.size], len(people))

    await show_table(user, read)
    del people[50:]
    user.find(kit.DataTable).trigger("ask", {"page": 3})
    await user.should_see("Person 1")


async def test_a_row_is_changed_where_it_stands(user):
    table = await show_table(user, everybody)
    table.put(("7", "Person renamed"))
    await user.should_see("Person renamed")
    table.put(("9999", "Nobody"))
    await user.should_not_see("Nobody")


async def test_unmasking_asks_the_service_and_shows_that_one_value(user):
    asked = []

    async def unmask(key, column):
        asked.append((key, column))
        return "13800000001"

    await show_table(user, everybody, unmask=unmask)
    await user.should_not_see("13800000001")
    user.find(kit.DataTable).trigger("unmask", {"key": "3", "column": "phone"})
    await user.should_see("13800000001")
    assert asked == [("3", "phone")]


@pytest.mark.parametrize(
    "sent", [{"key": "3", "column": "name"}, {"key": "none", "column": "phone"}, {}]
)
async def test_only_a_masked_value_is_unmasked(user, sent):
    asked = []

    async def unmask(key, column):
        asked.append((key, column))
        return "13800000001"

    await show_table(user, everybody, unmask=unmask)
    user.find(kit.DataTable).trigger("unmask", sent)
    await asyncio.sleep(0.01)
    assert asked == []


async def test_only_the_acts_a_row_offers_are_done(user):
    done = []
    await show_table(user, everybody, act=lambda key, name: done.append((key, name)))
    table = user.find(kit.DataTable)
    table.trigger("act", {"key": "3", "name": "promote"})
    table.trigger("act", {"key": "999", "name": "block"})
    table.trigger("act", {"key": "3", "name": "block"})
    await asyncio.sleep(0.01)
    assert done == [("3", "block")]
