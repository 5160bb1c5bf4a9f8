"""Sessions while the key ring is rotated, and while the server is killed, under load."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.credentials import Credentials

from daypass.server.directory import load_master_key
from daypass.store.engine import open_store
from daypass.store.sessions import rotate_key_ring
from tests.conftest import Server, start_server, stop_server
from tests.signing import Answer, send, signed

THREADS = 4
ROLE = "loaded"


@dataclass
class Journal:
    """What the server acknowledged: sessions by access key id, and those revoked of them."""

    sessions: dict[str, Credentials] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    # Asked for, and not answered: either outcome is right.
    doubtful: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = start_server(tmp_path / "data", "--workers", "2")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": running.account_id},
        "Action": "sts:AssumeRole",
    }
    iam = running.client("iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_policy(statement))
    iam.create_user(UserName=ROLE)
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    iam.put_user_policy(UserName=ROLE, PolicyName="inline", PolicyDocument=_policy(allowed))
    yield running
    if running.process.poll() is None:
        stop_server(running)


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _user(server: Server) -> Credentials:
    key = server.client("iam").create_access_key(UserName=ROLE)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def sts(server: Server, credentials: Credentials, **parameters: str) -> Answer:
    body = urlencode({"Version": "2011-06-15", **parameters}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{server.endpoint}/"
    return send(signed(credentials, "sts", server.region, "POST", url, body, form))


def issue(server: Server, user: Credentials) -> Credentials:
    role = f"arn:aws:iam::{server.account_id}:role/{ROLE}"
    answer = sts(server, user, Action="AssumeRole", RoleArn=role, RoleSessionName="session")
    assert answer.status == 200
    found = [
        re.search(f"<{name}>([^<]+)<", answer.body)
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
    ]
    return Credentials(*(match[1] for match in found if match))


def alive(server: Server, session: Credentials) -> bool:
    answer = sts(server, session, Action="GetCallerIdentity")
    assert answer.status == 200 or "<Code>InvalidClientTokenId<" in answer.body
    return answer.status == 200


def revoke(server: Server, session: Credentials) -> None:
    root = Credentials(server.access_key_id, server.secret_access_key)
    body = json.dumps({"AccessKeyId": session.access_key}).encode()
    url = f"{server.endpoint}/_daypass/sessions/revoke"
    kind = {"Content-Type": "application/json"}
    assert send(signed(root, "daypass", server.region, "POST", url, body, kind)).status == 200


def under_load(work: Callable[[int], None]) -> tuple[list[threading.Thread], threading.Event]:
    """Threads that work again and again until the event is set."""
    stop = threading.Event()

    def run(number: int) -> None:
        while not stop.is_set():
            work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    return threads, stop


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_session_is_lost_and_none_comes_back_while_the_ring_is_rotated(server: Server) -> None:
    user = _user(server)
    journal = Journal()
    gone = issue(server, user)
    revoke(server, gone)

    def work(_: int) -> None:
        try:
            session = issue(server, user)
            journal.sessions[session.access_key] = session
            if not alive(server, session):
                journal.failures.append("a new session was refused")
            if alive(server, gone):
                journal.failures.append("a revoked session came back")
        except Exception as error:
            journal.failures.append(repr(error))

    threads, stop = under_load(work)
    store, master = open_store(server.data), load_master_key(server.data)
    try:
        for _ in range(5):
            time.sleep(0.3)
            store.write_now(lambda transaction: rotate_key_ring(transaction, master, time.time()))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        store.close()
    assert journal.failures == []
    assert len(journal.sessions) > THREADS
    assert all(alive(server, session) for session in journal.sessions.values())
    assert not alive(server, gone)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_was_acknowledged_holds_after_kill_9_under_load(
    server: Server, tmp_path: Path
) -> None:
    user = _user(server)
    journal = Journal()

    def work(number: int) -> None:
        try:
            session = issue(server, user)
            name = session.access_key
            journal.sessions[name] = session
            if number % 2:
                journal.doubtful.add(name)
                revoke(server, session)
                journal.revoked.add(name)
                journal.doubtful.discard(name)
        except (OSError, IndexError):
            time.sleep(0.01)  # the server is gone: no answer, or an empty one

    threads, stop = under_load(work)
    time.sleep(1)
    server.process.kill()
    server.process.wait()
    stop.set()
    for thread in threads:
        thread.join()
    assert server.process.stdout is not None
    server.process.stdout.close()
    assert len(journal.revoked) > 2
    again = start_server(
        tmp_path / "data", credentials=(server.access_key_id, server.secret_access_key)
    )
    try:
        for access_key_id, session in journal.sessions.items():
            if access_key_id in journal.revoked:
                assert not alive(again, session)
            elif access_key_id not in journal.doubtful:
                assert alive(again, session)
    finally:
        stop_server(again)
