"""How recovery codes are written and read: on paper, by people in a hurry. (备用码)"""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: nothing looks like another
GROUPS, GROUP_SIZE = 4, 4
LENGTH = GROUPS * GROUP_SIZE  # 80 bits


def written(entropy: bytes) -> str:
    """Return a code of five bits a byte, in groups."""
    signs = "".join(ALPHABET[byte % len(ALPHABET)] for byte in entropy[:LENGTH])
    return "-".join(signs[at : at + GROUP_SIZE] for at in range(0, LENGTH, GROUP_SIZE))


def plain(code: str) -> bytes:
    """Return what counts of a code as typed: I and L are 1, O is 0, dashes are air."""
    typed = code.upper().translate(str.maketrans("ILO", "110"))
    return "".join(c for c in typed if c in ALPHABET).encode()
