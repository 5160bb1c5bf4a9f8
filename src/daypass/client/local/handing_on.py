"""Credentials for a program through an endpoint: what serves it, and what its environment says."""

import configparser
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from daypass.client.local.container import PATH, ContainerEndpoint, new_token
from daypass.client.local.http import Handler, LocalServer, Log
from daypass.client.local.imds import InstanceMetadata
from daypass.client.local.vending import SAFE, Vendor
from daypass.client.providers.base import CredentialsProvider

# Which an SDK looks at before it asks for instance metadata or a container's credentials, or
# which turn that off.
_IN_THE_WAY: Final = (
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
)
# Keys of a profile from which an SDK takes credentials.
_CREDENTIAL_KEYS: Final = (
    "aws_access_key_id",
    "credential_process",
    "login_session",
    "role_arn",
    "sso_account_id",
    "web_identity_token_file",
)
_PROXIES: Final = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


class Kind(StrEnum):
    """How SDKs are given credentials that they renew themselves."""

    CONTAINER = "container"
    IMDS = "imds"


@dataclass(frozen=True, slots=True)
class Served:
    """A running endpoint. variables: that point an SDK to it, one of them a secret."""

    kind: Kind
    url: str
    variables: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Serving:
    """How an endpoint is served. role, region: what instance metadata names. token_file: where
    the container endpoint's token is written for clients, None to say it in a variable."""

    kind: Kind
    port: int = 0
    role: str = "daypass"
    region: str | None = None
    token_file: Path | None = None
    any_user: bool = False


@contextmanager
def serving(
    source: CredentialsProvider, how: Serving, log: Log = lambda _method, _path, _status: None
) -> Iterator[Served]:
    """Serve credentials until the end of `with`. They are fetched before it begins, as SDKs do
    not wait for a prompt or for slow services. Raises `ClientError`, `OSError`."""
    vendor = Vendor(source, least=SAFE if how.kind is Kind.IMDS else 0.0)
    vendor.credentials()
    token = new_token()
    handler: Handler = ContainerEndpoint(vendor.credentials, token)
    if how.kind is Kind.IMDS:
        handler = InstanceMetadata(vendor.credentials, how.role, how.region)
    with LocalServer(handler, how.port, any_user=how.any_user, log=log) as server:
        if how.kind is Kind.IMDS:
            yield Served(how.kind, server.url, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url})
            return
        variables = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + PATH}
        if how.token_file is None:
            yield Served(
                how.kind, server.url, variables | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": token}
            )
            return
        write_token(how.token_file, token)
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(how.token_file)
        try:
            yield Served(how.kind, server.url, variables)
        finally:
            how.token_file.unlink(missing_ok=True)


def write_token(path: Path, token: str) -> None:
    """For its owner alone, whole at once, and without a newline: SDKs send all that is in it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(token)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def served_environment(
    environ: Mapping[str, str], served: Served, empty_file: Path
) -> dict[str, str]:
    """The environment of a program that is to use the endpoint and nothing else.

    environ: without the variables that name other credentials. empty_file: in the place of
    ~/.aws/credentials and, if its default profile names credentials, of ~/.aws/config: SDKs would
    take those first.
    """
    result = {name: value for name, value in environ.items() if name not in _IN_THE_WAY}
    result |= served.variables
    result["AWS_SHARED_CREDENTIALS_FILE"] = str(empty_file)
    if _default_has_credentials(environ):
        result["AWS_CONFIG_FILE"] = str(empty_file)
    if served.kind is Kind.CONTAINER:
        result["AWS_EC2_METADATA_DISABLED"] = "true"
    if any(environ.get(name) for name in _PROXIES):
        # SDKs would ask a proxy for this machine's loopback address.
        for name in ("NO_PROXY", "no_proxy"):
            listed = environ.get(name, "")
            result[name] = f"{listed},127.0.0.1" if listed else "127.0.0.1"
    return result


def _default_has_credentials(environ: Mapping[str, str]) -> bool:
    path = Path(environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    config = configparser.RawConfigParser(strict=False, default_section="", allow_no_value=True)
    try:
        config.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return True  # An SDK may read it otherwise.
    return any(
        config.has_option(section, key)
        for section in ("default", "profile default")
        if config.has_section(section)
        for key in _CREDENTIAL_KEYS
    )
