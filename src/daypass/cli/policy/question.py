"""The options of `simulate` and `explain`: who asks to do what, and under which policies."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from daypass.cli.options import Connection, connection_options
from daypass.cli.policy.files import read_policies
from daypass.cli.present import iso_time
from daypass.policy import (
    AuthorizationRequest,
    Decision,
    Layer,
    Layers,
    Policy,
    PolicyKind,
    PolicySet,
    Principal,
    PrincipalKind,
    evaluate,
    principal_keys,
    principal_of,
)

if TYPE_CHECKING:
    from daypass.cli.policy.holdings import IamReader

Command = TypeVar("Command", bound=Callable[..., Any])
# Each option that names files of policies, its kind, and what it is.
_LAYERS: Final = {
    "identity": (PolicyKind.IDENTITY, "The caller's identity-based policies."),
    "resource-policy": (PolicyKind.RESOURCE, "The policy of the resource, as of a bucket."),
    "trust-policy": (PolicyKind.TRUST, "The trust policy of the role that is to be assumed."),
    "boundary": (PolicyKind.BOUNDARY, "The caller's permissions boundary."),
    "session": (
        PolicyKind.SESSION,
        "The policies of the caller's session, which IAM does not know.",
    ),
    "scp": (PolicyKind.SCP, "Service control policies; each FILE is a level, the root first."),
    "rcp": (PolicyKind.RCP, "Resource control policies; each FILE is a level."),
    "vpc-endpoint-policy": (PolicyKind.RESOURCE, "The policy of the VPC endpoint."),
}
_CONTEXT_HELP: Final = (
    "A condition key; given again, it has several values. The caller's own keys and the time are "
    "known without."
)


class CallerType(click.ParamType[Principal]):
    """A caller, by a name that `principal_of` takes."""

    name = "principal"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Principal:
        try:
            return value if isinstance(value, Principal) else principal_of(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


class ContextType(click.ParamType[tuple[str, str]]):
    """KEY=VALUE."""

    name = "key=value"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        key, equals, text = str(value).partition("=")
        if not equals or ":" not in key:
            self.fail(f"{value!r} is not like aws:SourceIp=10.1.2.3.", param, ctx)
        return key, text


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: each action on each resource. principal: None for whose the credentials of
    the connection are. files: policies, by the option that named them. silent: a kind of policy
    that is known not to allow it, though none is at hand."""

    principal: Principal | None
    actions: Sequence[str]
    resources: Sequence[str]
    context: Mapping[str, str | Sequence[str]]
    resource_account: str | None
    files: Mapping[str, tuple[Path, ...]]
    server: Connection | None
    silent: Layer | None = None


def question_options(command: Command) -> Callable[..., Any]:
    """The options that make a `Question`, which the command gets as its first argument."""

    @functools.wraps(command)
    def asked(
        *,
        principal: Principal | None,
        actions: tuple[str, ...],
        resources: tuple[str, ...],
        context: tuple[tuple[str, str], ...],
        resource_account: str | None,
        from_server: bool,
        profile: str | None,
        region: str | None,
        endpoint_url: str | None,
        **rest: Any,
    ) -> Any:
        files = {name: rest.pop(name.replace("-", "_")) for name in _LAYERS}
        server = Connection(profile, region, endpoint_url) if from_server else None
        question = Question(
            principal, actions, resources, _gathered(context), resource_account, files, server
        )
        return command(question, **rest)

    layers = [
        click.option(
            f"--{name}",
            metavar="FILE",
            multiple=True,
            type=click.Path(path_type=Path, exists=True),
            help=text,
        )
        for name, (_, text) in _LAYERS.items()
    ]
    options = [
        click.option(
            "--principal",
            type=CallerType(),
            help="Who asks: an ARN, an account, a service, or anonymous.  [default with "
            "--from-server: whose credentials these are]",
        ),
        click.option("--action", "actions", metavar="NAME", multiple=True),
        click.option("--resource", "resources", metavar="ARN", multiple=True, help="[default: *]"),
        click.option("--context", type=ContextType(), multiple=True, help=_CONTEXT_HELP),
        click.option(
            "--resource-account",
            metavar="ID",
            help="Whose the resource is.  [default: as its ARN says, or the caller's]",
        ),
        *layers,
        click.option(
            "--from-server",
            is_flag=True,
            help="Read the caller's policies and boundary, and the trust policy of a role that "
            "is to be assumed, from IAM: AWS's, or a server's.",
        ),
        connection_options,
    ]
    for option in reversed(options):
        asked = option(asked)
    return asked


