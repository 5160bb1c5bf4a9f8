"""Bytes of objects and function code under opaque ids: no name a client chose reaches a path."""

from daypass.blobs.digests import DIGESTS, Digest, new_digest
from daypass.blobs.files import FileBlobs
from daypass.blobs.orphans import collect_orphans
from daypass.blobs.store import Blob, BlobMissingError, BlobStore, BlobStream

__all__ = [
    "DIGESTS",
    "Blob",
    "BlobMissingError",
    "BlobStore",
    "BlobStream",
    "Digest",
    "FileBlobs",
    "collect_orphans",
    "new_digest",
]
