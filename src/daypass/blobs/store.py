"""What a store of bytes is: put a stream, open a range, delete, exists; a listing for repair."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class BlobMissingError(Exception):
    """There is no blob of this id: it was deleted, or never was."""


@dataclass(frozen=True, slots=True)
class Blob:
    """What was put: its id, its size in bytes, and the raw digests that were asked for, by name."""

    id: str
    size: int
    digests: Mapping[str, bytes]


class BlobStream(Protocol):
    """The bytes of an opened range, in pieces. Close it, whether or not it was read to its end."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def __anext__(self) -> bytes: ...
    async def aclose(self) -> None: ...


class BlobStore(Protocol):
    """Bytes by opaque id. A blob never changes; one that was put is durable.

    kind: whose blob it is ("objects", "code"). Orphans are looked for one kind at a time, so that
    nobody deletes what only another subject's tables know.
    """

    async def put(
        self, pieces: AsyncIterable[bytes], digests: Sequence[str] = (), *, kind: str = "code"
    ) -> Blob:
        """Store the stream, and return once it is on disk. Whatever ends it early leaves nothing.

        digests: names from `DIGESTS`, computed on the way.
        """

    async def open(self, blob_id: str, start: int = 0, size: int | None = None) -> BlobStream:
        """`size` bytes from `start`, to the end if None. Raises `BlobMissingError`.

        Once opened, a stream gives all its bytes even if the blob is deleted meanwhile.
        """

    async def delete(self, blob_ids: Iterable[str]) -> None:
        """Forget these blobs. One that is not there is no error."""

    async def exists(self, blob_id: str) -> bool:
        """Whether there is such a blob."""

    def put_before(self, kind: str, moment: float) -> AsyncIterator[Sequence[str]]:
        """The ids of the blobs of a kind that were put before `moment` (Unix seconds), in batches.

        Starts anywhere and comes round, so that one who stops early sees others the next time.
        """
