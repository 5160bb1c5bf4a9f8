"""Buckets, objects and multipart uploads in SQL: every meaning S3 gives a key lives here."""

from daypass.store.buckets.cache import Bucket, BucketCache
from daypass.store.buckets.changes import (
    create_bucket,
    delete_bucket,
    set_bucket_policy,
)
from daypass.store.buckets.errors import (
    BucketExistsError,
    BucketGoneError,
    BucketNotEmptyError,
    ObjectChangedError,
    UploadGoneError,
)
from daypass.store.buckets.housekeeping import claimed_blobs, drop_condemned, due_blobs
from daypass.store.buckets.listing import Page, common_prefix, list_objects, list_uploads, successor
from daypass.store.buckets.objects import (
    copy_object,
    delete_object,
    get_object,
    get_segments,
    put_object,
)
from daypass.store.buckets.records import (
    Checksum,
    ListedObject,
    ListedUpload,
    NewObject,
    Part,
    Segment,
    StoredObject,
    Upload,
)
from daypass.store.buckets.uploads import (
    abort_upload,
    complete_upload,
    create_upload,
    get_upload,
    list_parts,
    put_part,
)

__all__ = [
    "Bucket",
    "BucketCache",
    "BucketExistsError",
    "BucketGoneError",
    "BucketNotEmptyError",
    "Checksum",
    "ListedObject",
    "ListedUpload",
    "NewObject",
    "ObjectChangedError",
    "Page",
    "Part",
    "Segment",
    "StoredObject",
    "Upload",
    "UploadGoneError",
    "abort_upload",
    "claimed_blobs",
    "common_prefix",
    "complete_upload",
    "copy_object",
    "create_bucket",
    "create_upload",
    "delete_bucket",
    "delete_object",
    "drop_condemned",
    "due_blobs",
    "get_object",
    "get_segments",
    "get_upload",
    "list_objects",
    "list_parts",
    "list_uploads",
    "put_object",
    "put_part",
    "set_bucket_policy",
    "successor",
]
