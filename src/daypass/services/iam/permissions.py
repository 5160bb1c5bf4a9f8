"""What IAM's operations need allowed (Service Authorization Reference, "AWS IAM").

The action has the operation's name. The resource is the ARN, IAM path included, of what exists
under the given name; of what does not exist, the ARN it would have at the root path.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from daypass.gateway.operation import Call, Effect, Operation, Output, Permission
from daypass.policy import PrincipalKind
from daypass.policy.catalog import service_catalog
from daypass.protocol.errors import ServiceError
from daypass.services.iam.errors import validation_error
from daypass.store.identity import (
    Identity,
    IdentityKind,
    ManagedPolicy,
    Role,
    User,
    identity_arn,
    policy_arn,
)
from daypass.tokens import SessionKind

Context = dict[str, str | Sequence[str]]
Needs = Callable[[Call], Sequence[Permission]]

# The actions whose context has the permissions boundary of the user or role they act on.
_BOUNDED: Final = frozenset(
    f"{verb}{kind}{what}"
    for kind in ("User", "Role")
    for verb, what in (
        ("Create", ""),
        ("Attach", "Policy"),
        ("Detach", "Policy"),
        ("Put", "Policy"),
        ("Delete", "Policy"),
        ("Put", "PermissionsBoundary"),
        ("Delete", "PermissionsBoundary"),
    )
)


def operation(name: str, needs: Needs, perform: Callable[[Call], Awaitable[Output]]) -> Operation:
    """An operation of IAM, closed to sessions that may not call IAM."""

    def checked_needs(call: Call) -> Sequence[Permission]:
        refuse_sessions_without_mfa(call)
        return needs(call)

    return Operation(name, checked_needs, perform, effect=_effect(name))


def _effect(action: str) -> Effect:
    """By the access level AWS gives the action of this name."""
    catalog = service_catalog("iam")
    known = catalog.actions.get(action.lower()) if catalog else None
    reads = known is not None and known.access in {"Read", "List"}
    return Effect.READ if reads else Effect.CHANGE


def refuse_sessions_without_mfa(call: Call) -> None:
    """Sessions of GetSessionToken may call IAM with MFA only, those of GetFederationToken never.

    AWS answers as if it did not know them (STS API Reference, "GetSessionToken").
    """
    session = call.caller.session
    if session is None or session.kind in (SessionKind.ASSUMED_ROLE, SessionKind.ASSUMED_ROOT):
        return
    if session.kind is SessionKind.SESSION_TOKEN and session.mfa:
        return
    raise ServiceError(
        "InvalidClientTokenId", "The security token included in the request is invalid", 403
    )


# -- needs -----------------------------------------------------------------------------------


def on_nothing(call: Call) -> Sequence[Permission]:
    """For actions without resource types."""
    return [Permission(_action(call), "*")]


def on_all(kind: IdentityKind) -> Needs:
    """For the list of a kind: the ARN of its path."""

    def needs(call: Call) -> Sequence[Permission]:
        path = call.input.get("PathPrefix", "/")
        return [Permission(_action(call), f"arn:aws:iam::{call.account_id}:{kind}{path}")]

    return needs


def on_identity(kind: IdentityKind) -> Needs:
    """For what acts on the identity that the input names."""
    member = f"{kind.capitalize()}Name"

    def needs(call: Call) -> Sequence[Permission]:
        return [permission_on_identity(call, kind, call.input[member])]

    return needs


def on_new_identity(kind: IdentityKind) -> Needs:
    """For its creation, and for tagging it at once."""
    member = f"{kind.capitalize()}Name"

    def needs(call: Call) -> Sequence[Permission]:
        path, name = call.input.get("Path", "/"), call.input[member]
        resource = identity_arn(call.account_id, kind, path, name)
        return _with_tagging(call, kind, Permission(_action(call), resource, _context(call, None)))

    return needs


def on_renamed_identity(kind: IdentityKind) -> Needs:
    """For a change of name or path: on what it is, and on what it will be."""
    member = f"{kind.capitalize()}Name"

    def needs(call: Call) -> Sequence[Permission]:
        permission = permission_on_identity(call, kind, call.input[member])
        identity = call.node.identity.identity(kind, call.input[member])
        name = call.input.get(f"New{member}", call.input[member])
        path = call.input.get("NewPath", identity.path if identity else "/")
        renamed = identity_arn(call.account_id, kind, path, name)
        if renamed == permission.resource:
            return [permission]
        return [permission, Permission(permission.action, renamed, permission.context)]

    return needs


def on_own_user(call: Call) -> Sequence[Permission]:
    """For what acts on the user the input names, or else on the caller."""
    name = call.input.get("UserName") or caller_user_name(call)
    if name is None:
        return [Permission(_action(call), f"arn:aws:iam::{call.account_id}:root")]
    return [permission_on_identity(call, IdentityKind.USER, name)]


def on_policy(call: Call) -> Sequence[Permission]:
    """For what acts on the managed policy that the input names."""
    arn = call.input["PolicyArn"]
    policy = call.node.identity.managed_policy(arn)
    return [Permission(_action(call), arn, _context(call, policy))]


def on_new_policy(call: Call) -> Sequence[Permission]:
    """For the creation of a managed policy, and for tagging it at once."""
    path, name = call.input.get("Path", "/"), call.input["PolicyName"]
    resource = policy_arn(call.account_id, path, name)
    return _with_tagging(call, "policy", Permission(_action(call), resource, _context(call, None)))


def on_policy_path(call: Call) -> Sequence[Permission]:
    """For the list of managed policies; AWS names no ARN for it."""
    return [Permission(_action(call), f"policy path {call.input.get('PathPrefix', '/')}")]


# -- parts -----------------------------------------------------------------------------------


def caller_user_name(call: Call) -> str | None:
    """The calling user's name, None for the root user. Raises `ServiceError` for all others."""
    principal = call.caller.principal
    if principal.kind is PrincipalKind.ROOT:
        return None
    user = call.node.identity.user_by_id(principal.unique_id)
    if user is None:
        raise validation_error("Must specify userName when calling with non-User credentials")
    return user.name


