"""`kill -9` at any moment: what was acknowledged is there, and nothing is half written."""

import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.conftest import Server, start_server, stop_server

# Of each kind of storage: in the row, and in a blob.
SIZES = (100, 300_000)


def body(number: int, size: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest() * (size // 32)


def write_until_killed(client: Any, worker: int, acknowledged: dict[str, int]) -> None:
    number = worker
    while True:
        size = SIZES[number % 2]
        try:
            client.put_object(Bucket="durable", Key=f"key-{number}", Body=body(number, size))
        except (BotoCoreError, ClientError):
            return
        acknowledged[f"key-{number}"] = number
        number += 3


@pytest.fixture
def running(tmp_path: Path) -> Server:
    return start_server(tmp_path / "data")


def test_everything_acknowledged_survives_and_nothing_is_half_written(
    running: Server, tmp_path: Path
) -> None:
    running.client("s3").create_bucket(Bucket="durable")
    acknowledged: dict[str, int] = {}
    clients = [running.client("s3") for _ in range(3)]
    writers = [
        threading.Thread(target=write_until_killed, args=(client, worker, acknowledged))
        for worker, client in enumerate(clients)
    ]
    for writer in writers:
        writer.start()
    while len(acknowledged) < 60 and any(writer.is_alive() for writer in writers):
        writers[0].join(0.02)
    running.process.kill()
    running.process.wait()
    for writer in writers:
        writer.join()
    assert len(acknowledged) >= 60

    again = start_server(
        tmp_path / "data", credentials=(running.access_key_id, running.secret_access_key)
    )
    try:
        s3 = again.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="durable")
        listed = {entry["Key"] for page in pages for entry in page.get("Contents", ())}
        assert acknowledged.keys() <= listed
        # A write cut off between commit and answer may be there, but then whole.
        for key in listed:
            number = int(key.removeprefix("key-"))
            found = s3.get_object(Bucket="durable", Key=key)["Body"].read()
            assert found == body(number, SIZES[number % 2])
        s3.put_object(Bucket="durable", Key="after", Body=b"goes on")
    finally:
        stop_server(again)
