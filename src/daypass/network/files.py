"""The files of /etc by which programs find names and whom they trust, as they are in a view."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from daypass.network.names import LOOPBACK, is_aws

# Where programs of the usual distributions, and Go's, look for all authorities they trust
# (crypto/x509, root_linux.go).
SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
# Names of variables that hold the path of all authorities a program shall trust.
_BUNDLE_VARIABLES: Final = (
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "HTTPLIB2_CA_CERTS",
    "NIX_SSL_CERT_FILE",
    "PERL_LWP_SSL_CA_FILE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)
# The same, for those a program shall trust beside its own.
_EXTRA_VARIABLES: Final = ("DENO_CERT", "NODE_EXTRA_CA_CERTS")

# Daemons of the host's that answer for its network, over files: nothing listens there in a view.
NAME_DAEMONS: Final = ("/run/systemd/resolve/io.systemd.Resolve", "/run/nscd/socket")

RESOLV_CONF: Final = f"nameserver {LOOPBACK}\noptions timeout:2 attempts:1\n"


def trust_variables(bundle: str, authority: str) -> dict[str, str]:
    """The variables by which programs trust an authority. bundle: a file of it and of all others
    that are trusted. authority: a file of it alone."""
    variables = dict.fromkeys(_BUNDLE_VARIABLES, bundle)
    return variables | dict.fromkeys(_EXTRA_VARIABLES, authority)


def system_bundle() -> bytes:
    """The authorities this machine trusts, in PEM; empty where it has no such file."""
    for path in SYSTEM_BUNDLES:
        try:
            return Path(path).read_bytes()
        except OSError:
            continue
    return b""


def hosts(outside: bool) -> str:
    """/etc/hosts of a view. outside: with what the host's own says of the world outside."""
    name = os.uname().nodename
    lines = [f"{LOOPBACK} localhost {name}", "::1 localhost ip6-localhost ip6-loopback"]
    if outside:
        lines += [line for line in _lines("/etc/hosts") if _is_outside(line)]
    return "\n".join(lines) + "\n"


def _is_outside(line: str) -> bool:
    names = line.split()[1:]
    return bool(names) and "localhost" not in names and not any(map(is_aws, names))


def nsswitch() -> str:
    """/etc/nsswitch.conf of a view: names come from files and the name server, never from a
    daemon of the host's."""
    lines = [line for line in _lines("/etc/nsswitch.conf") if not line.startswith("hosts:")]
    return "\n".join([*lines, "hosts: files dns"]) + "\n"


def name_servers() -> list[str]:
    """The addresses of the name servers this machine asks."""
    found = re.findall(r"(?m)^nameserver\s+(\S+)", "\n".join(_lines("/etc/resolv.conf")))
    return [address.partition("%")[0] for address in found] or [LOOPBACK]


def existing(replacements: Mapping[str, str]) -> dict[str, str]:
    """What to bind over what, for the paths among `replacements` that exist, their links followed:
    by target, the file that is to be there."""
    found: dict[str, str] = {}
    for target, source in replacements.items():
        path = os.path.realpath(target)
        if os.path.exists(path) and not os.path.isdir(path):
            found[path] = source
    return found


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
