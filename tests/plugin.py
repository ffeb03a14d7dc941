"""What every kind of test may borrow, and what a run says at its end: a pytest plugin of ours."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import ROOT, PostgreSQL, private_postgresql

MARK = "postgresql"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --soak."""
    parser.addoption("--soak", action="store_true", help="run long forms at full length: hours")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let a long form take its time: the limits in the tests are those of the short ones."""
    if config.getoption("--soak"):
        for item in items:
            if item.get_closest_marker("soak"):
                item.add_marker(pytest.mark.timeout(0), append=False)


@pytest.fixture(scope="session")
def soak(request: pytest.FixtureRequest) -> bool:
    """Tell whether a test with a long form runs at full length."""
    return bool(request.config.getoption("--soak"))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """Run one private PostgreSQL server for all who ask; each makes its own database."""
    with private_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def built_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel once: what is tested as a whole is what a hospital would install."""
    return build_wheel(ROOT, tmp_path_factory.mktemp("dist"))


def build_wheel(source: Path, target: Path) -> Path:
    """Build a tree's wheel without a network and return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"The wheel cannot be built:\n{done.stderr[-2000:]}", pytrace=False)
    return next(target.glob("*.whl"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Note in the report (which crosses processes) that a test ran against PostgreSQL."""
    report = yield
    if report.when == "call" and runs_on_postgresql(item):
        report.user_properties.append((MARK, "yes"))
    return report


def runs_on_postgresql(item: pytest.Item) -> bool:
    """Tell it by the mark, by a parameter of that name, or by asking for the server itself."""
    if item.get_closest_marker(MARK) or "postgresql_server" in getattr(item, "fixturenames", ()):
        return True
    values = getattr(getattr(item, "callspec", None), "params", {}).values()
    return any(isinstance(value, str) and value.startswith("postgres") for value in values)


def pytest_terminal_summary(terminalreporter) -> None:
    """Say how many tests ran against PostgreSQL, so that a silent skip is seen, and what tests
    wanted said (`record_property("says", sentence)`)."""
    ran = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    count = sum((MARK, "yes") in report.user_properties for report in ran)
    terminalreporter.write_line(f"{count} tests ran on PostgreSQL.")
    for report in ran:
        for name, sentence in report.user_properties:
            if name == "says":
                terminalreporter.write_line(sentence)
