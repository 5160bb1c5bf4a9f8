"""No secret, session token or signature is ever in a log or an error, whatever went wrong."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from tests.signing import Raw, presigned, send, signed


def test_no_secret_is_in_a_log_or_an_answer(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "daypass", "serve", "--data", str(tmp_path / "data")),
                *("--listen", "127.0.0.1:0", "--output", "json"),
            ],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        try:
            secrets, answers = _provoke(ready)
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()
    said = log.read_text() + "".join(answers)
    assert "SignatureDoesNotMatch" in said, "the refusals were recorded"
    for secret in secrets:
        assert secret not in said
        assert secret[:20] not in said


def _provoke(ready: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Requests that fail in many ways; the secrets in them, and what was answered."""
    endpoint, region = ready["Endpoint"], ready["Region"]
    root = Credentials(ready["AccessKeyId"], ready["SecretAccessKey"])
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    def query(credentials: Credentials, body: bytes, url: str = endpoint) -> Raw:
        return signed(credentials, "sts", region, "POST", url, body, form)

    issued = send(query(root, b"Action=GetSessionToken&Version=2011-06-15")).body
    session = Credentials(
        *(
            issued.partition(f"<{name}>")[2].partition("<")[0]
            for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
        )
    )
    wrong = Credentials(root.access_key, "wrong-secret-of-forty-characters-0123456", session.token)
    token_in_query = presigned(session, "s3", region, "GET", f"{endpoint}/no-such-bucket/key")
    broken = query(session, b"Action=GetCallerIdentity&Version=2011-06-15")
    broken.replace("Authorization", broken.header("Authorization")[:-5])
    requests = [
        query(wrong, b"Action=GetCallerIdentity&Version=2011-06-15"),
        query(session, b"Action=NoSuchAction&Version=2011-06-15"),
        query(session, b"Action=AssumeRole&Version=2011-06-15"),
        query(session, b"Action=GetCallerIdentity&Version=2011-06-15&a=%zz"),
        query(session, b"Action=ListUsers&Version=2010-05-08"),
        broken,
        token_in_query,
        signed(session, "s3", region, "GET", f"{endpoint}/no-such-bucket/key"),
        signed(wrong, "lambda", region, "GET", f"{endpoint}/2015-03-31/functions/x"),
    ]
    answers = [send(request) for request in requests]
    assert all(answer.status >= 400 for answer in answers)
    signatures = [
        request.header("Authorization").rpartition("Signature=")[2]
        for request in requests
        if any(name == "Authorization" for name, _ in request.headers)
    ]
    assert session.token
    secrets = [root.secret_key, session.secret_key, session.token, wrong.secret_key, *signatures]
    texts = [f"{answer.headers}{answer.body}" for answer in answers]
    return secrets, texts
