"""Files from strangers: what is taken, what is left of them, what is refused. (S-WEB, R043)"""

import io
import os
import struct
import subprocess
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from data.clock import new_id
from data.errors import DomainError, Forbidden, Invalid, NotFound, Unavailable
from services import cleaning, uploads
from services.policy import Role
from services.ports import ScanVerdict
from tests.factories import an_actor
from tests.peers import need, need_root

pytestmark = pytest.mark.sqlite


async def stream(content: bytes, piece: int = 50_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), piece):
        yield content[start : start + piece]


async def content_of(clinic, actor, file_id) -> bytes:
    kept = await clinic.uploads.find(actor, file_id)
    return b"".join([piece async for piece in clinic.uploads.read(kept, 0, kept.size)])


def a_photo(kind: str = "JPEG", size: tuple[int, int] = (320, 200), **more: object) -> bytes:
    out = io.BytesIO()
    picture = Image.new("RGB", size)
    picture.putdata([(x % 256, 90, 40) for x in range(size[0] * size[1])])
    picture.save(out, kind, **more)
    return out.getvalue()


def a_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of 900 megapixels in 120 kB."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def a_letter(**root: object) -> pikepdf.Pdf:
    document = pikepdf.new()
    document.add_blank_page(page_size=(300, 300))
    for name, value in root.items():
        document.Root[f"/{name}"] = value
    return document


def packed(document: pikepdf.Pdf, **more: object) -> bytes:
    out = io.BytesIO()
    document.save(out, **more)
    return out.getvalue()


@pytest.fixture
def patient():
    return an_actor(Role.PATIENT)


@pytest.fixture(autouse=True)
def nothing_is_left(clinic, request):
    yield
    clinic.uploads.close()
    incoming = clinic.settings.home / "incoming"
    assert not incoming.exists() or not list(incoming.iterdir()), "a temporary file was left"


async def test_a_photo_is_drawn_anew_without_where_it_was_taken(clinic, patient):
    exif = Image.Exif()
    exif[0x010F] = "Phone of Wang"
    exif.get_ifd(0x8825)[1] = "N"
    original = a_photo(exif=exif) + b"<script>alert(1)</script> hidden behind the picture"
    received = await clinic.uploads.receive(patient, stream(original))
    kept = await content_of(clinic, patient, received.id)
    assert received.media_type == "image/jpeg"
    assert b"Wang" in original
    assert b"Wang" not in kept
    assert b"script" not in kept
    with Image.open(io.BytesIO(kept)) as picture:
        assert picture.size == (320, 200)
        assert not picture.getexif()


async def test_a_photo_that_lies_on_its_side_is_set_upright(clinic, patient):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by the camera
    received = await clinic.uploads.receive(patient, stream(a_photo(exif=exif)))
    with Image.open(io.BytesIO(await content_of(clinic, patient, received.id))) as picture:
        assert picture.size == (200, 320)


@pytest.mark.parametrize("sort", ["PNG", "WEBP"])
async def test_other_pictures_keep_their_kind(clinic, patient, sort):
    received = await clinic.uploads.receive(patient, stream(a_photo(sort)))
    assert received.media_type == f"image/{sort.lower()}"


async def test_a_bomb_is_refused_before_a_pixel_is_read(clinic, patient):
    bomb = a_bomb()
    assert len(bomb) < 500_000
    with pytest.raises(Invalid) as refused:
        await clinic.uploads.receive(patient, stream(bomb))
    assert refused.value.code == "picture_too_large"


async def test_a_pdf_keeps_its_pages_and_loses_what_it_does(clinic, patient):
    script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert('evil')")
    document = a_letter(OpenAction=script, AA=pikepdf.Dictionary(WC=script))
    document.attachments["evil.exe"] = b"MZ evil inside"
    link = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.Link,
        Rect=[0, 0, 9, 9],
        A=pikepdf.Dictionary(S=pikepdf.Name.Launch, F="cmd.exe"),
    )
    document.pages[0].Annots = document.make_indirect([link])
    document.pages[0].AA = pikepdf.Dictionary(O=script)
    received = await clinic.uploads.receive(patient, stream(packed(document)))
    kept = await content_of(clinic, patient, received.id)
    with pikepdf.open(io.BytesIO(kept)) as clean:
        assert len(clean.pages) == 1
        everything = b"".join(
            thing.unparse(resolved=True)
            for thing in clean.objects
            if isinstance(thing, pikepdf.Dictionary)
        )
    for evil in (b"JavaScript", b"evil", b"Launch", b"cmd.exe", b"OpenAction", b"/AA"):
        assert evil not in everything


