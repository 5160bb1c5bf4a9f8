"""Who signs: the options that say whose credentials are used, gathered into one value."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import click

from daypass.cli.completing import complete_profiles, complete_roles
from daypass.cli.options import Connection, Duration, TextOrFile
from daypass.client.mfa import MfaCodes
from daypass.client.providers.base import CredentialsProvider
from daypass.client.role_keys import DEFAULT_SESSION_NAME
from daypass.client.role_requests import RoleRequest
from daypass.client.session import Session

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Mfa:
    """serial: the device whose code the role asks for. code, process: in place of a prompt."""

    serial: str | None = None
    code: str | None = field(default=None, repr=False)
    process: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """The credentials of a connection, or of a role that is assumed with them.

    terms: what is asked of the session of a role that is not named yet.
    """

    connection: Connection
    role: RoleRequest | None = None
    mfa: Mfa = Mfa()
    cached: bool = True
    terms: RoleRequest | None = None

    def as_role(self, role_arn: str) -> "Identity":
        """The role with this ARN, on the terms of the options."""
        return replace(self, role=replace(self.terms or _NO_TERMS, role_arn=role_arn))

    def session(self, least_life: float = 300.0) -> Session:
        """least_life: seconds of life the credentials are to have, where they can."""
        where = self.connection
        return Session(
            where.profile,
            self.role,
            where.endpoint_url,
            where.region,
            mfa_serial=self.mfa.serial,
            mfa=MfaCodes(self.mfa.code, self.mfa.process),
            cache=self.cached,
            least_life=least_life,
        )

    def provider(self) -> CredentialsProvider:
        """Gives credentials that are kept until shortly before their end."""
        return self.session()

    def renewed(self, least_life: float) -> CredentialsProvider:
        """Gives credentials to hand on. A person is asked for a code now, and never again."""
        session = self.session(least_life)
        session.credentials()
        session.stop_asking()
        return session.source().provider

    def configured_region(self) -> str | None:
        """The profile's, where neither the command nor the environment says."""
        return self.session().settings().text("region")

    def region(self) -> str | None:
        """As the command, the environment or the profile says."""
        return self.session().region


class Tag(click.ParamType[tuple[str, str]]):
    """KEY=VALUE."""

    name = "key=value"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not equals or not key:
            self.fail(f"{value!r} is not KEY=VALUE.", param, ctx)
        return key, text


_NO_TERMS: Final = RoleRequest("")
_ROLE: Final = click.option(
    "--role",
    "role_arn",
    metavar="ARN",
    shell_complete=complete_roles,
    help="A role to assume first.",
)
_TERMS: Final = (
    click.option("--session-name", metavar="NAME", help=f"[default: {DEFAULT_SESSION_NAME}]"),
    click.option("--duration", type=Duration(), help="900 to 43200 seconds.  [default: 1h]"),
    click.option("--policy", type=TextOrFile(), help="A session policy that narrows the session."),
    click.option(
        "--policy-arn",
        "policy_arns",
        metavar="ARN",
        multiple=True,
        help="A managed policy that narrows the session; may be repeated.",
    ),
    click.option(
        "--tag", "tags", type=Tag(), multiple=True, help="A session tag; may be repeated."
    ),
    click.option(
        "--transitive-tag",
        "transitive_tags",
        metavar="KEY",
        multiple=True,
        help="A tag that roles assumed from this session inherit; may be repeated.",
    ),
    click.option("--source-identity", metavar="NAME", help="Who stands behind the session."),
    click.option("--external-id", metavar="ID", help="What the trust policy may ask for."),
    click.option("--mfa-serial", metavar="ARN", help="The MFA device whose code is asked for."),
)
_PLACE: Final = (
    click.option("--mfa-code", metavar="CODE", help="A code, not to be asked for at the terminal."),
    click.option("--mfa-process", metavar="COMMAND", help="A command that prints a code."),
    click.option("--profile", shell_complete=complete_profiles, help="A profile of ~/.aws/config."),
    click.option("--region", help="Overrides AWS_REGION."),
    click.option("--endpoint-url", metavar="URL", help="Overrides AWS_ENDPOINT_URL."),
    click.option("--no-cache", is_flag=True, help="Neither use nor keep cached sessions."),
)


def identity_options(command: Command) -> Command:
    """--role and what can be asked of its session, --profile, --region, --endpoint-url and the
    like; the command gets them as `who`."""
    return _with_options(command, (_ROLE, *_TERMS, *_PLACE))


def terms_options(command: Command) -> Command:
    """The same for a command that has the role as an argument: see `Identity.as_role`."""
    return _with_options(command, (*_TERMS, *_PLACE))


def _with_options(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    with_role = _ROLE in options

    @functools.wraps(command)
    def gathered(**given: Any) -> Any:
        connection = Connection(*(given.pop(name) for name in _CONNECTION))
        mfa = Mfa(*(given.pop(f"mfa_{name}") for name in ("serial", "code", "process")))
        cached = not given.pop("no_cache")
        role_arn = given.pop("role_arn", None) if with_role else None
        terms = _terms({name: given.pop(name) for name in _OF_TERMS})
        who = Identity(connection, None, mfa, cached, terms)
        if role_arn:
            who = who.as_role(role_arn)
        elif with_role:
            refuse_terms(who)
        return command(who=who, **given)

    decorated: Command = gathered
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def refuse_terms(who: Identity) -> None:
    """Raises `click.UsageError` if something is asked of a role session, and no role is named."""
    if who.terms is not None or who.mfa.serial:
        raise click.UsageError(
            "Some of these options are asked of a role, and none is named: give its ARN. What the "
            "role of a profile is asked for stands in the profile."
        )


def _terms(given: Mapping[str, Any]) -> RoleRequest | None:
    if not any(given.values()):
        return None
    return RoleRequest(
        "",
        given["session_name"] or DEFAULT_SESSION_NAME,
        given["duration"],
        given["external_id"],
        given["policy"],
        given["policy_arns"],
        given["tags"],
        given["transitive_tags"],
        given["source_identity"],
    )


_CONNECTION: Final = ("profile", "region", "endpoint_url")
_OF_TERMS: Final = (
    *("session_name", "duration", "policy", "policy_arns", "tags", "transitive_tags"),
    *("source_identity", "external_id"),
)
