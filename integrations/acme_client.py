"""A certificate from a public authority without a person in between (ACME, RFC 8555, http-01)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from acme import challenges, client, crypto_util, errors, messages
from acme.standalone import HTTP01DualNetworkedServers, HTTP01RequestHandler
from cryptography.hazmat.primitives.asymmetric import rsa
from josepy.jwk import JWK, JWKRSA

from data.errors import Forbidden, Invalid, Unavailable
from data.keyring import write_at_once
from integrations.pem import key_pem, read_private_key
from services.settings import CertificateSettings
from services.tls import trusting

log = logging.getLogger(__name__)

ANSWER_SECONDS = 30  # for each request to the authority
MOST_TRIES = 5


class PublicAuthority:
    """A customer of an ACME authority: its account, its orders, its answer to the check.

    The authority asks http://<name>/.well-known/acme-challenge/... on port 80. We answer on
    `acme_port` for the seconds that this takes; a proxy or a redirect leads port 80 there.
    """

    def __init__(self, settings: CertificateSettings, folder: Path) -> None:
        """`folder` keeps the account's key, so that a renewal is the same customer's."""
        self._settings = settings
        self._account_key = folder / "acme-account.key"

    def issue(self, key: bytes) -> bytes:
        """Return the chain for the names of the settings and a private key, all PEM.

        Raise `Invalid` without names, `Forbidden` if we may not open `acme_port`, `Unavailable` if
        the authority does not answer, cannot reach us, or refuses.
        """
        if not self._settings.names:
            raise Invalid("acme_names_missing")
        try:
            return self._patiently_ordered(key).encode()
        except errors.ValidationError as refusal:
            raise Unavailable("acme_check_failed", reason=_reasons(refusal)) from None
        except messages.Error as refusal:
            raise Unavailable("acme_refused", reason=str(refusal.detail or refusal.typ)) from None
        except (errors.Error, requests.RequestException) as trouble:
            log.warning("the certificate authority did not answer: %s", type(trouble).__name__)
            raise Unavailable(
                "acme_not_reachable", directory=self._settings.acme_directory
            ) from None

    def _patiently_ordered(self, key: bytes) -> str:
        """Order again if a nonce was turned down twice in a row, as RFC 8555, 6.5 asks us to."""
        for _ in range(MOST_TRIES - 1):
            try:
                return self._order(key)
            except messages.Error as refusal:
                if refusal.code != "badNonce":
                    raise
        return self._order(key)

    def _order(self, key: bytes) -> str:
        customer = self._customer()
        order = customer.new_order(crypto_util.make_csr(key, self._settings.names))
        open_ones = (
            each for each in order.authorizations if each.body.status != messages.STATUS_VALID
        )  # what the authority has checked lately it does not check again
        answers = [self._answer(customer, each) for each in open_ones]
        with self._answering({resource for _, resource in answers}):
            for challenge, resource in answers:
                customer.answer_challenge(challenge, resource.response)
            done = customer.poll_and_finalize(order)
        return str(done.fullchain_pem)

    def _customer(self) -> client.ClientV2:
        network = client.ClientNetwork(self._key(), user_agent="xinglin", timeout=ANSWER_SECONDS)
        if self._settings.acme_trust:
            trusting(self._settings.acme_trust, "certificate.acme_trust")
            # The session takes a file where the library's own parameter takes yes or no.
            network.verify_ssl = str(self._settings.acme_trust)  # type: ignore[assignment]
        directory = client.ClientV2.get_directory(self._settings.acme_directory, network)
        customer = client.ClientV2(directory, network)
        contact = self._settings.acme_contact or None
        wanted = messages.NewRegistration.from_data(email=contact, terms_of_service_agreed=True)
        try:
            customer.new_account(wanted)
        except errors.ConflictError as known:
            network.account = messages.RegistrationResource(
                uri=known.location, body=messages.Registration()
            )
        return customer

    def _key(self) -> JWK:
        if self._account_key.is_file() and self._account_key.stat().st_size:
            found = read_private_key(self._account_key)
            if not isinstance(found, rsa.RSAPrivateKey):
                raise Invalid("certificate_unreadable", path=self._account_key.name)
            return JWKRSA(key=found)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_at_once(self._account_key, key_pem(key))
        return JWKRSA(key=key)

    def _answer(
        self, customer: client.ClientV2, authorization: messages.AuthorizationResource
    ) -> tuple[messages.ChallengeBody, Any]:
        for challenge in authorization.body.challenges:
            if isinstance(challenge.chall, challenges.HTTP01):
                response, validation = challenge.response_and_validation(customer.net.key)
                resource = HTTP01RequestHandler.HTTP01Resource(
                    chall=challenge.chall, response=response, validation=validation
                )
                return challenge, resource
        raise Unavailable("acme_refused", reason="http-01")

    @contextmanager
    def _answering(self, resources: set[Any]) -> Iterator[None]:
        """Answer the authority's check for as long as the block runs."""
        try:
            server = HTTP01DualNetworkedServers(("", self._settings.acme_port), resources)
        except PermissionError:
            raise Forbidden("acme_port_not_allowed", port=self._settings.acme_port) from None
        except OSError:
            raise Unavailable("acme_port_taken", port=self._settings.acme_port) from None
        server.serve_forever()
        try:
            yield
        finally:
            server.shutdown_and_server_close()


def _reasons(refusal: errors.ValidationError) -> str:
    """Say in the authority's words why a name did not pass."""
    found = [
        f"{failed.body.identifier.value}: {challenge.error.detail}"
        for failed in refusal.failed_authzrs
        for challenge in failed.body.challenges
        if challenge.error
    ]
    return "; ".join(found) or "?"
