"""A register of identities that has no network: it knows the made-up people of a demo.

Whoever has a well-formed number is in it under the name they give, but for names that end in 不符.
"""

from services.ports import IdentityAnswer

ANOTHERS = "不符"


class SandboxIdentities:
    """A register that believes what it is told."""

    method = "network_identity"
    sandbox = True
    untried = False

    async def check(self, reference: str, name: str, number: str) -> IdentityAnswer:
        del reference, number
        return IdentityAnswer.MISMATCH if name.endswith(ANOTHERS) else IdentityAnswer.MATCH
