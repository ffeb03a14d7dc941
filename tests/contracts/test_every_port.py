"""Every port has a suite here, and every adapter that is installed runs through its own. (R152)

An adapter without the other end of its line is an adapter nobody has tried.
"""

import importlib
import inspect
import sys
from pathlib import Path

import pytest

from integrations import providers
from scripts.docs_ports import protocols
from services import ports
from tests.contracts import (
    channels,
    clocks,
    mailers,
    offices,
    registers,
    scanners,
    senders,
    targets,
)

SUITES = {
    "mailer": ("test_mailer", mailers),
    "sms": ("test_sms", senders),
    "scanner": ("test_scanner", scanners),
    "time": ("test_time_source", clocks),
    "backup": ("test_backup_target", targets),
    "certificates": ("test_certificate_office", offices),
    "identities": ("test_identity_register", registers),
    "payments": ("test_payment_channel", channels),
}
"""The suite of each port, and the module of its adapters."""


def untried() -> list[str]:
    """Return the adapters that no suite runs, and those that are not there, as sentences."""
    wrong = []
    for port, (suite, benches) in SUITES.items():
        file = f"tests/contracts/{Path(benches.__file__).name}"
        known = providers.known(port)
        wrong += [
            f"{name} of {known[name]} serves {port} and has not been through {suite}: add it to "
            f"ADAPTERS in {file}, with the other end of its line"
            for name in sorted(known.keys() - benches.ADAPTERS.keys())
        ]
        wrong += [
            f"nothing that is installed is called {name}: take it out of {file}"
            for name in sorted(benches.ADAPTERS.keys() - known.keys())
        ]
    return wrong


def test_every_adapter_that_is_installed_runs_through_the_suite_of_its_port():
    assert untried() == []


def test_every_port_has_a_suite():
    declared = {
        kind
        for _, kind in inspect.getmembers(ports, inspect.isclass)
        if getattr(kind, "_is_protocol", False) and kind.__module__ == ports.__name__
    }
    assert set(protocols().values()) == declared, "name it in Ports, or in scripts/docs_ports.py"
    assert protocols().keys() == SUITES.keys(), "write its suite, and add it to SUITES"


@pytest.mark.parametrize("port", SUITES)
def test_a_suite_runs_once_for_each_adapter(port):
    suite, benches = SUITES[port]
    module = importlib.import_module(f"tests.contracts.{suite}")
    fixtures = [each for each in vars(module).values() if hasattr(each, "_fixture_function_marker")]
    params = [fixture._fixture_function_marker.params for fixture in fixtures]
    assert tuple(benches.ADAPTERS) in params


def test_an_adapter_that_is_installed_and_never_tried_is_found(tmp_path, monkeypatch):
    told = tmp_path / "pigeon-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(
        "[xinglin.sms]\npigeon = pigeon:Pigeon\n[xinglin.backup]\npigeon = pigeon:Loft\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    first, second = untried()
    assert first.startswith("pigeon of pigeon serves sms and has not been through test_sms")
    assert "tests/contracts/targets.py" in second
