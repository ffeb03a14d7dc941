"""Open pages follow what happens, without holding up anybody else."""

import asyncio

from nicegui import Event as Signal
from nicegui import ui

from data.clock import new_id
from pages.live import Shared, emit_paced, on_event
from services.events import SettingChanged, StaffSuspended
from services.overload import Level

THIS, OTHER = SettingChanged(key="this"), SettingChanged(key="other")
ANOTHER_KIND = StaffSuspended(user_id=new_id())


async def settled():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_page_follows_its_events_and_no_others(user, clinic):
    post, seen = clinic.bus, []

    async def update():
        seen.append(1)
        labels[0].set_text(f"seen {len(seen)}")

    labels = []

    @ui.page("/")
    def page():
        labels.append(ui.label("seen 0"))
        on_event(post, SettingChanged, when=lambda event: event == THIS, do=update)

    await user.open("/")
    post.tell(ANOTHER_KIND)
    post.tell(OTHER)
    await settled()
    assert seen == []
    post.tell(THIS)
    await user.should_see("seen 1")


async def test_many_events_at_once_are_one_update_more(user, clinic):
    post, began, gate = clinic.bus, [], asyncio.Event()

    async def update():
        began.append(1)
        await gate.wait()

    ui.page("/")(lambda: on_event(post, SettingChanged, do=update))
    await user.open("/")
    for _ in range(20):
        post.tell(THIS)
    await settled()
    assert len(began) == 1  # it began after all twenty, so it shows them all
    for _ in range(20):
        post.tell(THIS)
    await settled()
    assert len(began) == 1
    gate.set()
    await asyncio.sleep(0.02)
    assert len(began) == 2


async def test_a_page_brings_itself_up_to_date_less_often_while_the_house_is_busy(
    user, clinic, monkeypatch
):
    """R034: what came meanwhile is shown after a pause, all at once, and nothing is lost."""
    monkeypatch.setattr("services.overload.REFRESH_PAUSE", 0.3)
    seen, later = [], asyncio.Event()

    async def update():
        seen.append(asyncio.get_running_loop().time())
        if len(seen) == 2:
            later.set()

    ui.page("/")(lambda: on_event(clinic.bus, SettingChanged, do=update))
    await user.open("/")
    clinic.overload.level = Level.BUSY
    clinic.bus.tell(THIS)
    await settled()
    assert len(seen) == 1, "the first thing is shown at once"
    for _ in range(20):
        clinic.bus.tell(THIS)
        await settled()
    assert len(seen) == 1
    await asyncio.wait_for(later.wait(), 5)
    assert seen[1] - seen[0] >= 0.29

    clinic.overload.level = Level.NORMAL
    await asyncio.sleep(0.35)
    clinic.bus.tell(THIS)
    await settled()
    clinic.bus.tell(THIS)
    await settled()
    assert len(seen) == 4


async def test_what_many_pages_show_is_read_less_often_while_the_house_is_busy(
    user, clinic, monkeypatch
):
    monkeypatch.setattr("services.overload.REFRESH_PAUSE", 60.0)
    reads = []

    async def read() -> int:
        reads.append(1)
        return len(reads)

    shared = Shared(clinic.bus, SettingChanged, read=read)

    @ui.page("/")
    async def page():
        await shared.show(lambda _value: None)

    await user.open("/")
    clinic.overload.level = Level.BUSY
    for _ in range(5):
        clinic.bus.tell(THIS)
        await settled()
    assert len(reads) == 2, "once for the page, once for the first thing that happened"
    shared.close()


async def test_a_page_that_is_gone_is_told_nothing(user, clinic):
    post, seen = clinic.bus, []

    async def update():
        seen.append(1)

    ui.page("/")(lambda: on_event(post, SettingChanged, do=update))
    before = len(post._watchers)
    await user.open("/")
    assert len(post._watchers) == before + 1
    user.client.delete()
    post.tell(THIS)
    await settled()
    assert (seen, len(post._watchers)) == ([], before)


async def test_a_broadcast_lets_others_in_between(user):
    """The loop is never held longer than a turn, however many pages listen."""
    signal, turns, told = Signal(), [], []

    def slow():
        told.append(1)
        deadline = asyncio.get_running_loop().time() + 0.002
        while asyncio.get_running_loop().time() < deadline:
            pass

    for _ in range(20):
        signal.subscribe(slow)

    async def clicks():
        while len(told) < 20:
            turns.append(len(told))
            await asyncio.sleep(0.001)

    clicking = asyncio.create_task(clicks())
    await emit_paced(signal)
    await clicking
    assert len(told) == 20
    assert len(set(turns)) > 3


async def test_one_broken_page_keeps_no_news_from_the_others(caplog):
    signal, told = Signal(), []

    def broken():
        raise ZeroDivisionError

    signal.subscribe(broken)
    signal.subscribe(lambda: told.append(1))
    await emit_paced(signal)
    assert told == [1]
    assert "could not show" in caplog.text


async def test_what_many_pages_show_is_read_once(user, clinic):
    post, reads, shown = clinic.bus, [], []

    async def read():
        reads.append(1)
        return len(reads)

    before = len(post._watchers)
    shared = Shared(post, SettingChanged, read=read)

    @ui.page("/")
    async def page():
        for _ in range(5):
            await shared.show(shown.append)

    await user.open("/")
    first = len(reads)
    post.tell(THIS)
    await asyncio.sleep(0.02)
    assert len(reads) == first + 1
    assert shown[-5:] == [first + 1] * 5
    shared.close()
    assert len(post._watchers) == before


async def test_without_a_page_nothing_is_read(clinic):
    post, reads = clinic.bus, []

    async def read():
        reads.append(1)

    Shared(post, SettingChanged, read=read)
    post.tell(THIS)
    await settled()
    assert reads == []
