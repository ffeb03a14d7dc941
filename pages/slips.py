"""What is shown once and taken along on paper: recovery codes, a temporary password."""

from collections.abc import Iterator
from contextlib import contextmanager

from pages.kit.element import Html, Icon
from pages.words import t


@contextmanager
def slip(title: str, whose: str) -> Iterator[None]:
    """Put the block on a slip with a button that prints it, and nothing else of the page.

    `whose` is the account it opens; pages/static/theme.js does the printing.
    """
    with Html("div", "slip"):
        with Html("div", "slip__head"):
            Html("strong", text=f"Xinglin 杏林 · {title}")
            Html("span", text=whose)
        yield
        with Html("button", "btn btn--line", type="button", data_prints=""):
            Icon("print")
            Html("span", text=t("slip.print"))
