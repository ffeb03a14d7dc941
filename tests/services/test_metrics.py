"""What monitoring reads is true, bounded, and about nobody."""

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import CollectorRegistry

from services.metrics import Metrics
from services.policy import HOUSE, Role
from services.tasks import Wanted
from tests.factories import INSTITUTION, an_actor


def samples(metrics):
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


async def test_requests_jobs_and_events_are_counted(clinic):
    metrics = Metrics(clinic.database, clinic.bus, clinic.health)
    metrics.request("/tasks/{id}", 200, 0.02)
    metrics.request("/tasks/{id}", 204, 0.03)
    metrics.refusal("too_many")
    metrics.job("prune", done=False, seconds=1.5)
    await clinic.tasks.add(
        HOUSE, Wanted("asked", "a", INSTITUTION, role=Role.NURSE, values={"words": "李小华"})
    )

    seen = samples(metrics)

    assert seen["xinglin_request_seconds_count", "/tasks/{id}", "2xx"] == 2
    assert seen["xinglin_refusals_total", "too_many"] == 1
    assert seen["xinglin_job_seconds_count", "prune", "failed"] == 1
    assert seen["xinglin_events_total", "TaskRaised"] == 1
    assert seen[("xinglin_units_waiting",)] == 0
    assert "李小华" not in metrics.text().decode()
    assert str(INSTITUTION) not in metrics.text().decode()


async def test_what_health_found_last_is_a_number_a_check(clinic):
    metrics = Metrics(clinic.database, clinic.bus, clinic.health)
    assert "xinglin_health{" not in metrics.text().decode()
    await clinic.health.look(an_actor(Role.SYSTEM_ADMIN))
    seen = samples(metrics)
    assert seen["xinglin_health", "database"] == 0
    assert seen["xinglin_health", "clock"] == 1
    assert seen["xinglin_health", "keys"] == 3


async def test_two_houses_in_a_process_stay_apart(clinic):
    first = Metrics(clinic.database, clinic.bus, clinic.health)
    second = Metrics(clinic.database, clinic.bus, clinic.health)
    first.refusal("forbidden")
    assert ("xinglin_refusals_total", "forbidden") not in samples(second)
    assert isinstance(first.registry, CollectorRegistry)


async def test_others_may_publish_what_they_know(clinic):
    metrics = Metrics(clinic.database, clinic.bus, clinic.health)
    metrics.read("xinglin_pages_open", "Open pages.", lambda: 7)
    metrics.read("xinglin_lag_seconds", "Not measured yet.", lambda: None)
    assert samples(metrics)[("xinglin_pages_open",)] == 7
    assert samples(metrics)[("xinglin_lag_seconds",)] == 0
