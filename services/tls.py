"""Whether certificates and a private key can be used, tried by the library that will use them."""

import ssl
from pathlib import Path

from data.errors import Invalid


def require_pair(chain: Path, key: Path) -> None:
    """Raise `Invalid` unless HTTPS can be served with this certificate and this private key.

    Tried on a context that nobody uses: one that fails takes the old one's key away. A key that is
    sealed with a password is refused: nobody is there to type it when the house starts.
    """
    for part in (chain, key):
        if not part.is_file():
            raise Invalid("certificate_missing", path=str(part))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key, lambda: "")
    except ssl.SSLError as trouble:
        if trouble.reason == "KEY_VALUES_MISMATCH":
            raise Invalid("certificate_key_wrong", key=str(key), path=str(chain)) from None
        raise Invalid("certificate_unreadable", path=f"{chain}, {key}") from None


def trusting(authorities: Path | None, setting: str) -> ssl.SSLContext:
    """Return what checks a counterpart: by the machine's authorities, or by those in a PEM file.

    Raise `Invalid("trust_unreadable")` if the file that `setting` names holds none.
    """
    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError:  # ssl.SSLError is one
        raise Invalid("trust_unreadable", name=setting, path=str(authorities)) from None
