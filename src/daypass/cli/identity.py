"""Who signs: the options that say so, gathered into one value."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import click

from daypass.cli.assume import role_options
from daypass.cli.options import Connection, connection_options
from daypass.client import (
    AssumeRole,
    Cached,
    CredentialsProvider,
    Endpoint,
    Profile,
    RoleRequest,
    environment_region,
    standard_chain,
)

Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Identity:
    """The credentials of a connection, or of a role that is assumed with them."""

    connection: Connection
    role: RoleRequest | None

    def renewed(self) -> CredentialsProvider:
        """Gives new credentials at each call, where there is a role."""
        source = standard_chain(self.connection.profile)
        if self.role is None:
            return source
        at = Endpoint(self.connection.region, self.connection.endpoint_url, self.connection.profile)
        return AssumeRole(self.role, source, at)

    def provider(self) -> CredentialsProvider:
        """Gives credentials that are kept until shortly before their end."""
        source = self.renewed()
        return source if self.role is None else Cached(source)

    def configured_region(self) -> str | None:
        """The profile's, where neither the command nor the environment says."""
        return Profile(self.connection.profile).region()

    def region(self) -> str | None:
        """As the command, the environment or the profile says."""
        named = None if self.connection.profile else environment_region()
        return self.connection.region or named or self.configured_region()


def identity_options(command: Command) -> Command:
    """--role and what can be asked of its session, --profile, --region and --endpoint-url; the
    command gets them as `who`."""

    @functools.wraps(command)
    def gathered(**given: Any) -> None:
        connection = Connection(*(given.pop(name) for name in _CONNECTION))
        role_arn = given.pop("role_arn")
        asked = {name: given.pop(name) for name in _ROLE}
        role = _role_request(role_arn, **asked) if role_arn else None
        command(who=Identity(connection, role), **given)

    role = click.option("--role", "role_arn", metavar="ARN", help="A role to assume first.")
    decorated: Command = role(role_options(connection_options(gathered)))
    return decorated


def _role_request(
    role_arn: str,
    *,
    session_name: str,
    duration: int | None,
    policy: str | None,
    policy_arns: tuple[str, ...],
    external_id: str | None,
) -> RoleRequest:
    return RoleRequest(role_arn, session_name, duration, external_id, policy, policy_arns)


_CONNECTION: Final = ("profile", "region", "endpoint_url")
_ROLE: Final = tuple(inspect.signature(_role_request).parameters)[1:]
