"""Tables whose rows are brought a page at a time, searched and sorted where the data is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from nicegui import ui
from nicegui.events import GenericEventArguments

from data.errors import DomainError
from pages.kit.blocks import GLYPHS, Tone
from pages.kit.tell import sentence, told
from pages.words import ago, local, t

T = TypeVar("T")

OnPhone = Literal["title", "line", "plain", "hide"]
MOST_SEARCHED = 100


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `sort` only where the service knows how to sort by `key`."""

    key: str
    label: str
    sort: bool = False
    end: bool = False
    """Whether it stands at the right, as numbers do."""
    phone: OnPhone = "line"
    """On a phone: the card's title, a line with its label, a line without, or not at all."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of a table; make it by the functions below."""

    text: str
    kind: str = "text"
    tone: str = ""
    icon: str = ""
    note: str = ""
    title: str = ""
    at: str = ""
    href: str = ""
    can: bool = False
    tags: tuple[dict[str, str], ...] = ()
    """All there is to say, or beside the text."""


CELL = tuple(field.name for field in fields(Cell))


@dataclass(frozen=True, slots=True)
class Act:
    """A button of a row; `name` is given back when it is pressed."""

    name: str
    label: str
    kind: Literal["line", "stop", "quiet", "primary"] = "line"


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is shown. `name` tells screen readers whose buttons these are."""

    key: str
    cells: dict[str, Cell | str]
    name: str = ""
    acts: tuple[Act, ...] = ()
    tone: Literal["", "warn", "bad", "off"] = ""
    opens: bool = False
    group: str = ""
    """The heading it stands under; rows of one group come one after the other."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows are asked for; `sort` is always one of the sortable columns."""

    sort: str
    down: bool = False
    search: str = ""
    page: int = 1
    size: int = 50

    @property
    def offset(self) -> int:
        """How many rows come before the page."""
        return (self.page - 1) * self.size


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of what was found, and how much there is in all."""

    items: Sequence[T]
    total: int


@dataclass(frozen=True, slots=True)
class TableWords:
    """What a table says about itself; `total` is the key of a counted sentence."""

    caption: str
    total: str = "kit.table.total"
    search: str = ""
    empty_title: str = ""
    empty_text: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What is done when somebody presses something in a table."""

    open: Callable[[str], Any] | None = None
    act: Callable[[str, str], Any] | None = None
    """Is given the row's key and the act's name."""
    unmask: Callable[[str, str], Awaitable[str]] | None = None
    """Is given the row's key and the column's; returns the whole value, having logged it.

    Nothing if its reader thought better of it.
    """


def state_cell(text: str, tone: Tone = "", *, glyph: str = "") -> Cell:
    """Say where something is."""
    return Cell(text, kind="state", tone=tone, icon=glyph or GLYPHS.get(tone, "p0"))


def tags_cell(*tags: tuple[str, Tone]) -> Cell:
    """State facts."""
    return Cell("", kind="tags", tags=tuple({"text": text, "tone": tone} for text, tone in tags))


def ago_cell(value: datetime | None, *, now: datetime, never: str = "") -> Cell:
    """Say how far away a moment is; it keeps itself true."""
    if value is None:
        return Cell(never)
    return Cell(ago(value, now=now), at=value.isoformat(), title=local(value))


def masked_cell(text: str, *, can: bool) -> Cell:
    """Show a masked value, with a button to see it whole for who `can`."""
    return Cell(text, kind="masked", can=can)