def _gathered(given: Sequence[tuple[str, str]]) -> dict[str, str | Sequence[str]]:
    """The values of each key; one that is given once has one value."""
    values: dict[str, list[str]] = {}
    for key, value in given:
        values.setdefault(key.lower(), []).append(value)
    return {key: found if len(found) > 1 else found[0] for key, found in values.items()}


@dataclass(frozen=True, slots=True)
class Holdings:
    """What IAM holds of a caller. principal: with its unique id and, of a session, its role.
    identity: None if nothing can be attached to such a caller. keys: condition keys of its tags."""

    principal: Principal
    identity: Sequence[Policy] | None = None
    boundary: Policy | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


def decisions(question: Question) -> list[Decision]:
    """The decision of each action on each resource. Raises `click.UsageError` for a question
    that leaves out what decides."""
    if not question.actions:
        raise click.UsageError("Say what is asked for, as --action s3:GetObject.")
    reader = _reader(question.server) if question.server else None
    principal = question.principal or (reader.caller() if reader else None)
    if principal is None:
        raise click.UsageError(
            "Say who asks, as --principal arn:aws:iam::111122223333:user/alice, or let "
            "--from-server ask whose credentials these are."
        )
    if not reader and not any(question.files.values()) and principal.kind is not PrincipalKind.ROOT:
        raise click.UsageError("Give policies: files, as --identity FILE, or --from-server.")
    holdings = reader.holdings(principal) if reader else Holdings(principal)
    context = _context(question, holdings)
    layers = _layers(question, holdings)
    decided = []
    for action in question.actions:
        for resource in question.resources or ("*",):
            account = question.resource_account or _account_in(resource) or principal.account
            request = AuthorizationRequest(holdings.principal, action, resource, context, account)
            decided.append(evaluate(request, _with_resource(layers, request, question, reader)))
    return decided


def _reader(server: Connection) -> "IamReader":
    # Late: botocore takes longer to import than everything else here to run.
    from daypass.cli.policy.holdings import IamReader  # noqa: PLC0415

    return IamReader(server)


def _context(question: Question, holdings: Holdings) -> dict[str, str | Sequence[str]]:
    now = int(time.time())
    return {
        "aws:currenttime": iso_time(now),
        "aws:epochtime": str(now),
        **principal_keys(holdings.principal),
        **holdings.keys,
        **question.context,
    }


def _layers(question: Question, holdings: Holdings) -> Layers:
    """The policies of the files, and those that IAM holds of the caller."""

    def read(name: str) -> list[Policy]:
        return read_policies(question.files[name], _LAYERS[name][0])

    def levels(name: str) -> list[PolicySet]:
        kind = _LAYERS[name][0]
        return [PolicySet(read_policies((path,), kind)) for path in question.files[name]]

    def layer(policies: Sequence[Policy], kind: Layer) -> PolicySet | None:
        return PolicySet(policies) if policies or question.silent is kind else None

    identity = [*(holdings.identity or ()), *read("identity")]
    boundary = [holdings.boundary] if holdings.boundary else []
    return Layers(
        identity=layer(identity, Layer.IDENTITY),
        resource=layer([*read("resource-policy"), *read("trust-policy")], Layer.RESOURCE),
        boundary=layer([*boundary, *read("boundary")], Layer.BOUNDARY),
        session=layer(read("session"), Layer.SESSION),
        scps=levels("scp") or ([PolicySet()] if question.silent is Layer.SCP else []),
        rcps=levels("rcp"),
        vpc_endpoint=layer(read("vpc-endpoint-policy"), Layer.VPC_ENDPOINT),
        resource_must_allow=question.silent is Layer.RESOURCE,
    )


def _with_resource(
    layers: Layers, request: AuthorizationRequest, question: Question, reader: "IamReader | None"
) -> Layers:
    """The layers with the policy that the resource must have for this action."""
    action = request.action.lower()
    if action.startswith("kms:"):
        # "Key policies in AWS KMS": only the key's own policy opens it, even to its account.
        return replace(layers, resource_must_allow=layers.resource is not None)
    if not action.startswith("sts:assumerole"):
        return layers
    if not question.files["trust-policy"]:
        if reader is None or not _account_in(request.resource):
            raise click.UsageError(
                f"The role's own policy decides on {request.action} too: give --trust-policy "
                "FILE, or the role in --resource and --from-server."
            )
        trust = PolicySet([reader.trust_policy(request.resource)])
        return replace(layers, resource=trust, resource_must_allow=True)
    return replace(layers, resource_must_allow=True)


def _account_in(resource: str) -> str:
    """The account in an ARN; "" if there is none, as in those of buckets."""
    segments = resource.split(":", 5)
    account = segments[4] if len(segments) == 6 else ""
    return account if len(account) == 12 and account.isdecimal() else ""
