"""Three measured tunings of NiceGUI's process: half the cost of building a page."""

import gc
from collections.abc import Callable
from typing import Any

from nicegui import client, helpers, json
from nicegui.helpers import functions


def remember_signatures() -> None:
    """Remember which handlers take arguments.

    NiceGUI asks `inspect.signature` several times for every element it builds, which took 40 % of
    the time of a page. Only plain functions are remembered, by their code: it never changes.
    """
    ask = functions.expects_arguments
    if getattr(ask, "remembers", False):
        return
    known: dict[tuple[Any, ...], bool] = {}

    def expects_arguments(func: Callable[..., Any]) -> bool:
        plain = getattr(func, "__func__", func)
        code = getattr(plain, "__code__", None)
        if code is None or hasattr(plain, "__wrapped__") or hasattr(plain, "__signature__"):
            return ask(func)
        defaults = len(plain.__defaults__ or ()), len(plain.__kwdefaults__ or ())
        key = (code, plain is not func, *defaults)
        if key not in known:
            known[key] = ask(func)
        return known[key]

    expects_arguments.remembers = True  # type: ignore[attr-defined]
    functions.expects_arguments = helpers.expects_arguments = expects_arguments


class Written(str):
    """JSON of a page's elements: escaped as `str.translate` does it, a sign at a time."""

    __slots__ = ()

    def translate(self, table: Any, /) -> str:
        """Return it with each sign of `table` replaced; `&` is first there, so none is twice."""
        text = str(self)
        for sign, instead in table.items():
            text = text.replace(chr(sign), instead)
        return text


class Writer:
    """NiceGUI's JSON, for its pages."""

    loads = staticmethod(json.loads)

    @staticmethod
    def dumps(value: object) -> Written:
        """Return the JSON of `value`, escaped fast when a page asks for it."""
        return Written(json.dumps(value))


def escape_at_once() -> None:
    """Escape the elements of a page by whole replacements.

    `str.translate` asks a dictionary for every single character; with Chinese ones in it that took
    a seventh of the time of a page of fifty rows.
    """
    vars(client)["json"] = Writer


def settle_memory() -> None:
    """Call once when everything is loaded: keep it out of the collector, collect seldom.

    A full collection walks every object of every open page; it showed as pauses of the loop.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
