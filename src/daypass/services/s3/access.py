"""What a call must be allowed, with S3's condition keys (Service Authorization Reference, S3)."""

from collections.abc import Mapping

from daypass.gateway.operation import Call, Permission
from daypass.services.s3.errors import access_denied, invalid_bucket_name, no_such_bucket
from daypass.services.s3.names import is_bucket_name
from daypass.sigv4 import Verified
from daypass.store.buckets import Bucket

# Request headers that are condition keys under their own names.
_HEADER_KEYS = (
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-object-ownership",
    "x-amz-storage-class",
)


def bucket_of(call: Call) -> Bucket:
    """The bucket a call names.

    That a name is not taken is told to everybody, as AWS does; what is in a bucket is not.
    Raises NoSuchBucket, InvalidBucketName, and AccessDenied for an owner that was not expected.
    """
    return existing_bucket(call, call.input["Bucket"], call.input.get("ExpectedBucketOwner"))


def existing_bucket(call: Call, name: str, expected_owner: str | None) -> Bucket:
    bucket = call.node.buckets.bucket(name)
    if bucket is None:
        raise no_such_bucket(name) if is_bucket_name(name) else invalid_bucket_name(name)
    if expected_owner is not None and expected_owner != bucket.owner:
        raise access_denied()
    return bucket


def on_bucket(
    call: Call, action: str, bucket: Bucket, context: Mapping[str, str] | None = None
) -> Permission:
    """`action` on the bucket itself."""
    return _permission(call, action, bucket, bucket.arn, context)


def on_object(
    call: Call, action: str, bucket: Bucket, key: str, context: Mapping[str, str] | None = None
) -> Permission:
    """`action` on an object: the key as it is stored, no character of it a wildcard."""
    return _permission(call, action, bucket, f"{bucket.arn}/{key}", context)


def _permission(
    call: Call, action: str, bucket: Bucket, resource: str, context: Mapping[str, str] | None
) -> Permission:
    keys = request_keys(call)
    keys["s3:resourceaccount"] = bucket.owner
    if context:
        keys.update(context)
    return Permission(
        action=action,
        resource=resource,
        context=keys,
        resource_policy=bucket.policy,
        resource_account=bucket.owner,
    )


def request_keys(call: Call) -> dict[str, str]:
    """The condition keys any S3 request has: how it was signed, and some of its headers."""
    headers = call.request.headers
    keys = {f"s3:{name}": headers[name] for name in _HEADER_KEYS if name in headers}
    proof = call.caller.proof
    if isinstance(proof, Verified):
        keys["s3:signatureversion"] = "AWS4-HMAC-SHA256"
        if call.operation.name == "PostObject":
            keys["s3:authtype"] = "POST"
        elif proof.in_query:
            keys["s3:authtype"] = "REST-QUERY-STRING"
            keys["s3:signatureage"] = str(int((call.now - proof.timestamp) * 1000))
        else:
            keys["s3:authtype"] = "REST-HEADER"
    return keys


def creation_keys(call: Call, *, creates: bool) -> dict[str, str]:
    """The keys of a write: its conditions, and whether it makes the object or only a part of it."""
    keys = {"s3:objectcreationoperation": "true" if creates else "false"}
    for name in ("if-match", "if-none-match"):
        if name in call.request.headers:
            keys[f"s3:{name}"] = call.request.headers[name]
    return keys