async def test_what_was_filled_into_a_form_stays_to_be_seen(clinic, patient):
    document = a_letter()
    look = document.make_stream(
        b"BT /F 12 Tf (blood group A) Tj ET",
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Form,
        BBox=[0, 0, 100, 20],
    )
    filled = document.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Widget,
            FT=pikepdf.Name.Tx,
            T="group",
            V="blood group A",
            Rect=[10, 10, 110, 30],
            AP=pikepdf.Dictionary(N=look),
        )
    )
    document.pages[0].Annots = pikepdf.Array([filled])
    document.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([filled]))
    received = await clinic.uploads.receive(patient, stream(packed(document)))
    with pikepdf.open(io.BytesIO(await content_of(clinic, patient, received.id))) as clean:
        assert "/AcroForm" not in clean.Root
        shown = [x.read_bytes() for x in clean.pages[0].Resources.XObject.values()]
    assert any(b"blood group A" in each for each in shown)


async def test_a_dicom_file_loses_the_preamble_where_programs_hide(clinic, patient):
    content = b"MZ" + b"\x90" * 126 + b"DICM" + b"pixels" * 5000
    received = await clinic.uploads.receive(patient, stream(content))
    kept = await content_of(clinic, patient, received.id)
    assert received.media_type == "application/dicom"
    assert kept == bytes(128) + content[128:]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b"MZ\x90\x00 a program", "file_type_refused"),
        (b"<html><script>alert(1)</script></html>", "file_type_refused"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "file_type_refused"),
        (b"PK\x03\x04 an archive", "file_type_refused"),
        (b"GIF89a" + bytes(100), "file_type_refused"),
        (a_photo()[:500], "file_unreadable"),
        (b"%PDF-1.7 and nothing after it", "file_unreadable"),
        (a_photo("PNG") + bytes(20_000_001), "file_too_large"),
    ],
    ids=["empty", "program", "page", "svg", "archive", "gif", "cut", "hollow", "large"],
)
async def test_what_we_do_not_take_is_refused_in_a_sentence(clinic, patient, content, code):
    with pytest.raises(Invalid) as refused:
        await clinic.uploads.receive(patient, stream(content))
    assert refused.value.code == code


async def test_a_pdf_with_a_password_is_refused(clinic, patient):
    lock = pikepdf.Encryption(owner="o", user="u")
    with pytest.raises(Invalid) as refused:
        await clinic.uploads.receive(patient, stream(packed(a_letter(), encryption=lock)))
    assert refused.value.code == "file_encrypted"


async def test_a_file_too_large_is_cut_off_while_it_comes_in(clinic, patient):
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        yield a_photo()
        while True:
            taken += 1
            yield bytes(100_000)

    with pytest.raises(Invalid) as refused:
        await clinic.uploads.receive(patient, endless())
    assert refused.value.code == "file_too_large"
    assert taken <= 201  # 20 MB and not a chunk more


class Verdict:
    """A scanner that says what it is told to, and remembers what it was shown."""

    def __init__(self, verdict: ScanVerdict | None) -> None:
        self.verdict, self.seen = verdict, b""

    async def scan(self, chunks: AsyncIterator[bytes]) -> ScanVerdict:
        self.seen = b"".join([chunk async for chunk in chunks])
        if self.verdict is None:
            raise Unavailable("scanner_silent")
        return self.verdict


@pytest.mark.parametrize(
    ("verdict", "code"), [(ScanVerdict.INFECTED, "file_infected"), (None, "scanner_silent")]
)
async def test_what_the_scanner_does_not_clear_is_not_kept(clinic, patient, verdict, code):
    clinic.uploads._scanner = scanner = Verdict(verdict)
    with pytest.raises(DomainError) as refused:
        await clinic.uploads.receive(patient, stream(a_photo()))
    assert refused.value.code == code
    assert scanner.seen == a_photo()  # what came, not what we made of it
    assert await clinic.uploads._store.blobs() == []


