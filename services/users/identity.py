"""What an identity number says, and whether it can be one. (GB 11643, R-PAT-1)"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from data.errors import Invalid
from data.patients import IdentityDocument, Sex

RESIDENT = re.compile(r"[1-9][0-9]{16}[0-9X]")
MOBILE = re.compile(r"1[3-9][0-9]{9}")
OTHER = re.compile(r"[A-Z0-9]{5,20}")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK = "10X98765432"
EARLIEST = date(1900, 1, 1)
TELLING = frozenset({IdentityDocument.RESIDENT_CARD, IdentityDocument.HOUSEHOLD_REGISTER})
"""Documents whose number tells sex and birth."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A document's number, as it is kept, and what it tells by itself."""

    document: IdentityDocument
    number: str
    sex: Sex | None = None
    birth_date: date | None = None


def checked_identity(document: IdentityDocument, number: str, today: date) -> Identity:
    """Return the number in capitals without blanks, with what it tells; raise `Invalid` if wrong.

    Wide digits, as Chinese keyboards write them, are taken for the narrow ones.

    Codes: `identity_malformed`, `identity_old` (15 digits, void since 2013), `identity_date_wrong`
    and `identity_check_digit_wrong`.
    """
    number = re.sub(r"\s", "", unicodedata.normalize("NFKC", number)).upper()
    if document in TELLING:
        return _resident(document, number, today)
    if not OTHER.fullmatch(number):
        raise Invalid("identity_malformed")
    return Identity(document, number)


def checked_mobile(phone: str) -> str:
    """Return a mainland mobile number as eleven digits; raise `Invalid("mobile_malformed")`."""
    phone = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", phone)).removeprefix("+86")
    if not MOBILE.fullmatch(phone):
        raise Invalid("mobile_malformed")
    return phone


def _resident(document: IdentityDocument, number: str, today: date) -> Identity:
    if re.fullmatch(r"[0-9]{15}", number):
        raise Invalid("identity_old")
    if not RESIDENT.fullmatch(number):
        raise Invalid("identity_malformed")
    born = _date(number[6:14])
    if born is None or not EARLIEST <= born <= today:
        raise Invalid("identity_date_wrong")
    if check_digit(number[:17]) != number[17]:
        raise Invalid("identity_check_digit_wrong")
    sex = Sex.MALE if int(number[16]) % 2 else Sex.FEMALE
    return Identity(document, number, sex, born)


def check_digit(first: str) -> str:
    """Return the 18th character for the first 17 digits of a resident's number."""
    return CHECK[sum(int(d) * w for d, w in zip(first, WEIGHTS, strict=True)) % 11]


def _date(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
