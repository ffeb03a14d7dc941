"""Identity numbers by the rules and the vectors of GB 11643. (R-PAT-1)"""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import Invalid
from data.patients import IdentityDocument, Sex
from services.ages import full_years
from services.users.identity import check_digit, checked_identity

TODAY = date(2026, 3, 2)
CARD = IdentityDocument.RESIDENT_CARD


@pytest.mark.parametrize(
    ("number", "sex", "born"),
    [
        ("11010519491231002X", Sex.FEMALE, date(1949, 12, 31)),
        ("440301199003071230", Sex.MALE, date(1990, 3, 7)),
        ("33010219850615456X", Sex.FEMALE, date(1985, 6, 15)),
        ("510104202111051019", Sex.MALE, date(2021, 11, 5)),
        ("65010220240601001X", Sex.MALE, date(2024, 6, 1)),
        (" 1101 0519 4912 3100 2x ", Sex.FEMALE, date(1949, 12, 31)),
        ("１１０１０５１９４９１２３１００２Ｘ", Sex.FEMALE, date(1949, 12, 31)),
    ],
)
def test_a_number_tells_sex_and_birth(number, sex, born):
    found = checked_identity(CARD, number, TODAY)
    assert (found.sex, found.birth_date) == (sex, born)
    assert found.number == checked_identity(CARD, found.number, TODAY).number
    assert len(found.number) == 18


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("110105194912310021", "identity_check_digit_wrong"),
        ("110105194902310027", "identity_date_wrong"),  # 31 February
        ("110105203001010010", "identity_date_wrong"),  # not born yet
        ("110105189912310017", "identity_date_wrong"),
        ("110105491231002", "identity_old"),
        ("11010519491231002", "identity_malformed"),
        ("01010519491231002X", "identity_malformed"),
        ("1101051949123100٢X", "identity_malformed"),  # a digit, but not one of ours
        ("", "identity_malformed"),
    ],
)
def test_what_cannot_be_a_number_is_refused(number, code):
    with pytest.raises(Invalid) as refused:
        checked_identity(CARD, number, TODAY)
    assert refused.value.code == code


def test_other_documents_have_numbers_of_their_own():
    found = checked_identity(IdentityDocument.PASSPORT, "e1234 5678", TODAY)
    assert (found.number, found.sex, found.birth_date) == ("E12345678", None, None)
    with pytest.raises(Invalid, match="identity_malformed"):
        checked_identity(IdentityDocument.PASSPORT, "护照", TODAY)


@given(
    st.dates(date(1900, 1, 1), TODAY),
    st.integers(0, 999),
    st.integers(0, 16),
    st.integers(1, 9),
)
def test_one_wrong_digit_is_always_noticed(born, serial, place, off):
    first = f"110101{born:%Y%m%d}{serial:03}"
    number = first + check_digit(first)
    assert checked_identity(CARD, number, TODAY).birth_date == born
    wrong = number[:place] + str((int(number[place]) + off) % 10) + number[place + 1 :]
    with pytest.raises(Invalid):
        checked_identity(CARD, wrong, TODAY)


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        (date(2020, 3, 3), date(2026, 3, 2), 5),  # the day before the sixth birthday (R-PAT-4)
        (date(2020, 3, 2), date(2026, 3, 2), 6),
        (date(2020, 2, 29), date(2026, 2, 28), 5),
        (date(2020, 2, 29), date(2026, 3, 1), 6),
        (date(2026, 3, 2), date(2026, 3, 2), 0),
    ],
)
def test_age_is_in_full_years(born, today, years):
    assert full_years(born, today) == years
