"""Amazon S3: buckets and objects (API version 2006-03-01)."""

from daypass.gateway.operation import Operation, Service
from daypass.protocol import load_model
from daypass.services.s3 import buckets, copying, listing, objects, policies, post_object, uploads
from daypass.services.s3.codec import S3Codec
from daypass.services.s3.upkeep import keep_house
from daypass.sigv4 import Dialect

__all__ = ["SERVICE", "keep_house"]

_CODEC = S3Codec(load_model("s3"))
_OPERATIONS: tuple[Operation, ...] = (
    *buckets.OPERATIONS,
    *policies.OPERATIONS,
    *objects.OPERATIONS,
    *copying.OPERATIONS,
    *listing.OPERATIONS,
    *uploads.OPERATIONS,
    post_object.operation(_CODEC.decode),
)

SERVICE = Service(
    name="s3",
    codec=_CODEC,
    operations={operation.name: operation for operation in _OPERATIONS},
    dialect=Dialect.S3,
    anonymous=True,
    # A thousand keys to delete, each of 1,024 bytes and escaped, or ten thousand parts.
    body_limit=8 * 1024 * 1024,
)
