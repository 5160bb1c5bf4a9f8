"""Attack: credentials nobody can account for, by killing the server between issue and record."""

import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from daypass.audit import Verified, verify
from tests.conftest import start_server, stop_server


@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_acknowledged_session_is_in_the_trail_of_a_killed_server(
    tmp_path: Path, workers: str
) -> None:
    server = start_server(tmp_path / "data", "--workers", workers)
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    pids = [server.process.pid, *map(int, children.read_text().split())]
    acknowledged: list[str] = []

    def issue() -> None:
        sts = server.client("sts")
        while True:
            try:
                acknowledged.append(sts.get_session_token()["Credentials"]["AccessKeyId"])
            except (BotoCoreError, ClientError):
                return

    with ThreadPoolExecutor(4) as pool:
        issuers = [pool.submit(issue) for _ in range(4)]
        while len(acknowledged) < 60:
            assert not all(issuer.done() for issuer in issuers)
            threading.Event().wait(0.02)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        server.process.wait()
    directory = server.data / "audit"
    assert isinstance(verify(directory), Verified)
    recorded = set()
    for path in directory.glob("*.jsonl"):
        for line in path.read_bytes().split(b"\n"):
            if line.endswith(b"}"):
                session = json.loads(line).get("additionalEventData", {}).get("session", {})
                recorded.add(session.get("accessKeyId"))
    assert set(acknowledged) <= recorded
    again = start_server(server.data, credentials=(server.access_key_id, server.secret_access_key))
    again.client("sts").get_session_token()
    stop_server(again)
    found = verify(directory)
    assert isinstance(found, Verified)
