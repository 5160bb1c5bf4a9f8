"""A web server on loopback that answers as a test wants, byte for byte, with TLS or without."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey
# The request's head to the bytes to send; None: no answer until the client gives up.
Answer = Callable[[bytes], bytes | None]


def json_answer(body: bytes, status: str = "200 OK", head: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{head}"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    ).encode() + body


@contextlib.contextmanager
def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """The port, and the heads of the requests that came."""
    heads: list[bytes] = []
    closing = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve_one(plain: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection = tls.wrap_socket(plain, server_side=True) if tls else plain
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = connection.recv(65_536)
                    if not piece:
                        return
                    head += piece
                heads.append(head)
                sent = answer(head)
                if sent is None:
                    closing.wait(30)
                else:
                    connection.sendall(sent)

    def run() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve_one, args=(plain,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield listener.getsockname()[1], heads
    finally:
        closing.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


class Authority:
    """A private CA that no one trusts, and the certificates it signs."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = _certificate("an authority of the tests", self.key, None, ca=True)

    def thumbprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA1()).hex()

    def context(self, directory: Path, host: str, *, chain: bool = True) -> ssl.SSLContext:
        """What a server presents that is `host`; chain: with the authority's certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _certificate(host, key, self)
        presented = [leaf, self.certificate] if chain else [leaf]
        path = directory / f"{host}-{chain}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + b"".join(each.public_bytes(serialization.Encoding.PEM) for each in presented)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _certificate(
    name: str, key: Key, issuer: Authority | None, *, ca: bool = False
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:60])])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        names = x509.SubjectAlternativeName([alternative])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())
