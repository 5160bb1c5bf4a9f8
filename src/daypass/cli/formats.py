"""Credentials as shells and programs take them."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from daypass.cli.failure import Failure
from daypass.cli.present import iso_time
from daypass.sigv4 import Credentials

# Whichever is left behind may win over what is set: the old name of the session token, and the
# names of profiles and of other sources.
CLEARED: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)


class Shell(Protocol):
    """Writes variables as a shell sets them, and unsets the others of credentials."""

    def __call__(self, variables: Mapping[str, str], also: Sequence[str] = ()) -> str: ...


def variables_of(credentials: Credentials, region: str | None = None) -> dict[str, str]:
    """The variables that hand these credentials on, and the region by both its names."""
    variables = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
    }
    if credentials.session_token:
        variables["AWS_SESSION_TOKEN"] = credentials.session_token
    if credentials.expiration is not None:
        variables["AWS_CREDENTIAL_EXPIRATION"] = iso_time(credentials.expiration)
    if region:
        variables["AWS_REGION"] = variables["AWS_DEFAULT_REGION"] = region
    return variables


# -- shells ---------------------------------------------------------------------------------------


def sh(variables: Mapping[str, str], also: Sequence[str] = ()) -> str:
    """bash, zsh, dash, ksh. What is not set is unset. also: beside the names of credentials."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([f"unset {' '.join(_unset(variables, also))}", *lines])


def fish(variables: Mapping[str, str], also: Sequence[str] = ()) -> str:
    lines = [f"set -gx {name} {_fish_quoted(value)};" for name, value in variables.items()]
    return "\n".join([f"set -e {' '.join(_unset(variables, also))};", *lines])


def powershell(variables: Mapping[str, str], also: Sequence[str] = ()) -> str:
    cleared = ",".join(f"Env:{name}" for name in _unset(variables, also))
    # Removed, not set to "": some SDKs take an empty variable for a set one.
    remove = f"Remove-Item -ErrorAction SilentlyContinue {cleared}"
    quoted = {name: value.replace("'", "''") for name, value in variables.items()}
    return "\n".join([remove, *(f"$Env:{name}='{value}'" for name, value in quoted.items())])


def cmd(variables: Mapping[str, str], also: Sequence[str] = ()) -> str:
    """The Windows command prompt: what stands in the quotation marks is not acted upon, and a
    value that could end them is refused. Raises `Failure`."""
    for name, value in variables.items():
        if set(value) & set('"%!\r\n'):
            raise Failure(
                f"{name} cannot be set in the Windows command prompt.", "", "Use powershell."
            )
    cleared = [f'set "{name}="' for name in _unset(variables, also)]
    return "\r\n".join([*cleared, *(f'set "{name}={value}"' for name, value in variables.items())])


def _unset(variables: Mapping[str, str], also: Sequence[str]) -> list[str]:
    return [name for name in (*CLEARED, *also) if name not in variables]


def _fish_quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


# -- programs -------------------------------------------------------------------------------------


def ini(credentials: Credentials, section: str, region: str | None) -> str:
    """A section of ~/.aws/credentials."""
    keys = {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
        "aws_session_token": credentials.session_token,
        "region": region,
    }
    lines = [f"{key} = {value}" for key, value in keys.items() if value]
    return "\n".join([f"[{section}]", *lines])


def process(credentials: Credentials) -> str:
    """For `credential_process`. Source: AWS SDKs and Tools reference guide, "Process credential
    provider": Version is a number, and the time has a zone, or SDKs fail."""
    members: dict[str, object] = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
    }
    if credentials.session_token:
        members["SessionToken"] = credentials.session_token
    if credentials.expiration is not None:
        members["Expiration"] = iso_time(credentials.expiration)
    return json.dumps(members)


SHELLS: Final[dict[str, Shell]] = {
    "env": sh,
    "fish": fish,
    "powershell": powershell,
    "cmd": cmd,
}
