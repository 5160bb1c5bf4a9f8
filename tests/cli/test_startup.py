"""What a command that finds its session in the cache does not import: it starts for each request
of some SDKs. `benchmarks/startup.py` has the times."""

import json
import subprocess
import sys
import time

import pytest

from tests.client import answers
from tests.client.wire import recording

HEAVY = {
    *("asyncio", "boto3", "botocore", "email", "http.client", "httpcore", "httpx", "keyring"),
    *("logging", "lxml", "requests", "rich", "sqlalchemy", "ssl", "subprocess", "urllib.request"),
    *("urllib3", "uvicorn", "xml", "yaml", "daypass.client.sts", "daypass.sigv4.signing"),
    *("daypass.protocol", "daypass.server", "daypass.gateway"),
}
PROGRAM = """
import json, sys
from daypass.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
import gc
print(json.dumps([sorted(sys.modules), gc.isenabled()]), file=sys.stderr)
"""
ROLE = "arn:aws:iam::111122223333:role/reader"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """With a role session in the cache, and nobody to ask for another."""
    place = tmp_path_factory.mktemp("startup")
    (place / "credentials").write_text(
        "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n"
    )
    (place / "config").write_text(
        f"[profile work]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n"
    )
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    with recording() as recorder:
        recorder.replies = [answers.assumed(expiration=until)]
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(place),
            "PYTHONPATH": ":".join(sys.path),
            "AWS_CONFIG_FILE": str(place / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(place / "credentials"),
            "AWS_ENDPOINT_URL_STS": recorder.url,
            "DAYPASS_CACHE_DIR": str(place / "cache"),
        }
        modules, _ = started(environment, "assume", "work")
        assert "daypass.client.sts" in modules, "the first one does ask STS"
    return environment


def started(environment, *arguments):
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ASIAFROMSTS" in ended.stdout
    return json.loads(ended.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    "arguments",
    [
        ("assume", "work"),
        ("assume", "work", "--format", "json"),
        ("credential-process", "--profile", "work"),
        ("use", "work", "--export", "credentials"),
    ],
)
def test_a_cached_session_is_printed_without_what_is_heavy(environment, arguments):
    modules, collects = started(environment, *arguments)
    found = {name for name in modules if any(name == h or name.startswith(f"{h}.") for h in HEAVY)}
    assert not found
    assert collects, "garbage is collected once the command is loaded"
