"""Thumbprints: how AWS authenticates a provider whose certificate no trusted authority signed.

"Obtain the thumbprint for an OpenID Connect identity provider" of the IAM User Guide: the SHA-1 of
the top intermediate CA's certificate in the chain that the provider's server presents.
"""

import hashlib
import socket
import ssl
from collections.abc import Iterable, Sequence


def anchored_context(
    address: str, port: int, host: str, thumbprints: Sequence[str], timeout: float
) -> ssl.SSLContext | None:
    """A context that trusts the presented certificate with one of these thumbprints, no other.

    The chain is looked at without trust, then the certificate that was meant becomes the only
    anchor of a new connection, which is verified as any: its signatures, its dates, its host.
    None if no certificate of the chain was meant. timeout: seconds. Blocks; raises `OSError`.
    """
    wanted = {thumbprint.lower() for thumbprint in thumbprints}
    for certificate in _presented_chain(address, port, host, timeout):
        # SHA-1 is what AWS's thumbprints are: a second preimage is what an attacker would need.
        if hashlib.sha1(certificate, usedforsecurity=False).hexdigest() in wanted:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata=certificate)
            return context
    return None


def _presented_chain(address: str, port: int, host: str, timeout: float) -> Iterable[bytes]:
    """The certificates a server presents, DER, the server's own first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((address, port), timeout) as connection,
        context.wrap_socket(connection, server_hostname=host) as tls,
    ):
        chain = getattr(tls, "get_unverified_chain", None)
        if chain is not None:
            return [bytes(each) for each in chain()]
        # Before Python 3.13 the chain is there under a private name alone.
        presented = getattr(tls, "_sslobj").get_unverified_chain()  # noqa: B009
        return [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in presented]
