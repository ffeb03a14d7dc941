"""A list shows enough to recognise somebody one knows, and no more. (S-PI-1, R014)"""

import pytest

from services.masking import mask_email, mask_id, mask_name, mask_phone


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("", ""),
        ("张", "*"),
        ("张三", "张*"),
        ("张小三", "张*三"),
        ("欧阳小三", "欧**三"),
        ("Mary Ann Lee", "M*** A** L**"),
        (" 张小三 ", "张*三"),
    ],
)
def test_a_name_keeps_its_ends(name, masked):
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"),
    [("13812341234", "138****1234"), ("62345678", "****5678"), ("120", "***"), ("", "")],
)
def test_a_phone_number_keeps_its_ends(phone, masked):
    assert mask_phone(phone) == masked


def test_a_landline_with_its_area_code_is_masked_in_the_middle():
    assert mask_phone("010-62345678") == "010*****5678"


@pytest.mark.parametrize(
    ("number", "masked"),
    [("11010519491231002X", "1101**********002X"), ("12345678", "********"), ("", "")],
)
def test_an_identity_number_keeps_its_ends(number, masked):
    assert mask_id(number) == masked


@pytest.mark.parametrize(
    ("address", "masked"),
    [("lihua@example.org", "l****@example.org"), ("", ""), ("nonsense", "n****")],
)
def test_a_mail_address_keeps_its_host(address, masked):
    assert mask_email(address) == masked
