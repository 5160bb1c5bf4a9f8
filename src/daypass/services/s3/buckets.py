"""Buckets: create, head, delete, list, location."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.s3.access import bucket_of, on_bucket, request_keys
from daypass.services.s3.errors import (
    invalid_argument,
    invalid_bucket_name,
    no_such_bucket,
)
from daypass.services.s3.headers import refuse_unsupported
from daypass.services.s3.names import canonical_user_id, is_bucket_name
from daypass.store import buckets as state

# The region whose buckets have no location constraint.
_CLASSIC: Final = "us-east-1"
_LISTED_AT_ONCE: Final = 10_000


# -- CreateBucket ----------------------------------------------------------------------------------


def _needs_create(call: Call) -> Sequence[Permission]:
    keys = request_keys(call)
    constraint = _constraint(call)
    if constraint:
        keys["s3:locationconstraint"] = constraint
    arn = f"arn:aws:s3:::{call.input['Bucket']}"
    needed = [Permission("s3:CreateBucket", arn, keys)]
    if "ACL" in call.input:
        needed.append(Permission("s3:PutBucketAcl", arn, keys))
    if "ObjectOwnership" in call.input:
        needed.append(Permission("s3:PutBucketOwnershipControls", arn, keys))
    return needed


async def _create(call: Call) -> Mapping[str, Any]:
    name: str = call.input["Bucket"]
    if not is_bucket_name(name):
        raise invalid_bucket_name(name)
    refuse_unsupported(call.input)
    ownership = call.input.get("ObjectOwnership", "BucketOwnerEnforced")
    if ownership != "BucketOwnerEnforced":
        raise ServiceError(
            "NotImplemented",
            f"ObjectOwnership {ownership} needs access control lists, which this server does not "
            "have. Use BucketOwnerEnforced, the default.",
            501,
        )
    _check_constraint(_constraint(call), call.node.region)
    owner, region = call.node.account_id, call.node.region
    try:
        await call.node.store.write(
            lambda change: state.create_bucket(
                change, name, owner=owner, region=region, created=int(call.now)
            )
        )
    except state.BucketExistsError as error:
        _already_there(name, error.owner, owner, region)
    return {"Location": f"/{name}"}


def _constraint(call: Call) -> str:
    configuration = call.input.get("CreateBucketConfiguration") or {}
    constraint: str = configuration.get("LocationConstraint", "")
    return constraint


def _check_constraint(constraint: str, region: str) -> None:
    """Raise unless a bucket of this location may be made at this region's endpoint."""
    if constraint == _CLASSIC:
        raise ServiceError(
            "InvalidLocationConstraint", "The specified location-constraint is not valid", 400
        )
    if (constraint or _CLASSIC) != region:
        raise ServiceError(
            "IllegalLocationConstraintException",
            f"The {constraint or 'unspecified'} location constraint is incompatible for the "
            "region specific endpoint this request was sent to.",
            400,
        )


def _already_there(name: str, existing_owner: str, owner: str, region: str) -> None:
    if existing_owner != owner:
        raise ServiceError(
            "BucketAlreadyExists",
            "The requested bucket name is not available. The bucket namespace is shared by all "
            "users of the system. Please select a different name and try again.",
            409,
            fields={"BucketName": name},
        )
    # us-east-1 alone answers as if the bucket were new (CreateBucket, "Errors").
    if region != _CLASSIC:
        raise ServiceError(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
            409,
            fields={"BucketName": name},
        )


# -- one bucket ------------------------------------------------------------------------------------


def _needs_head(call: Call) -> Sequence[Permission]:
    return [on_bucket(call, "s3:ListBucket", bucket_of(call))]


async def _head(call: Call) -> Mapping[str, Any]:
    bucket = bucket_of(call)
    return {"BucketRegion": bucket.region, "AccessPointAlias": False}


def _needs_delete(call: Call) -> Sequence[Permission]:
    return [on_bucket(call, "s3:DeleteBucket", bucket_of(call))]


async def _delete(call: Call) -> None:
    bucket = bucket_of(call)
    try:
        released = await call.node.store.write(
            lambda change: state.delete_bucket(change, bucket.id)
        )
    except state.BucketGoneError as error:
        raise no_such_bucket(bucket.name) from error
    except state.BucketNotEmptyError as error:
        raise ServiceError(
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty",
            409,
            fields={"BucketName": bucket.name},
        ) from error
    await call.node.blobs.delete(released)


def _needs_location(call: Call) -> Sequence[Permission]:
    return [on_bucket(call, "s3:GetBucketLocation", bucket_of(call))]


async def _location(call: Call) -> Mapping[str, Any]:
    region = bucket_of(call).region
    return {} if region == _CLASSIC else {"LocationConstraint": region}


# -- ListBuckets -----------------------------------------------------------------------------------


def _needs_list(call: Call) -> Sequence[Permission]:
    # The action has no resource type, but AWS matches it against this ARN, and policies say so.
    return [Permission("s3:ListAllMyBuckets", "arn:aws:s3:::*", request_keys(call))]


async def _list(call: Call) -> Mapping[str, Any]:
    members = call.input
    limit: int = members.get("MaxBuckets", _LISTED_AT_ONCE)
    if not 1 <= limit <= _LISTED_AT_ONCE:
        raise invalid_argument(
            "Argument max-buckets must be an integer between 1 and 10000",
            "max-buckets",
            str(limit),
        )
    after = _opened(members.get("ContinuationToken"))
    prefix: str = members.get("Prefix", "")
    region: str | None = members.get("BucketRegion")
    found = [
        bucket
        for bucket in call.node.buckets.all()
        if bucket.name > after
        and bucket.name.startswith(prefix)
        and region in {None, bucket.region}
    ]
    output: dict[str, Any] = {
        "Buckets": [
            {
                "Name": bucket.name,
                "CreationDate": bucket.created,
                "BucketRegion": bucket.region,
            }
            for bucket in found[:limit]
        ],
        "Owner": {"ID": canonical_user_id(call.node.account_id)},
    }
    if prefix:
        output["Prefix"] = prefix
    if len(found) > limit:
        last = found[limit - 1].name.encode()
        output["ContinuationToken"] = base64.urlsafe_b64encode(last).decode()
    return output


def _opened(token: str | None) -> str:
    if token is None:
        return ""
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_argument(
            "The continuation token provided is incorrect", "continuation-token", token
        ) from None


OPERATIONS = (
    Operation("CreateBucket", _needs_create, _create),
    Operation("HeadBucket", _needs_head, _head, effect=Effect.READ),
    Operation("DeleteBucket", _needs_delete, _delete),
    Operation("GetBucketLocation", _needs_location, _location, effect=Effect.READ),
    Operation("ListBuckets", _needs_list, _list, effect=Effect.READ),
)
