"""Numbers for the hospital's monitoring, in the format of Prometheus; never about a person. (指标)

Labels are routes, states and names of checks: small closed sets. What a service knows already is
read when somebody asks (`Gauge.set_function`), so that measuring costs nothing in between.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from data.clock import stopwatch
from data.database import Database
from services.bus import Bus
from services.events import Event
from services.findings import ORDER
from services.health import Health

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The house's counters, on a registry of their own: two houses in a process stay apart."""

    def __init__(self, database: Database, bus: Bus, health: Health) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "xinglin_request_seconds",
            "How long requests took, by the route's pattern.",
            ("route", "status"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._events = Counter(
            "xinglin_events", "What has happened.", ("event",), registry=self.registry
        )
        self._refused = Counter(
            "xinglin_refusals", "Requests refused, by code.", ("code",), registry=self.registry
        )
        self._jobs = Histogram(
            "xinglin_job_seconds",
            "How long jobs took.",
            ("job", "result"),
            buckets=(*SECONDS, 60, 600),
            registry=self.registry,
        )
        self.read("xinglin_units_waiting", "Units of work in line.", lambda: database.waiting)
        self.registry.register(_Findings(health))
        bus.watch(self._count)

    def read(self, name: str, what: str, value: Callable[[], float | None]) -> None:
        """Publish a number that somebody else knows: it is asked when it is scraped."""
        gauge = Gauge(name, what, registry=self.registry)
        gauge.set_function(lambda: value() or 0.0)

    def asked(self) -> Callable[[str, int], None]:
        """Begin to time a request; what is returned notes it, by route and status, as answered."""
        began = stopwatch()
        return lambda route, status: self.request(route, status, stopwatch() - began)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Note a request that was answered; `route` is the pattern, never the path."""
        self._requests.labels(route, f"{status // 100}xx").observe(seconds)

    def refusal(self, code: str) -> None:
        """Note a request that was refused, by the code of its sentence."""
        self._refused.labels(code).inc()

    def job(self, name: str, *, done: bool, seconds: float) -> None:
        """Note a job that ran."""
        self._jobs.labels(name, "done" if done else "failed").observe(seconds)

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self.registry)

    def _count(self, event: Event) -> None:
        self._events.labels(type(event).__name__).inc()


class _Findings(Collector):
    """What the last look at the house found: 0 ok, 1 not measured, 2 warn, 3 red."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> list[Metric]:
        family = GaugeMetricFamily(
            "xinglin_health", "0 ok, 1 not measured, 2 attention, 3 serious.", labels=["check"]
        )
        worst: dict[str, int] = {}
        for finding in self._health.last:
            level = ORDER.index(finding.level)
            worst[finding.check] = max(level, worst.get(finding.check, 0))
        for check, level in sorted(worst.items()):
            family.add_metric([check], level)
        return [family]
