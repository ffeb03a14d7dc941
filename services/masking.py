"""Hides most of what identifies a person, so that a list can be looked at. (脱敏, S-PI-1)

Masks keep what helps to recognise somebody one knows already, and no more.
"""

STAR = "*"
SHORTEST_PHONE = 7


def mask_name(name: str) -> str:
    """Mask a name: 张三 → 张*, 张小三 → 张*三, 欧阳小三 → 欧**三, Mary Ann Lee → M*** A** L**."""
    name = name.strip()
    if name.isascii():
        return " ".join(word[0] + STAR * (len(word) - 1) for word in name.split())
    if len(name) <= 1:
        return STAR * len(name)
    if len(name) == len("张三"):
        return name[0] + STAR
    return name[0] + STAR * (len(name) - 2) + name[-1]


def mask_phone(phone: str) -> str:
    """Mask a phone number: 13812341234 → 138****1234; of a short one only the end stays."""
    if len(phone) < SHORTEST_PHONE:
        return STAR * len(phone)
    if len(phone) < len("13800000000"):
        return STAR * (len(phone) - 4) + phone[-4:]
    return phone[:3] + STAR * (len(phone) - 7) + phone[-4:]


def mask_id(number: str) -> str:
    """Mask an identity number (居民身份证): 11010519491231002X → 1101**********002X."""
    kept = len("1101")
    if len(number) <= 2 * kept:
        return STAR * len(number)
    return number[:kept] + STAR * (len(number) - 2 * kept) + number[-kept:]


def mask_email(address: str) -> str:
    """Mask a mail address: lihua@example.org → l****@example.org."""
    name, at, host = address.partition("@")
    return (name[:1] + STAR * 4 if name else "") + at + host
