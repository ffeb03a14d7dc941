"""What our own authority signs: itself, limited to this house, and a server's certificate. (X.509)

The authority may vouch for private addresses and for the names it was made with only, so that its
key in wrong hands opens no other site (RFC 5280, 4.2.1.10).
"""

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=3650)
EARLIER = timedelta(hours=1)  # phones whose clocks are slow

PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
        *("127.0.0.0/8", "::1/128", "fc00::/7", "fe80::/10"),
    )
)
PRIVATE_NAMES = ("localhost", "local")  # and what ends in .local (RFC 6762)

Name = x509.DNSName | x509.IPAddress


def as_name(name: str) -> Name:
    """Return a host name or an address as certificates hold it, in small letters."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.lower())


def is_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether an address belongs to no network but one's own."""
    return _lies_in(x509.IPAddress(address), PRIVATE, [])


def may_vouch(authority: x509.Certificate, names: Iterable[Name]) -> bool:
    """Tell whether every name lies within what the authority is limited to."""
    try:
        limits = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    trees = limits.permitted_subtrees or []
    networks = [tree.value for tree in trees if isinstance(tree, x509.IPAddress)]
    domains = [tree.value for tree in trees if isinstance(tree, x509.DNSName)]
    return all(_lies_in(name, networks, domains) for name in names)


def _lies_in(name: Name, networks: Sequence[object], domains: Sequence[str]) -> bool:
    if isinstance(name, x509.IPAddress):
        address = name.value
        return any(
            network.version == address.version and address in network
            for network in networks
            if isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network)
        )
    return any(name.value == domain or name.value.endswith(f".{domain}") for domain in domains)


def authority_certificate(
    key: ec.EllipticCurvePrivateKey, names: list[Name], now: datetime
) -> x509.Certificate:
    host = socket.gethostname().partition(".")[0]
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Xinglin"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Xinglin {host} {now:%Y-%m-%d}"[:64]),
        ]
    )
    public = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.NameConstraints(_limits(names), None), critical=True)
    )
    return builder.sign(key, hashes.SHA256())


def _limits(names: list[Name]) -> list[x509.GeneralName]:
    own: list[x509.GeneralName] = []
    for name in names:
        if isinstance(name, x509.DNSName):
            if not _lies_in(name, [], PRIVATE_NAMES):
                own.append(name)
        elif not _lies_in(name, PRIVATE, []):
            own.append(x509.IPAddress(ipaddress.ip_network(str(name.value))))
    domains = [x509.DNSName(name) for name in PRIVATE_NAMES]
    return [*domains, *(x509.IPAddress(network) for network in PRIVATE), *own]


def leaf_certificate(
    names: list[Name],
    public: ec.EllipticCurvePublicKey,
    authority: x509.Certificate,
    valid: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    signer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    common = x509.NameAttribute(NameOID.COMMON_NAME, str(names[0].value)[:64])
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([common]))
        .issuer_name(authority.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False
        )
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
