"""What the law wants a hospital to have, declared with evidence. (R-ORG-3)"""

from datetime import date

import pytest

from data.errors import Forbidden, Invalid
from services.i18n import Key
from services.infrastructure import Item
from services.policy import Role
from tests.factories import an_actor
from tests.services.health.looks import ADMIN, found, institution


async def test_infrastructure_is_declared_with_evidence_and_asked_again_after_a_year(clinic, clock):
    """R-ORG-3."""
    await institution(clinic)
    admin = an_actor(ADMIN)
    looked = await found(clinic, "infrastructure")
    assert {each.code for each in looked} == {"not_declared"}
    assert len(looked) == len(Item)

    await clinic.infrastructure.declare(
        admin, Item.POWER_TWICE, met=True, note="contract 2025-17", evidence_on=date(2026, 2, 1)
    )
    await clinic.infrastructure.declare(
        admin, Item.BANDWIDTH, met=False, note="one line of 4 Mbit/s", evidence_on=date(2026, 2, 1)
    )

    told = {each.values["item"]: each.code for each in await found(clinic, "infrastructure")}
    assert told[Key("infrastructure.power_twice")] == "declared"
    assert told[Key("infrastructure.bandwidth")] == "not_met"
    [power] = [d for d in await clinic.infrastructure.page(admin) if d.item is Item.POWER_TWICE]
    assert (power.note, power.declared_by) == ("contract 2025-17", str(admin.user_id))
    clock.forward(days=400)
    told = {each.values["item"]: each.code for each in await found(clinic, "infrastructure")}
    assert told[Key("infrastructure.power_twice")] == "old"


@pytest.mark.parametrize(
    ("note", "day", "code"),
    [(" ", date(2026, 2, 1), "evidence_needed"), ("x", date(2027, 1, 1), "evidence_in_future")],
)
async def test_a_declaration_without_evidence_is_refused(clinic, note, day, code):
    with pytest.raises(Invalid) as refusal:
        await clinic.infrastructure.declare(
            an_actor(ADMIN), Item.HIS, met=True, note=note, evidence_on=day
        )
    assert refusal.value.code == code


async def test_nobody_else_declares_the_infrastructure(clinic):
    with pytest.raises(Forbidden):
        await clinic.infrastructure.declare(
            an_actor(Role.DOCTOR), Item.HIS, met=True, note="x", evidence_on=date(2026, 2, 1)
        )
