"""Certificates are made for the AWS host names by SNI, under an authority constrained to them."""

import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509

from daypass.server.tls import Certificates, ca_certificate_path, ensure_authority


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    ensure_authority(directory)
    return directory


@pytest.fixture(scope="module")
def certificates(data: Path) -> Certificates:
    return Certificates(data, "127.0.0.1")


def shake_hands(certificates: Certificates, ca: Path, name: str) -> x509.Certificate:
    """The certificate a client that trusts the authority accepts for `name`."""
    client_end, server_end = socket.socketpair()

    def serve() -> None:
        try:
            certificates.default.wrap_socket(server_end, server_side=True).close()
        except (ssl.SSLError, OSError):
            server_end.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        context = ssl.create_default_context(cafile=str(ca))
        with context.wrap_socket(client_end, server_hostname=name) as connection:
            der = connection.getpeercert(binary_form=True)
            assert der is not None
            return x509.load_der_x509_certificate(der)
    finally:
        client_end.close()
        thread.join()


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "127.0.0.1",
        "sts.amazonaws.com",
        "sts.us-east-1.amazonaws.com",
        "iam.amazonaws.com",
        "lambda.eu-central-1.amazonaws.com",
        "bucket.s3.us-east-1.amazonaws.com",
        "a.bucket.with.dots.s3.amazonaws.com",
        "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws",
        "bucket.localhost",
        f"{'b' * 63}.s3.ap-southeast-2.amazonaws.com",
    ],
)
def test_clients_that_trust_the_authority_accept_aws_host_names(
    certificates: Certificates, data: Path, name: str
) -> None:
    shake_hands(certificates, ca_certificate_path(data), name)


@pytest.mark.parametrize("name", ["example.com", "amazonaws.com.example.com", "evilamazonaws.com"])
def test_other_names_are_not_vouched_for(certificates: Certificates, data: Path, name: str) -> None:
    with pytest.raises(ssl.SSLError):
        shake_hands(certificates, ca_certificate_path(data), name)


def test_the_authority_is_constrained_to_the_names_it_serves(data: Path) -> None:
    authority = x509.load_pem_x509_certificate(ca_certificate_path(data).read_bytes())
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    permitted = {name.value for name in constraints.value.permitted_subtrees or ()}
    assert permitted == {"amazonaws.com", "on.aws", "api.aws", "localhost"}


def test_keys_are_readable_by_their_owner_alone(data: Path) -> None:
    assert stat.S_IMODE((data / "tls").stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "tls" / "ca.key").stat().st_mode) == 0o600


def test_an_authority_that_exists_is_kept(data: Path) -> None:
    before = ca_certificate_path(data).read_bytes()
    ensure_authority(data)
    assert ca_certificate_path(data).read_bytes() == before