async def test_a_cleaner_that_hangs_is_ended_and_the_next_file_is_served(
    clinic, patient, monkeypatch
):
    monkeypatch.setattr(uploads, "CLEANING_SECONDS", 0.0)
    with pytest.raises(Invalid) as refused:
        await clinic.uploads.receive(patient, stream(a_photo()))
    assert refused.value.code == "file_too_complex"
    monkeypatch.setattr(uploads, "CLEANING_SECONDS", 60.0)
    assert (await clinic.uploads.receive(patient, stream(a_photo()))).size


async def test_somebody_elses_file_is_not_given(clinic, patient):
    """R042: the next person of the same role has no rule for it."""
    received = await clinic.uploads.receive(patient, stream(a_photo()))
    with pytest.raises(Forbidden):
        await clinic.uploads.find(an_actor(Role.PATIENT), received.id)
    with pytest.raises(NotFound):
        await clinic.uploads.find(patient, new_id())
    family = an_actor(Role.PROXY)
    about = await clinic.uploads.receive(patient, stream(a_photo()), patient_id=(child := new_id()))
    assert (await clinic.uploads.find(replace(family, patient_ids=frozenset({child})), about.id)).id


async def test_visitors_keep_no_files(clinic):
    with pytest.raises(DomainError):
        await clinic.uploads.receive(an_actor(Role.VISITOR), stream(a_photo()))


def test_every_sort_we_take_has_an_ending():
    for sort in cleaning.SORTS.values():
        assert sort.media_type in cleaning.ENDINGS or sort.media_type == "image/heic"


async def test_what_a_crash_left_is_wiped_at_the_next_start(clinic):
    """S-RES-1."""
    left = clinic.settings.home / "incoming" / "0f"
    left.parent.mkdir()
    left.write_bytes(a_photo())
    await clinic.uploads.tidy()
    assert not left.exists()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Lay a disk of that size under a folder."""
    need_root()
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(need("mount")), "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(command, check=True)
    try:
        yield
        assert not list(folder.iterdir()), "a temporary file was left"
    finally:
        subprocess.run(["umount", str(folder)], check=True)


NOISE = os.urandom(3_000_000)


def noise_in_a_pdf() -> bytes:
    document = a_letter()
    document.pages[0].Contents = document.make_stream(NOISE)
    return packed(document)


def noise_in_a_picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (1000, 1000), NOISE).save(out, kind, quality=95)
    return out.getvalue()


@pytest.mark.parametrize("room", ["1m", "4m"], ids=["coming in", "being cleaned"])
async def test_a_full_disk_refuses_an_upload_in_a_sentence(clinic, patient, room):
    """Bad input: a full disk. Red before: an unexpected error; while cleaning: unreadable."""
    disk = small_disk(clinic.settings.home / "incoming", room)
    with disk, pytest.raises(DomainError) as refused:
        await clinic.uploads.receive(patient, stream(bytes(128) + b"DICM" + NOISE))
    assert (type(refused.value), refused.value.code) == (Unavailable, "disk_full")
    assert (await clinic.uploads.receive(patient, stream(a_photo()))).size


@pytest.mark.parametrize("sort", ["PDF", "PNG", "JPEG", "WEBP"])
def test_no_library_hides_that_the_disk_is_full(tmp_path, sort):
    content = noise_in_a_pdf() if sort == "PDF" else noise_in_a_picture(sort)
    source = tmp_path / "source"
    source.write_bytes(content)
    media_type = cleaning.recognise(content[: cleaning.HEAD_BYTES])
    with small_disk(tmp_path / "small", "100k"), pytest.raises(cleaning.Unclean) as refused:
        try:
            cleaning.clean(media_type, source, tmp_path / "small" / "target")
        finally:
            (tmp_path / "small" / "target").unlink(missing_ok=True)
    assert refused.value.code == "disk_full"
