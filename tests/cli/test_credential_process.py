"""`daypass credential-process`, as SDKs run it."""

import json
import sys
import time
from datetime import UTC, datetime

import pytest
from botocore.session import Session

from tests.cli.running import daypass
from tests.client import answers
from tests.client.wire import recording

KEYS = "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n"
ROLE = "arn:aws:iam::111122223333:role/reader"


@pytest.fixture
def world(tmp_path):
    """A recorder for STS, and an environment with one profile of keys."""
    (tmp_path / "credentials").write_text(KEYS)
    (tmp_path / "config").write_text("")
    with recording() as recorder:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "PYTHONPATH": ":".join(sys.path),
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
            "AWS_ENDPOINT_URL_STS": recorder.url,
            "AWS_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "DAYPASS_CACHE_DIR": str(tmp_path / "cache"),
        }
        yield recorder, environment


def ends_in(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def run(environment, *options):
    arguments = ("credential-process", "--profile", "base", "--role", ROLE, *options)
    return daypass(*arguments, env=environment)


def test_it_prints_what_sdks_read_and_nothing_else(world):
    recorder, environment = world
    recorder.replies = [answers.assumed(expiration=ends_in(3600))]
    ended = run(environment)
    printed = json.loads(ended.out)
    assert set(printed) == {
        *("Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    }
    assert printed["Version"] == 1
    assert type(printed["Version"]) is int
    assert datetime.fromisoformat(printed["Expiration"]).tzinfo == UTC
    assert not ended.err


def test_long_term_keys_have_no_end_to_print(world):
    _, environment = world
    ended = daypass("credential-process", "--profile", "base", env=environment)
    assert set(json.loads(ended.out)) == {"Version", "AccessKeyId", "SecretAccessKey"}


def test_sdks_are_given_more_than_the_quarter_of_an_hour_they_want(world):
    recorder, environment = world
    recorder.replies = [
        answers.assumed("ASIAOLD", ends_in(3600)),
        answers.assumed("ASIANEW", ends_in(3600)),
    ]
    assert json.loads(run(environment).out)["AccessKeyId"] == "ASIAOLD"
    assert json.loads(run(environment).out)["AccessKeyId"] == "ASIAOLD"
    recorder.replies = [
        answers.assumed("ASIASHORT", ends_in(950)),
        answers.assumed("ASIALONG", ends_in(3600)),
    ]
    other = ("--session-name", "other")
    assert json.loads(run(environment, *other).out)["AccessKeyId"] == "ASIASHORT"
    # A session of 950 s cannot have more than 900 for long: it serves half its life.
    assert json.loads(run(environment, *other).out)["AccessKeyId"] == "ASIASHORT"


def test_what_is_still_good_is_printed_when_sts_is_away(world):
    recorder, environment = world
    recorder.replies = [answers.assumed("ASIAOLD", ends_in(40))]
    run(environment)
    ended = run(environment | {"AWS_ENDPOINT_URL_STS": recorder.url})
    assert json.loads(ended.out)["AccessKeyId"] == "ASIAOLD"


def test_an_error_is_a_sentence_on_stderr_that_sdks_pass_on(world, monkeypatch):
    recorder, environment = world
    command = f"{sys.executable} -m daypass credential-process --profile base --role {ROLE}"
    config = environment["AWS_CONFIG_FILE"]
    with open(config, "w") as file:
        file.write(f"[profile p]\ncredential_process = {command}\n")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    recorder.replies = [answers.refused("AccessDenied", "You may not.")]
    from botocore.exceptions import CredentialRetrievalError

    with pytest.raises(CredentialRetrievalError, match="STS answered AccessDenied: You may not"):
        Session(profile="p").get_credentials().get_frozen_credentials()
    recorder.replies = [answers.assumed(expiration=ends_in(3600))]
    found = Session(profile="p").get_credentials().get_frozen_credentials()
    assert found.access_key == "ASIAFROMSTS"


def test_a_profile_whose_process_is_daypass_for_itself_is_told(world):
    _, environment = world
    command = f"{sys.executable} -m daypass credential-process --profile loop"
    with open(environment["AWS_CONFIG_FILE"], "w") as file:
        file.write(f"[profile loop]\ncredential_process = {command}\n")
    ended = daypass("credential-process", "--profile", "loop", env=environment)
    assert ended.code == 1
    assert "gets its credentials from itself" in ended.err
    assert "loop → loop" in ended.err


def test_without_a_terminal_a_code_is_asked_of_nobody(world):
    _, environment = world
    ended = run(environment, "--mfa-serial", "arn:aws:iam::111122223333:mfa/me")
    assert ended.code == 1
    assert "--mfa-code" in ended.err


def test_no_cache_asks_each_time(world):
    recorder, environment = world
    recorder.replies = [answers.assumed(expiration=ends_in(3600))] * 2
    for _ in range(2):
        run(environment, "--no-cache")
    assert len(recorder.received) == 2
