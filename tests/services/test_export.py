"""Everything the house knows can be handed to a successor, and read without us. (R-REC-7)"""

import hashlib
import json

import pytest

from data.clock import new_id
from data.errors import Conflict, Forbidden
from data.institution import Institution, Site
from data.stored_file import KeptFile
from data.tables import metadata
from data.users import Password, User
from services.export import KEPT_BACK, Export
from services.policy import HOUSE, Role
from tests.factories import INSTITUTION, MONDAY, an_actor


@pytest.fixture
def export(clinic) -> Export:
    return clinic.export


async def a_house(database, sites: int = 3) -> None:
    async with database.transaction(write=True) as session:
        session.add(Institution(id=INSTITUTION, name="示范县人民医院", uscc="1", created_at=MONDAY))
        session.add_all(
            Site(institution_id=INSTITUTION, name=f"院区{number}", created_at=MONDAY)
            for number in range(sites)
        )
        person = new_id()
        session.add(
            User(
                id=person,
                institution_id=INSTITUTION,
                owner_id=person,
                username="li",
                display_name="李医生",
                phone="19900001234",
                created_at=MONDAY,
                woken_at=MONDAY,
            )
        )
        await session.flush()
        session.add(Password(user_id=person, hash="secret-hash", at=MONDAY))


async def kept(clinic, content: bytes) -> KeptFile:
    async def chunks():
        yield content

    files = clinic.export._files
    stored = await files.put(chunks(), INSTITUTION)

    class Here:
        owner_id, patient_id, site_id, media_type = new_id(), None, None, "text/plain"

    async with clinic.database.transaction(write=True) as session:
        return await files.keep(session, stored, Here, MONDAY)


def lines(folder, table: str) -> list[dict]:
    return [
        json.loads(line) for line in (folder / "tables" / f"{table}.jsonl").read_text().splitlines()
    ]


async def test_every_table_is_written_readable_and_counted(export, database, tmp_path):
    await a_house(database)
    done = await export.everything(HOUSE, tmp_path / "out", "takeover")

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert set(manifest["rows"]) == {table.name for table in metadata.sorted_tables} - KEPT_BACK
    assert manifest["rows"]["site"] == 3 == len(lines(tmp_path / "out", "site"))
    assert lines(tmp_path / "out", "user_account")[0]["phone"] == "19900001234", "unsealed"
    assert done.rows["user_account"] == 1


async def test_the_manifest_has_the_digest_of_every_file(export, clinic, database, tmp_path):
    await a_house(database)
    row = await kept(clinic, b"an X-ray" * 20_000)
    await export.everything(HOUSE, tmp_path / "out", "takeover")

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    written = {
        str(path.relative_to(tmp_path / "out")): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert manifest["sha256"] == written
    assert (tmp_path / "out" / "files" / str(row.id)).read_bytes() == b"an X-ray" * 20_000


async def test_what_opens_doors_stays_here(export, clinic, database, tmp_path):
    """No password, secret, session or file key leaves the house."""
    await a_house(database)
    await kept(clinic, b"a letter")
    await export.everything(HOUSE, tmp_path / "out", "takeover")

    everything = b"".join(path.read_bytes() for path in (tmp_path / "out" / "tables").iterdir())
    assert b"secret-hash" not in everything
    assert b"wrapped_key" not in everything


async def test_a_damaged_file_is_named_and_holds_up_nothing(export, clinic, database, tmp_path):
    await a_house(database)
    row = await kept(clinic, b"a letter")
    clinic.export._files.path(row.blob).write_bytes(b"rubbish")

    done = await export.everything(HOUSE, tmp_path / "out", "takeover")

    assert done.unreadable == [str(row.id)]
    assert not (tmp_path / "out" / "files" / str(row.id)).exists()
    assert done.rows["institution"] == 1


async def test_many_rows_come_out_once_each(export, database, tmp_path, monkeypatch):
    monkeypatch.setattr("services.export.BATCH", 7)
    await a_house(database, sites=50)
    await export.everything(HOUSE, tmp_path / "out", "takeover")
    names = [row["name"] for row in lines(tmp_path / "out", "site")]
    assert len(names) == len(set(names)) == 50


async def test_a_folder_with_something_in_it_is_not_written_to(export, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Conflict) as refusal:
        await export.everything(HOUSE, tmp_path, "takeover")
    assert refusal.value.code == "export_folder_not_empty"


@pytest.mark.parametrize("role", [Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN])
async def test_nobody_exports_everything_from_a_page(export, tmp_path, role):
    with pytest.raises(Forbidden):
        await export.everything(an_actor(role), tmp_path / "out", "theft")
    assert not (tmp_path / "out" / "manifest.json").exists()


async def test_the_export_is_in_the_trail_with_its_reason(export, database, clinic, tmp_path):
    await a_house(database)
    await export.everything(HOUSE, tmp_path / "out", "taken over by the county")
    entries = lines(tmp_path / "out", "audit_entry")
    assert entries[-1]["action"] == "export:all"
    assert entries[-1]["purpose"] == "taken over by the county"
