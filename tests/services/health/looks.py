"""Looking at one check of a house, and the institution that it looks at."""

from data.institution import Institution
from services.permissions import Action
from services.policy import HOUSE, Role, Subject
from tests.factories import INSTITUTION

ADMIN = Role.SYSTEM_ADMIN


async def found(clinic, check):
    return [each for each in await clinic.health.look(HOUSE) if each.check == check]


async def the(clinic, check):
    [finding] = await found(clinic, check)
    return finding.level, finding.code


async def institution(clinic, **more):
    async with clinic.transactions.open(HOUSE) as tx:
        tx.allow(Action.INSTITUTION_FOUND, Subject("institution"))
        tx.session.add(
            Institution(
                id=INSTITUTION,
                name="示范县人民医院(测试)",
                uscc="121101019999000038",
                created_at=tx.now,
                **more,
            )
        )
