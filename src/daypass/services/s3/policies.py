"""Bucket policies: put, get, delete."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.policy import PolicyError, PolicyKind, PrincipalKind, parse_policy
from daypass.protocol.errors import ServiceError
from daypass.services.s3.access import bucket_of, on_bucket
from daypass.services.s3.errors import malformed_policy, no_such_bucket
from daypass.store import buckets as state
from daypass.store.buckets import Bucket
from daypass.store.identity import InvalidPrincipalError, ids_to_principals, principals_to_ids

POLICY_BYTES: Final = 20 * 1024
# Actions of the operations there are, by the type of their resource. Written with a wildcard, or
# of other operations, an action is not looked at: it may apply to either.
_ON_BUCKETS: Final = frozenset(
    {
        "createbucket",
        "deletebucket",
        "deletebucketpolicy",
        "getbucketlocation",
        "getbucketpolicy",
        "listbucket",
        "listbucketmultipartuploads",
        "putbucketpolicy",
    }
)
_ON_OBJECTS: Final = frozenset(
    {
        "abortmultipartupload",
        "deleteobject",
        "deleteobjectversion",
        "getobject",
        "getobjectversion",
        "listmultipartuploadparts",
        "putobject",
        "putobjectacl",
    }
)


def _needs(call: Call, action: str) -> Sequence[Permission]:
    bucket = bucket_of(call)
    permission = on_bucket(call, action, bucket)
    principal = call.caller.principal
    if principal.kind is PrincipalKind.ROOT and principal.account == bucket.owner:
        # However a policy denies, its owner can take it back: the account's root user always can
        # (S3 User Guide, PutBucketPolicy, "Permissions").
        permission = Permission(
            permission.action, permission.resource, permission.context, None, bucket.owner
        )
    return [permission]


def _needs_get(call: Call) -> Sequence[Permission]:
    return _needs(call, "s3:GetBucketPolicy")


def _needs_put(call: Call) -> Sequence[Permission]:
    return _needs(call, "s3:PutBucketPolicy")


def _needs_delete(call: Call) -> Sequence[Permission]:
    return _needs(call, "s3:DeleteBucketPolicy")


async def _get(call: Call) -> Mapping[str, Any]:
    bucket = bucket_of(call)
    if bucket.policy_text is None:
        raise ServiceError(
            "NoSuchBucketPolicy",
            "The bucket policy does not exist",
            404,
            fields={"BucketName": bucket.name},
        )
    return {"Policy": ids_to_principals(bucket.policy_text, call.node.identity)}


async def _put(call: Call) -> None:
    bucket = bucket_of(call)
    text = _checked(call.input["Policy"], bucket)
    try:
        stored = principals_to_ids(text, call.node.identity)
    except InvalidPrincipalError as error:
        raise malformed_policy(
            "Invalid principal in policy", f'"AWS" : "{error.principal}"'
        ) from error
    await _set(call, bucket, stored)


async def _delete(call: Call) -> None:
    await _set(call, bucket_of(call), None)


async def _set(call: Call, bucket: Bucket, policy: str | None) -> None:
    try:
        await call.node.store.write(
            lambda change: state.set_bucket_policy(change, bucket.id, policy)
        )
    except state.BucketGoneError as error:
        raise no_such_bucket(bucket.name) from error


def _checked(document: str | bytes, bucket: Bucket) -> str:
    """The policy's text, if it is one for this bucket alone. Raises MalformedPolicy."""
    text = document if isinstance(document, str) else _decoded(document)
    if len(text.encode()) > POLICY_BYTES:
        raise ServiceError(
            "PolicyTooLarge",
            f"Policy exceeds the maximum allowed document size of {POLICY_BYTES} bytes.",
            400,
        )
    if not text.startswith("{"):
        raise malformed_policy("Policies must be valid JSON and the first byte must be '{'")
    try:
        policy = parse_policy(
            text, PolicyKind.RESOURCE, label=f"the policy of bucket {bucket.name}"
        )
    except PolicyError as error:
        raise malformed_policy(error.message) from error
    if not policy.statements:
        raise malformed_policy("Could not parse the policy: Statement is empty!")
    for statement in _statements(policy.document):
        _check_statement(statement, bucket)
    return text


def _check_statement(statement: Mapping[str, Any], bucket: Bucket) -> None:
    for action in _values(statement, "Action", "NotAction"):
        if action != "*" and not action.lower().startswith("s3:"):
            raise malformed_policy("Policy has invalid action", action)
    for resource in _values(statement, "Resource", "NotResource"):
        if resource != bucket.arn and not resource.startswith(f"{bucket.arn}/"):
            raise malformed_policy("Policy has invalid resource", resource)
    resources = list(_values(statement, "Resource"))
    if not resources:
        return
    has_bucket = bucket.arn in resources
    has_objects = any(resource != bucket.arn for resource in resources)
    for action in _values(statement, "Action"):
        name = action.lower().removeprefix("s3:")
        if (name in _ON_BUCKETS and not has_bucket) or (name in _ON_OBJECTS and not has_objects):
            raise malformed_policy("Action does not apply to any resource(s) in statement", action)


def _decoded(document: bytes) -> str:
    try:
        return document.decode()
    except UnicodeDecodeError:
        raise malformed_policy(
            "Policies must be valid JSON and the first byte must be '{'"
        ) from None


def _statements(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _values(statement: Mapping[str, Any], *elements: str) -> Iterator[str]:
    for element in elements:
        value = statement.get(element, ())
        yield from [value] if isinstance(value, str) else value


OPERATIONS = (
    Operation("GetBucketPolicy", _needs_get, _get, effect=Effect.READ),
    Operation("PutBucketPolicy", _needs_put, _put),
    Operation("DeleteBucketPolicy", _needs_delete, _delete),
)
