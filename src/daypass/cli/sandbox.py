"""`daypass sandbox`: a program written for AWS, run against a Daypass server as it is."""

import os
import re
import shlex
import shutil
import signal
import ssl
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from daypass.cli.failure import NOT_EXECUTABLE, NOT_FOUND, Failure
from daypass.cli.options import data_option, output_option

if TYPE_CHECKING:
    from daypass.network.enclosure import Enclosure
    from daypass.network.relay import Upstream

# Where a program would find AWS instead of by AWS's names.
_ENDPOINTS: Final = "AWS_ENDPOINT_URL"
# Proxies are not reachable inside, and would go round the view where they are.
_PROXIES: Final = frozenset({"http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy"})
_CONFLICT: Final = "The sandbox cannot be set up here."
_CERTIFICATE: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Target:
    """The server. plain: where http leads; secure: where https leads, once its TLS is ended.

    own: the server's own addresses, which lead to it inside, too.
    """

    plain: "Upstream"
    secure: "Upstream"
    own: Sequence["Upstream"]


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@data_option
@click.option("--endpoint-url", metavar="URL", help="The server, instead of the one on --data.")
@click.option(
    "--network",
    type=click.Choice(["aws", "open"]),
    default="aws",
    show_default=True,
    help="aws: the server alone can be reached. open: the world outside too.",
)
@click.option(
    "--host-port",
    "host_ports",
    type=click.IntRange(1, 65535),
    multiple=True,
    help="Of this machine's 127.0.0.1, to be reachable inside too; may be repeated.",
)
@output_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def sandbox(
    ctx: click.Context,
    data: Path,
    endpoint_url: str | None,
    network: str,
    host_ports: tuple[int, ...],
    output: str,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND, written for AWS, against a Daypass server as it is (Linux).

    For it alone every name of AWS's, like sts.us-east-1.amazonaws.com, leads to the server, whose
    certificates it trusts; nothing of this machine changes. It keeps its terminal, its
    environment with the credentials in it, and its exit code.

    \b
    Example: daypass sandbox -- curl https://sts.us-east-1.amazonaws.com/
    """
    del output  # for errors alone
    if sys.platform != "linux":
        raise Failure(
            _CONFLICT, "It is made of Linux's namespaces.", "Set AWS_ENDPOINT_URL instead."
        )
    given = ctx.get_parameter_source("data") in {
        ParameterSource.COMMANDLINE,
        ParameterSource.ENVIRONMENT,
    }
    where = endpoint_url or (None if given else os.environ.get(_ENDPOINTS))
    target = _endpoint(where) if where else _running(data)
    directory = _enter(target, network, host_ports)
    _become(command, _environment(os.environ, directory))


def _endpoint(url: str) -> Target:
    from daypass.network.relay import Upstream  # noqa: PLC0415 - not before it is needed

    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise Failure(f"{url} is no address of a server.", "", "Give one like http://HOST:PORT.")
    secure = parts.scheme == "https"
    own = Upstream(parts.hostname, port or (443 if secure else 80))
    if not secure:
        return Target(own, own, [own])
    # Trusted as by any client of the server outside.
    trusted = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
    checked = Upstream(own.host, own.port, trusted)
    return Target(checked, checked, [own])


def _running(data: Path) -> Target:
    from daypass.network.relay import Upstream  # noqa: PLC0415
    from daypass.server import ca_path, running  # noqa: PLC0415

    ready = running(data)
    if ready is None:
        raise Failure(
            f"No server runs on {data}.",
            "The program would find nothing behind AWS's names.",
            f"Start it: daypass serve --data {shlex.quote(str(data))}; or give --endpoint-url.",
        )
    plain = _endpoint(ready.endpoint_url).plain
    if ready.tls_endpoint_url is None:
        return Target(plain, plain, [plain])
    parts = urlsplit(ready.tls_endpoint_url)
    assert parts.hostname is not None
    trusted = ssl.create_default_context(cafile=ca_path(data))
    secure = Upstream(parts.hostname, parts.port or 443, trusted)
    return Target(plain, secure, [plain, Upstream(secure.host, secure.port)])


def _enter(target: Target, network: str, host_ports: Sequence[int]) -> Path:
    """Put this process into the sandbox; the directory of what the program shall find."""
    from daypass.network.enclosure import enclose  # noqa: PLC0415
    from daypass.network.view import NamespaceError  # noqa: PLC0415

    directory = Path(tempfile.mkdtemp(prefix="daypass-sandbox-"))
    try:
        enclose(_enclosure(directory, target, network, host_ports))
    except BaseException as error:
        shutil.rmtree(directory, ignore_errors=True)
        if isinstance(error, NamespaceError):
            raise Failure(_CONFLICT, error.why, error.remedy) from error
        raise
    return directory


def _enclosure(
    directory: Path, target: Target, network: str, host_ports: Sequence[int]
) -> "Enclosure":
    from daypass.network import files  # noqa: PLC0415
    from daypass.network.enclosure import Enclosure  # noqa: PLC0415
    from daypass.network.outside import find_carrier  # noqa: PLC0415
    from daypass.network.relay import Route, Upstream  # noqa: PLC0415
    from daypass.network.view import listening_at  # noqa: PLC0415

    opened = network == "open"
    directory.chmod(0o755)  # nothing in it is secret, and the program may become another user
    tls = _make_authority(directory, files.system_bundle() if opened else b"")
    texts = {
        "/etc/hosts": files.hosts(outside=opened),
        "/etc/resolv.conf": files.RESOLV_CONF,
        "/etc/nsswitch.conf": files.nsswitch(),
    }
    replaced = dict.fromkeys(files.SYSTEM_BUNDLES, str(_bundle(directory)))
    for path, text in texts.items():
        replaced[path] = str(directory / Path(path).name)
        Path(replaced[path]).write_text(text, encoding="utf-8")
    silent = directory / "silent"
    silent.touch()
    replaced |= dict.fromkeys(files.NAME_DAEMONS, str(silent))
    replaced |= dict.fromkeys(_java_stores(), str(directory / "cacerts"))
    inside = [*target.own, *(Upstream("127.0.0.1", port) for port in host_ports)]
    further = {listening_at(one.host, one.port): one for one in inside}
    further.pop(None, None)  # a namespace cannot have its address
    # TLS is ended here, by an authority that nobody else knows; what is behind the server's own
    # addresses speaks for itself.
    return Enclosure(
        routes=lambda sockets: [
            Route(sockets[0], tls, target.secure),
            Route(sockets[1], None, target.plain),
            *map(Route, sockets[2:], [None] * len(further), further.values()),
        ],
        files=files.existing(replaced),
        directory=directory,
        further=[one for one in further if one is not None],
        carrier=find_carrier() if opened else None,
    )


def _make_authority(directory: Path, others: bytes) -> ssl.SSLContext:
    """An authority for this program alone, and the files of whom it trusts: it, and `others`.

    What serves its certificates; the key it signs them with is in no file any more.
    """
    from daypass.server.tls import (  # noqa: PLC0415
        Certificates,
        authority_key_path,
        ca_certificate_path,
        ensure_authority,
    )

    ensure_authority(directory)
    context = Certificates(directory, "127.0.0.1").default
    authority_key_path(directory).unlink()
    own = ca_certificate_path(directory).read_bytes()
    _authority(directory).write_bytes(own)
    _bundle(directory).write_bytes(own + others)
    if _java_stores():
        (directory / "cacerts").write_bytes(_java_store(_bundle(directory).read_text("latin-1")))
    return context


def _authority(directory: Path) -> Path:
    return directory / "authority.pem"


def _bundle(directory: Path) -> Path:
    return directory / "bundle.pem"


def _java_stores() -> list[str]:
    """Where the Java of this user keeps the authorities it trusts."""
    homes = [os.environ.get("JAVA_HOME")]
    java = shutil.which("java")
    if java is not None:
        homes.append(str(Path(java).resolve().parents[1]))
    stores = [Path(home, "lib", "security", "cacerts") for home in homes if home]
    return [str(store.resolve()) for store in dict.fromkeys(stores) if store.exists()]


def _java_store(bundle: str) -> bytes:
    """A trust store of these certificates, without a password, as OpenJDK's own since 18."""
    from cryptography.hazmat.primitives.serialization import NoEncryption  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization.pkcs12 import (  # noqa: PLC0415
        PKCS12Certificate,
        serialize_java_truststore,
    )
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415

    trusted: list[PKCS12Certificate] = []
    with warnings.catch_warnings():
        # Some authorities' certificates are older than the rules that they break.
        warnings.simplefilter("ignore")
        for number, pem in enumerate(_CERTIFICATE.findall(bundle)):
            with suppress(ValueError):
                certificate = load_pem_x509_certificate(pem.encode())
                trusted.append(PKCS12Certificate(certificate, f"authority-{number}".encode()))
    return serialize_java_truststore(trusted, NoEncryption())


def _environment(environ: Mapping[str, str], directory: Path) -> dict[str, str]:
    """The program's: as it is, but that it finds AWS by its names, and trusts what is there."""
    from daypass.network.files import trust_variables  # noqa: PLC0415

    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(_ENDPOINTS) and name.lower() not in _PROXIES
    }
    return kept | trust_variables(str(_bundle(directory)), str(_authority(directory)))


def _become(command: Sequence[str], environment: Mapping[str, str]) -> None:
    # Python ignores these; a program expects them as the system has them.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(command[0], list(command), environment)  # noqa: S606 - the user's own command
    except FileNotFoundError as error:
        raise _cannot_run(command[0], "There is no such command.", NOT_FOUND) from error
    except OSError as error:
        raise _cannot_run(command[0], f"{error.strerror}.", NOT_EXECUTABLE) from error


def _cannot_run(name: str, why: str, code: int) -> Failure:
    return Failure(f"Cannot run {name}.", why, "Check its name and PATH.", exit_code=code)


COMMANDS: Final = {"sandbox": sandbox}
