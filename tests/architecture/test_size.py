"""No file that people write has 400 lines: one that grows so far does two things. (R058)"""

from pathlib import Path

from tests.peers import ROOT

TOO_MANY_LINES = 400
OURS = ("pages", "services", "media", "devices", "integrations", "jobs", "data")
OURS += ("tests", "scripts", "benchmarks", "packaging")
WRITTEN_BY_PEOPLE = {".py", ".js", ".css", ".sh"}
BY_COMMANDS = ("data/migrations/versions", "tests/e2e/node_modules")
"""A migration is written by a command, once, and stays as it is; the other folder is npm's."""


def too_long(root: Path) -> dict[str, int]:
    """Return the files with too many lines."""
    files = [root / "app.py", *(file for top in OURS for file in (root / top).rglob("*"))]
    places = {file.relative_to(root).as_posix(): file for file in files if file.is_file()}
    lines = {
        place: len(file.read_text(encoding="utf-8").splitlines())
        for place, file in places.items()
        if file.suffix in WRITTEN_BY_PEOPLE and not place.startswith(BY_COMMANDS)
    }
    return {place: count for place, count in lines.items() if count >= TOO_MANY_LINES}


def test_every_file_has_fewer_than_four_hundred_lines():
    assert too_long(ROOT) == {}, "part the file where it changes its subject"


def test_a_file_that_grew_too_long_is_found_wherever_it_is(tmp_path: Path):
    for place in ("app.py", "tests/deep/test_list.py", "pages/static/list.css"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("x\n" * 400)
    (tmp_path / "tests" / "test_short.py").write_text("x\n" * 399)
    assert set(too_long(tmp_path)) == {
        "app.py",
        "tests/deep/test_list.py",
        "pages/static/list.css",
    }
