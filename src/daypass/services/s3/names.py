"""What buckets and objects may be called (S3 User Guide, "General purpose bucket naming rules")."""

import re
from hashlib import sha256

from daypass.protocol.errors import ServiceError

KEY_BYTES = 1024

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+\Z")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")


def is_bucket_name(name: str) -> bool:
    """Whether a bucket may be created under this name."""
    return (
        _BUCKET.match(name) is not None
        and ".." not in name
        and _ADDRESS.match(name) is None
        and not name.startswith(_RESERVED_PREFIXES)
        and not name.endswith(_RESERVED_SUFFIXES)
    )


def key_bytes(key: str) -> bytes:
    """The key as it is stored and sorted: its UTF-8, byte for byte, with nothing normalised."""
    encoded = key.encode()
    if len(encoded) > KEY_BYTES:
        raise ServiceError(
            "KeyTooLongError",
            "Your key is too long",
            400,
            fields={"Size": str(len(encoded)), "MaxSizeAllowed": str(KEY_BYTES)},
        )
    return encoded


def canonical_user_id(account_id: str) -> str:
    """The account's canonical user id: 64 hexadecimal digits that stay the same."""
    return sha256(f"canonical user of {account_id}".encode()).hexdigest()
