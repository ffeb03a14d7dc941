"""Adds sentences to both catalogues at once, so that no key stands in one language only.

python -m scripts.words < lines

A line is `key = Chinese = English`; the English of a counted sentence is `one || many`. A key that
is there already is given its new sentences. Lines that begin with # are passed over.
"""

import fcntl
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

LOCALE = Path(__file__).resolve().parent.parent / "services" / "locale"
LANGUAGES = ("zh_CN", "en")
HEADER = r"""msgid ""
msgstr ""
"Project-Id-Version: xinglin\n"
"Language: {language}\n"
"Plural-Forms: {plural}\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"

"""


def main() -> int:
    """Read lines from standard input, write the catalogues, say how many keys were taken."""
    lines = [line for line in sys.stdin.read().splitlines() if line.strip() and line[0] != "#"]
    parted = [tuple(part.strip() for part in line.split(" = ", 2)) for line in lines]
    wrong = [line for line, parts in zip(lines, parted, strict=True) if len(parts) != 3]  # noqa: PLR2004
    if wrong:
        print("Not `key = Chinese = English`:", *wrong, sep="\n  ")
        return 1
    with Path(__file__).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two people may add words at the same moment
        for place, language in enumerate(LANGUAGES, start=1):
            book = read(language)
            for parts in parted:
                put(book, parts[0], parts[place], counted=" || " in parts[2])
            write(language, book)
    print(f"{len(parted)} sentences in {len(LANGUAGES)} languages.")
    return 0


def file_of(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "xinglin.po"


def read(language: str) -> Catalog:
    with file_of(language).open("rb") as file:
        return read_po(file, locale=language)


def put(book: Catalog, key: str, sentence: str, *, counted: bool) -> None:
    book.delete(key)
    if counted:
        book.add((key, key), tuple(sentence.split(" || ")))
    else:
        book.add(key, sentence)


def write(language: str, book: Catalog) -> None:
    """Keys sorted, so that two branches that add words seldom meet on one line."""
    target = file_of(language)
    with target.with_suffix(".new").open("wb") as file:
        plural = f"nplurals={book.num_plurals}; plural={book.plural_expr};"
        file.write(HEADER.format(language=language, plural=plural).encode())
        write_po(file, book, width=0, sort_output=True, omit_header=True)
    target.with_suffix(".new").replace(target)


if __name__ == "__main__":
    sys.exit(main())