class DataTable(ui.element, Generic[T], component="data_table.js"):
    """A table that knows its rows a page at a time."""

    def __init__(
        self,
        columns: Sequence[Column],
        read: Callable[[Query], Awaitable[Page[T]]],
        row: Callable[[T], Row],
        words: TableWords,
        answers: Answers | None = None,
        query: Query | None = None,
    ) -> None:
        """Show what `read` brings, each item as `row` says; call `await load()` to begin."""
        super().__init__()
        self._read, self._row = read, row
        self._words = words
        self._answers = answers or Answers()
        self._sortable = frozenset(column.key for column in columns if column.sort)
        self.query = query or Query(sort=columns[0].key)
        self._rows: dict[str, Row] = {}
        self._asked = 0
        self._props["columns"] = [asdict(column) for column in columns]
        self._props["rows"] = ()  # a tuple: NiceGUI wraps and watches everything within a list
        self._props["state"] = "loading"
        self._props["caption"] = words.caption
        self._props["search"] = words.search
        self._props["words"] = self._said()
        self._place(0)
        self.on("ask", self._on_ask)
        self.on("open", self._on_open)
        self.on("act", self._on_act)
        self.on("unmask", self._on_unmask)

    def _said(self) -> dict[str, str]:
        words = {
            name: t(f"kit.table.{name}")
            for name in (
                "again", "nothing_found", "search_less", "unmask", "pages", "previous", "next"
            )
        }  # fmt: skip
        words["empty_title"] = self._words.empty_title or t("kit.table.empty")
        words["empty_text"] = self._words.empty_text
        words["acts"] = t("kit.table.acts") if self._answers.act else ""
        return words

    async def load(self) -> None:
        """Bring the rows of the present page anew; a later call beats an earlier one."""
        self._asked += 1
        asked = self._asked
        try:
            page = await self._read(self.query)
            if not page.items and page.total and self.query.page > 1:
                # The last rows of the last page have gone meanwhile.
                self.query = Query(self.query.sort, self.query.down, self.query.search)
                page = await self._read(self.query)
        except DomainError as refusal:
            if asked == self._asked and not self.is_deleted:
                self._props["problem"] = sentence(refusal)
                self._props["state"] = "failed"
            return
        if asked == self._asked and not self.is_deleted:
            self._show(page)

    def _show(self, page: Page[T]) -> None:
        rows = [self._row(item) for item in page.items]
        self._rows = {row.key: row for row in rows}
        with self._props.suspend_updates():
            self._props["rows"] = tuple(_plain(row) for row in rows)
            self._props["state"] = "ready" if rows else "empty"
            self._place(page.total)
        self.update()

    def _place(self, total: int) -> None:
        self._props["page"] = self.query.page
        self._props["pages"] = max(1, -(-total // self.query.size))
        self._props["total"] = t(self._words.total, count=total)
        self._props["sort"] = self.query.sort
        self._props["down"] = self.query.down

    def put(self, item: T) -> None:
        """Change one row where it stands; the others are not sent again."""
        self._put(self._row(item))

    def drop(self, key: str) -> None:
        """Take one row out where it stands."""
        if self._rows.pop(key, None) is not None:
            self._keep_rows()
            _ = self.run_method("drop", key)

    def _put(self, row: Row) -> None:
        if row.key not in self._rows:
            return
        self._rows[row.key] = row
        self._keep_rows()
        _ = self.run_method("put", _plain(row))

    def _keep_rows(self) -> None:
        with self._props.suspend_updates():  # a later full update must not bring old rows back
            self._props["rows"] = tuple(_plain(row) for row in self._rows.values())

    def select_row(self, key: str) -> None:
        """Show which row the side panel is about; an empty key marks none."""
        self._props["selected"] = key

    async def _on_ask(self, event: GenericEventArguments) -> None:
        self.query = self.understood(_fields(event))
        await self.load()

    def understood(self, asked: dict[str, Any]) -> Query:
        """Return a query from what a browser sent, which may be anything."""
        sort, page, search = asked.get("sort"), asked.get("page"), asked.get("search")
        known = sort if isinstance(sort, str) and sort in self._sortable else self.query.sort
        return Query(
            sort=known,
            down=asked.get("down") is True,
            search=search.strip()[:MOST_SEARCHED] if isinstance(search, str) else "",
            page=page if isinstance(page, int) and 0 < page <= 1_000_000 else 1,  # noqa: PLR2004
            size=self.query.size,
        )

    async def _on_open(self, event: GenericEventArguments) -> None:
        key = _one(event)
        if isinstance(key, str) and key in self._rows and self._answers.open:
            await self._do(self._answers.open, key)

    async def _on_act(self, event: GenericEventArguments) -> None:
        sent = _fields(event)
        row = self._rows.get(sent.get("key", ""))
        if row and self._answers.act and sent.get("name", "") in {act.name for act in row.acts}:
            await self._do(self._answers.act, row.key, sent["name"])

    async def _on_unmask(self, event: GenericEventArguments) -> None:
        sent = _fields(event)
        row, column = self._rows.get(sent.get("key", "")), sent.get("column", "")
        cell = row.cells.get(column) if row else None
        if row is None or not isinstance(cell, Cell) or not cell.can or not self._answers.unmask:
            return
        with told():
            if whole := await self._answers.unmask(row.key, column):
                self._put(_with_cell(row, column, Cell(whole)))

    async def _do(self, what: Callable[..., Any], *of: str) -> None:
        with told():
            answer = what(*of)
            if isinstance(answer, Awaitable):
                await answer

    def _displayed_contents(self, *, only_visible: bool) -> list[Any]:
        shown = super()._displayed_contents(only_visible=only_visible)
        state = self._props["state"]
        if state == "failed":
            return [*shown, self._props["problem"]]
        if state == "empty":
            return [*shown, *self._props["words"].values()]
        groups = {row.group for row in self._rows.values()}
        cells = [cell for row in self._rows.values() for cell in row.cells.values()]
        texts = [cell if isinstance(cell, str) else cell.text for cell in cells]
        tags = [tag["text"] for cell in cells if isinstance(cell, Cell) for tag in cell.tags]
        return [
            *shown,
            *texts,
            *tags,
            *groups,
            self._props["total"],
            *(c["label"] for c in self._props["columns"]),
        ]


def _plain(row: Row) -> dict[str, Any]:
    """Return a row as JSON, without what a cell leaves at its default."""
    cells = {
        key: {"text": cell}
        if isinstance(cell, str)
        else {name: value for name in CELL if (value := getattr(cell, name)) or name == "text"}
        for key, cell in row.cells.items()
    }
    acts = [{"name": act.name, "label": act.label, "kind": act.kind} for act in row.acts]
    plain = {
        "key": row.key,
        "name": row.name,
        "cells": cells,
        "acts": acts,
        "tone": row.tone,
        "opens": row.opens,
    }
    return plain | {"group": row.group} if row.group else plain


def _with_cell(row: Row, column: str, cell: Cell) -> Row:
    return Row(row.key, {**row.cells, column: cell}, row.name, row.acts, row.tone, row.opens)


def _one(event: GenericEventArguments) -> Any:
    """NiceGUI gives what an element emitted as it is, or in a list of one."""
    return event.args[0] if isinstance(event.args, list) and event.args else event.args


def _fields(event: GenericEventArguments) -> dict[str, Any]:
    """Return what a browser sent, as far as it is simple values by name; it may send anything."""
    sent = _one(event)
    if not isinstance(sent, dict):
        return {}
    return {name: value for name, value in sent.items() if isinstance(value, str | int)}
