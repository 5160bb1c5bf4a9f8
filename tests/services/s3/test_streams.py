"""Uploads and downloads that end early, or meet a write of the same key."""

import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from botocore.config import Config

from daypass.blobs import BlobMissingError, FileBlobs
from daypass.gateway.node import Node
from daypass.services.s3.upkeep import delete_due
from daypass.store import buckets as state
from daypass.store.engine import open_store
from tests.conftest import Server, start_server, stop_server

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose files and descriptors are nobody else's doing."""
    running = start_server(tmp_path_factory.mktemp("streams") / "data")
    yield running
    stop_server(running)


@pytest.fixture
def bucket(own: Server) -> str:
    name = f"streams-{uuid.uuid4().hex[:12]}"
    own.client("s3").create_bucket(Bucket=name)
    return name


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def open_blobs(server: Server) -> list[str]:
    directory = Path(f"/proc/{server.process.pid}/fd")
    targets = []
    for descriptor in directory.iterdir():
        try:
            targets.append(os.readlink(descriptor))
        except FileNotFoundError:
            continue
    return [target for target in targets if "/blobs/" in target]


def stored(server: Server) -> list[Path]:
    return [path for path in (server.data / "blobs").rglob("*") if path.is_file()]


def parts_of(s3: Any, bucket: str, key: str, *bodies: bytes) -> None:
    where = {"Bucket": bucket, "Key": key}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    done = []
    for number, body in enumerate(bodies, 1):
        part = s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)
        sums = {name: value for name, value in part.items() if name.startswith("Checksum")}
        done.append({"PartNumber": number, "ETag": part["ETag"], **sums})
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": done})


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_download_goes_on_with_what_it_began(own: Server, bucket: str, in_parts: bool) -> None:
    s3 = own.client("s3")
    # Larger than all the buffers between the two.
    first, second = os.urandom(24 * MIB), os.urandom(8 * MIB)
    if in_parts:
        parts_of(s3, bucket, "key", first, second)
    else:
        s3.put_object(Bucket=bucket, Key="key", Body=first + second)
    body = s3.get_object(Bucket=bucket, Key="key")["Body"]
    begun = body.read(MIB)
    s3.put_object(Bucket=bucket, Key="key", Body=b"new")
    assert begun + body.read() == first + second
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"new"


def test_a_client_that_leaves_a_download_leaves_nothing_open(own: Server, bucket: str) -> None:
    s3 = own.client("s3")
    s3.put_object(Bucket=bucket, Key="key", Body=bytes(32 * MIB))
    for _ in range(3):
        body = s3.get_object(Bucket=bucket, Key="key")["Body"]
        body.read(1000)
        assert open_blobs(own)
        body.close()
        assert eventually(lambda: not open_blobs(own))


def test_a_client_that_leaves_an_upload_leaves_no_file(own: Server, bucket: str) -> None:
    s3 = own.client("s3")
    before = stored(own)
    signer = own.client("s3", config=Config(signature_version="s3v4"))
    where = {"Bucket": bucket, "Key": "key"}
    parts = urlsplit(signer.generate_presigned_url("put_object", Params=where))
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        connection.sendall(
            f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Content-Length: {64 * MIB}\r\n\r\n".encode()
        )
        connection.sendall(bytes(2 * MIB))
        assert eventually(lambda: len(stored(own)) > len(before))
    assert eventually(lambda: stored(own) == before)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_what_is_overwritten_or_deleted_gives_its_space_back(own: Server, bucket: str) -> None:
    s3 = own.client("s3")
    before = stored(own)
    for _ in range(3):
        s3.put_object(Bucket=bucket, Key="key", Body=bytes(100_000))
    assert len(stored(own)) == len(before) + 1
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/key")
    s3.delete_object(Bucket=bucket, Key="key")
    assert len(stored(own)) == len(before) + 1
    s3.delete_object(Bucket=bucket, Key="copy")
    assert stored(own) == before


async def test_blobs_of_many_pieces_are_deleted_when_due(tmp_path: Path) -> None:
    store, blobs = open_store(tmp_path), FileBlobs(tmp_path / "blobs")
    now = 0.0
    node = cast("Node", SimpleNamespace(store=store, blobs=blobs, clock=lambda: now))

    async def piece() -> Any:
        yield b"x"

    try:
        ids = [(await blobs.put(piece(), kind="objects")).id for _ in range(2)]
        store.write_now(
            lambda change: state.create_bucket(change, "bucket", owner="1", region="r", created=1)
        )
        segments = [state.Segment(number, 1, blob, None) for number, blob in enumerate(ids, 1)]
        new = state.NewObject(2, "0" * 32, 1, {}, {}, segments=segments)
        store.write_now(lambda change: state.put_object(change, 1, b"k", new, lambda _: None))
        store.write_now(lambda change: state.delete_object(change, 1, b"k", lambda _: None))
        await delete_due(node)
        assert await blobs.exists(ids[0])
        now = time.time() + 24 * 3600
        await delete_due(node)
        for blob in ids:
            with pytest.raises(BlobMissingError):
                await blobs.open(blob)
        assert state.due_blobs(store.reader, 1e12) == []
    finally:
        store.close()