def permission_on_identity(call: Call, kind: IdentityKind, name: str) -> Permission:
    identity = call.node.identity.identity(kind, name)
    resource = identity.arn if identity else identity_arn(call.account_id, kind, "/", name)
    return Permission(_action(call), resource, _context(call, identity))


def tagged_permission(call: Call, resource: str, tags: Mapping[str, str]) -> Permission:
    """The call's action on a resource that has these tags, and gets those of the input."""
    context: Context = {f"aws:resourcetag/{key.lower()}": tags[key] for key in tags}
    _add_request_tags(context, call.input)
    return Permission(_action(call), resource, context)


def _with_tagging(call: Call, kind: str, permission: Permission) -> Sequence[Permission]:
    if not call.input.get("Tags"):
        return [permission]
    tagging = f"iam:Tag{kind.capitalize()}"
    return [permission, Permission(tagging, permission.resource, permission.context)]


def _context(call: Call, target: Identity | ManagedPolicy | None) -> Context:
    context: Context = {}
    if isinstance(target, User | Role | ManagedPolicy):
        for key, value in target.tags.items():
            context[f"aws:resourcetag/{key.lower()}"] = value
            context[f"iam:resourcetag/{key.lower()}"] = value
    _add_request_tags(context, call.input)
    if call.operation.name in _BOUNDED:
        existing = target.boundary_arn if isinstance(target, User | Role) else None
        boundary = call.input.get("PermissionsBoundary", existing)
        if boundary is not None:
            context["iam:permissionsboundary"] = boundary
    if call.operation.name.startswith(("Attach", "Detach")):
        context["iam:policyarn"] = call.input["PolicyArn"]
    return context


def _add_request_tags(context: Context, given: Mapping[str, object]) -> None:
    tags, keys = given.get("Tags"), given.get("TagKeys")
    if isinstance(tags, list) and tags:
        for tag in tags:
            context[f"aws:requesttag/{tag['Key'].lower()}"] = tag["Value"]
        keys = [tag["Key"] for tag in tags]
    if isinstance(keys, list) and keys:
        context["aws:tagkeys"] = tuple(keys)


def _action(call: Call) -> str:
    return f"iam:{call.operation.name}"
