"""Makes a stranger's file harmless: says what it really is, and writes a clean copy. (上传净化)

`clean` runs in a process of its own with bounded memory: what breaks or starves it breaks nothing
else. It raises `Unclean` with the code of a sentence, never with words of a library.
"""

import errno
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEGABYTE = 1_000_000
HEAD_BYTES = 8192
MOST_PIXELS = 40_000_000
"""A picture of 12 megapixels is usual, of 40 a good camera's; a bomb claims a thousand."""
MOST_PAGES = 2000
MEMORY_BYTES = 2_000_000_000
CLEAN_BYTES = 200 * MEGABYTE
"""What a clean copy may grow to: twice the largest file we take."""
JPEG_QUALITY = 90
DICOM_PREAMBLE = 128
KEPT_OF_A_DOCUMENT = frozenset({"/Type", "/Pages", "/Lang", "/PageLabels", "/OCProperties"})
KEPT_OF_A_PAGE = frozenset(
    {
        *("/Type", "/Parent", "/Contents", "/Resources", "/Rotate", "/UserUnit", "/Group"),
        *("/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox"),
    }
)
"""What is to be seen, and nothing else that PDF has or will have (ISO 32000-1, 7.7)."""


class Unclean(Exception):
    """A file we do not take; `code` names the sentence that says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


OF_THE_DISK = {
    errno.EFBIG: "file_too_complex",
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
}
"""What the disk refuses, and the code of the sentence for it."""
Cleaner = Callable[[Path, Path], str]


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of file that we take."""

    media_type: str
    most_bytes: int
    clean: Cleaner
    """Writes the clean copy and returns its media type."""


def recognise(head: bytes) -> str:
    """Return the media type by content, from its first `HEAD_BYTES`; empty if none of ours."""
    import filetype  # noqa: PLC0415 - not needed to read this file's names

    if head[DICOM_PREAMBLE : DICOM_PREAMBLE + 4] == b"DICM":
        return "application/dicom"
    guessed = filetype.guess(head)
    found = "" if guessed is None else str(guessed.mime)
    return found if found in SORTS else ""


def clean(media_type: str, source: Path, target: Path) -> str:
    """Write a clean copy of `source` and return what it is; raise `Unclean`."""
    try:
        return SORTS[media_type].clean(source, target)
    except Unclean:
        raise
    except MemoryError:
        raise Unclean("file_too_complex") from None
    except Exception as problem:  # noqa: BLE001 - whatever a library says: it cannot be read
        said = problem.errno if isinstance(problem, OSError) else None
        raise Unclean(OF_THE_DISK.get(said or 0, "file_unreadable")) from None


def confine() -> None:
    """Bound the memory of this process and the files it writes; for the one that cleans."""
    for kind, wanted in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_FSIZE, CLEAN_BYTES)):
        _, most = resource.getrlimit(kind)
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(kind, (limit, most))


def _picture(source: Path, target: Path) -> str:
    """Draw the picture anew: no EXIF (where it was taken), no colour profile, no second file."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - only in the process that cleans

    formats = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
    Image.MAX_IMAGE_PIXELS = None  # asked below, before a pixel is read
    with Image.open(source, formats=tuple(formats)) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise Unclean("picture_too_large")
        kind = str(picture.format)
        upright = ImageOps.exif_transpose(picture)
    if kind == "JPEG":
        plain = upright.convert("L" if upright.mode == "L" else "RGB")
    else:
        plain = upright.convert("RGBA" if "A" in upright.getbands() else "RGB")
    fresh = Image.frombytes(plain.mode, plain.size, plain.tobytes())
    fresh.save(target, kind, quality=JPEG_QUALITY)
    return formats[kind]


def _heic(source: Path, target: Path) -> str:
    """Turn a phone's HEIC into JPEG, where the extra that reads it is installed."""
    try:
        import pi_heif  # noqa: PLC0415 - an extra
    except ImportError:
        raise Unclean("heic_not_installed") from None
    from PIL import Image, ImageOps  # noqa: PLC0415

    pi_heif.register_heif_opener()
    with Image.open(source, formats=("HEIF",)) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise Unclean("picture_too_large")
        plain = ImageOps.exif_transpose(picture).convert("RGB")
    Image.frombytes("RGB", plain.size, plain.tobytes()).save(target, "JPEG", quality=JPEG_QUALITY)
    return "image/jpeg"


def _document(source: Path, target: Path) -> str:
    """Keep what a PDF shows; drop what it does: scripts, actions, forms, attached files."""
    import pikepdf  # noqa: PLC0415 - only in the process that cleans

    try:
        document = pikepdf.open(source)
    except pikepdf.PasswordError:
        raise Unclean("file_encrypted") from None
    with document:
        if len(document.pages) > MOST_PAGES:
            raise Unclean("file_too_complex")
        document.generate_appearance_streams()
        document.flatten_annotations("screen")  # what was filled in stays to be seen
        _keep(document.Root, KEPT_OF_A_DOCUMENT)
        for page in document.pages:
            _keep(page.obj, KEPT_OF_A_PAGE)
        for thing in document.objects:
            if isinstance(thing, pikepdf.Dictionary | pikepdf.Stream):
                for name in ("/AA", "/AF", "/EF", "/JS"):
                    _drop(thing, name)
        _drop(document.trailer, "/Info")
        document.remove_unreferenced_resources()
        document.save(target)
    return "application/pdf"


def _keep(thing: Any, names: frozenset[str]) -> None:
    for name in [name for name in thing.keys() if name not in names]:  # noqa: SIM118 - no mapping
        del thing[name]


def _drop(thing: Any, name: str) -> None:
    if name in thing:
        del thing[name]


def _dicom(source: Path, target: Path) -> str:
    """Blank the preamble, where a program can hide; pixels and tags are the record itself."""
    with source.open("rb") as reading, target.open("wb") as writing:
        reading.seek(DICOM_PREAMBLE)
        writing.write(bytes(DICOM_PREAMBLE))
        while piece := reading.read(1 << 20):
            writing.write(piece)
    return "application/dicom"


SORTS: dict[str, Sort] = {
    sort.media_type: sort
    for sort in (
        Sort("image/jpeg", 20 * MEGABYTE, _picture),
        Sort("image/png", 20 * MEGABYTE, _picture),
        Sort("image/webp", 20 * MEGABYTE, _picture),
        Sort("image/heic", 20 * MEGABYTE, _heic),
        Sort("application/pdf", 100 * MEGABYTE, _document),
        Sort("application/dicom", 100 * MEGABYTE, _dicom),
    )
}
"""What is taken; everything else is refused by name."""

MOST_BYTES = max(sort.most_bytes for sort in SORTS.values())
ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "application/pdf": "pdf",
    "application/dicom": "dcm",
}
