"""A private certificate authority, and certificates for the AWS host names this server answers to.

Certificates are made at the handshake, by the name the client asks for (SNI), so that every
bucket and every function URL has one. The authority is constrained to those names: whoever steals
its key cannot pose as anybody else to the clients that trust it.
"""

import datetime
import ipaddress
import os
import ssl
import tempfile
from collections import OrderedDict
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DOMAINS = ("amazonaws.com", "on.aws", "api.aws", "localhost")
_AUTHORITY_DAYS = 3650
# Apple's clients refuse server certificates that live longer than 825 days.
_SERVER_DAYS = 397
_CONTEXTS_KEPT = 256


def ca_certificate_path(data: Path) -> Path:
    """Where the authority's certificate is, in PEM, for clients that shall trust it."""
    return data / "tls" / "ca.pem"


def authority_key_path(data: Path) -> Path:
    """Where the authority's private key is (mode 0600)."""
    return data / "tls" / "ca.key"


def ensure_authority(data: Path) -> None:
    """Make the authority of this data directory if it has none (key of mode 0600)."""
    directory = data / "tls"
    directory.mkdir(mode=0o700, exist_ok=True)
    if ca_certificate_path(data).exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Daypass private authority")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.NameConstraints([x509.DNSName(domain) for domain in _DOMAINS], None),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    _write_private(authority_key_path(data), _pem_of(key))
    _write_private(ca_certificate_path(data), certificate.public_bytes(serialization.Encoding.PEM))


class Certificates:
    """Server-side TLS contexts by host name, kept for the names asked for last."""

    def __init__(self, data: Path, listen_host: str) -> None:
        self._directory = data / "tls"
        self._authority = x509.load_pem_x509_certificate(ca_certificate_path(data).read_bytes())
        self._authority_key = _load_key(authority_key_path(data))
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        self.default = self._context_for(["localhost"], _addresses(listen_host))
        self.default.sni_callback = self._select

    def _select(
        self, connection: ssl.SSLObject, name: str | None, _default: ssl.SSLContext
    ) -> int | None:
        # Called in the handshake. Names outside our domains get the default certificate, which
        # the client then refuses by itself.
        if name is None or not name.lower().endswith(tuple(f".{domain}" for domain in _DOMAINS)):
            return None
        host = name.lower()
        context = self._contexts.get(host)
        if context is None:
            try:
                context = self._context_for([host], [])
            except ValueError:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            self._contexts[host] = context
            if len(self._contexts) > _CONTEXTS_KEPT:
                self._contexts.popitem(last=False)
        else:
            self._contexts.move_to_end(host)
        connection.context = context
        return None

    def _context_for(self, names: list[str], addresses: list[str]) -> ssl.SSLContext:
        certificate = self._issue(names, addresses)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        chain = (
            _pem_of(self._key)
            + certificate.public_bytes(serialization.Encoding.PEM)
            + self._authority.public_bytes(serialization.Encoding.PEM)
        )
        # The ssl module loads certificates from files alone.
        descriptor, path = tempfile.mkstemp(dir=self._directory, suffix=".pem")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(chain)
            context.load_cert_chain(path)
        finally:
            os.unlink(path)
        return context

    def _issue(self, names: list[str], addresses: list[str]) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        return (
            x509.CertificateBuilder()
            # The common name holds at most 64 characters; clients read the alternatives alone.
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
            .issuer_name(self._authority.subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=_SERVER_DAYS))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    self._authority_key.public_key()
                ),
                critical=False,
            )
            .sign(self._authority_key, hashes.SHA256())
        )


def _addresses(listen_host: str) -> list[str]:
    addresses = ["127.0.0.1", "::1"]
    try:
        address = ipaddress.ip_address(listen_host)
    except ValueError:
        return addresses
    if not address.is_unspecified and str(address) not in addresses:
        addresses.append(str(address))
    return addresses


def _key_usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
