"""ExplainRequest: why a request was refused, for whoever may know, in every process."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from daypass.gateway.recent_refusals import RecentRefusals
from tests.local_node import ACCOUNT, REGION, LocalNode, allow, local_node


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def ask(
    node: LocalNode, request_id: str, credentials: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    given = credentials or node.root
    request = AWSRequest("GET", f"{node.node.endpoint_url}/_daypass/requests/{request_id}")
    keys = Credentials(given["aws_access_key_id"], given["aws_secret_access_key"])
    SigV4Auth(keys, "daypass", REGION).add_auth(request)
    answer = node._send(request.prepare())
    return answer.status_code, json.loads(answer.content)


def user(node: LocalNode, name: str, *actions: str) -> dict[str, str]:
    iam = node.client("iam")
    iam.create_user(UserName=name)
    if actions:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allow(*actions))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }


def refused(node: LocalNode, credentials: dict[str, str]) -> str:
    """The id of a request that was."""
    with pytest.raises(ClientError) as error:
        node.client("iam", credentials).list_users()
    request_id: str = error.value.response["ResponseMetadata"]["RequestId"]
    return request_id


def test_a_denial_is_explained_with_every_statement(node: LocalNode) -> None:
    request_id = refused(node, user(node, "alice", "iam:GetUser"))
    status, answer = ask(node, request_id)
    assert status == 200
    found = answer["Refusal"]
    detail = found.pop("Detail")
    assert "iam:ListUsers" in found.pop("Explanation")
    assert "Identity-based policy" in detail
    assert found.pop("AccessKeyId").startswith("AKIA")
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    assert found.pop("Message").startswith(f"User: {arn} is not authorized to perform: iam:ListUs")
    assert found == {
        "RequestId": request_id,
        "Time": int(node.now),
        "Service": "iam",
        "Operation": "ListUsers",
        "Method": "POST",
        "Path": "/",
        "Client": found["Client"],
        "Principal": arn,
        "Status": 403,
        "Code": "AccessDenied",
    }


def test_a_wrong_signature_is_explained_without_a_principal(node: LocalNode) -> None:
    wrong = user(node, "alice") | {"aws_secret_access_key": "wrong"}
    found = ask(node, refused(node, wrong))[1]["Refusal"]
    assert found["Code"] == "SignatureDoesNotMatch"
    assert found["Explanation"]
    assert found["AccessKeyId"] == wrong["aws_access_key_id"]
    assert not {"Principal", "Operation", "Detail"} & set(found)


def test_only_who_may_is_told(node: LocalNode) -> None:
    request_id = refused(node, user(node, "alice"))
    status, answer = ask(node, request_id, user(node, "bob", "daypass:ListSessions"))
    assert status == 403
    assert "daypass:ExplainRequest" in json.dumps(answer)
    assert ask(node, request_id, user(node, "carol", "daypass:ExplainRequest"))[0] == 200


@pytest.mark.parametrize("request_id", [str(uuid.UUID(int=7)), "no-id", "A" * 36])
def test_what_was_not_refused_is_not_there(node: LocalNode, request_id: str) -> None:
    status, _ = ask(node, request_id)
    assert status == (404 if request_id.startswith("0000") else 400)


def test_another_process_finds_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getpid", lambda: 1)
    one = RecentRefusals(tmp_path / "refusals")
    monkeypatch.setattr("os.getpid", lambda: 2)
    other = RecentRefusals(tmp_path / "refusals")
    one.note({"RequestId": "a", "Code": "X"})
    other.note({"RequestId": "b", "Empty": "", "Detail": "d" * 100_000})
    assert other.find("a") == {"RequestId": "a", "Code": "X"}
    found = one.find("b")
    assert found is not None
    assert len(found["Detail"]) == 16 * 1024
    assert "Empty" not in found
    assert one.find("c") is None


def test_what_is_kept_is_bounded_and_the_newest(tmp_path: Path) -> None:
    refusals = RecentRefusals(tmp_path / "refusals", largest=10_000)
    for number in range(2_000):
        refusals.note({"RequestId": f"id-{number}", "Message": "m" * 50})
    assert refusals.find("id-1999")
    assert refusals.find("id-1900")
    assert refusals.find("id-0") is None
    assert sum(path.stat().st_size for path in (tmp_path / "refusals").iterdir()) < 21_000


def test_files_of_ended_processes_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for process in range(40):
        monkeypatch.setattr("os.getpid", lambda process=process: process)
        refusals = RecentRefusals(tmp_path / "refusals")
        refusals.note({"RequestId": f"id-{process}"})
        refusals.close()
    assert len(list((tmp_path / "refusals").iterdir())) <= 16
    assert refusals.find("id-39")


def test_files_are_the_operators_alone(tmp_path: Path) -> None:
    refusals = RecentRefusals(tmp_path / "refusals")
    refusals.note({"RequestId": "a"})
    (path,) = (tmp_path / "refusals").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_disk_that_is_full_is_nobodys_error(tmp_path: Path) -> None:
    (tmp_path / "refusals").write_text("in the way")
    refusals = RecentRefusals(tmp_path / "refusals")
    refusals.note({"RequestId": "a"})
    assert refusals.find("a") is None


def test_of_a_flood_few_are_explained_at_length(tmp_path: Path) -> None:
    now = 100.0
    refusals = RecentRefusals(tmp_path / "refusals", clock=lambda: now)
    assert [refusals.takes_detail() for _ in range(60)].count(True) == 50
    now = 101.0
    assert refusals.takes_detail()
