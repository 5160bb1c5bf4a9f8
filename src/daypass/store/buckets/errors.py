"""Why a change to buckets or objects could not be made."""


class BucketError(Exception):
    """Root of the tree: BucketExists, BucketGone, BucketNotEmpty, ObjectChanged, UploadGone."""


class BucketExistsError(BucketError):
    """Another bucket has the name; `owner` is the account it belongs to."""

    def __init__(self, owner: str) -> None:
        super().__init__("A bucket of this name exists.")
        self.owner = owner


class BucketGoneError(BucketError):
    """The bucket was deleted meanwhile."""


class BucketNotEmptyError(BucketError):
    """The bucket still has objects."""


class ObjectChangedError(BucketError):
    """The object to copy was overwritten or deleted meanwhile; look again."""


class UploadGoneError(BucketError):
    """The multipart upload was completed or aborted meanwhile."""
