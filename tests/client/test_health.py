"""What `daypass doctor` finds."""

import json
import time
from email.utils import formatdate

import pytest

from daypass.cli import main
from daypass.cli.doctor import examine
from daypass.cli.identity import Identity
from daypass.cli.options import Connection
from tests.client import answers
from tests.client.wire import Reply

KEYS = "[{0}]\naws_access_key_id = AKIA{1}\naws_secret_access_key = very-secret\n"
ENV = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "very-secret"}


@pytest.fixture
def found(places, monkeypatch, recorder):
    """The findings that are no more than ok, by state, for files and variables."""

    def made(config="", credentials="", environ=None, profile=None, date=0.0, online=False):
        for name, text in (("config", config), ("credentials", credentials)):
            (places / name).write_text(text)
            (places / name).chmod(0o600)
        for name, value in {"AWS_REGION": "eu-west-1", **(environ or {})}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", recorder.url)
        there = formatdate(time.time() + date, usegmt=True)
        recorder.replies = [
            Reply(403, b"", {"date": there}),
            answers.caller("arn:aws:iam::111122223333:user/alice"),
        ]
        all_of_them = list(examine(Identity(Connection(profile, None, None)), offline=not online))
        assert "very-secret" not in str(all_of_them)
        return {(one.state.value, one.about, one.what) for one in all_of_them}

    return made


def has(findings, state, *parts):
    return any(one[0] == state and all(part in one[2] for part in parts) for one in findings)


def test_a_good_configuration_is_found_good(found):
    findings = found(credentials=KEYS.format("default", 1), online=True)
    assert not has(findings, "problem")
    assert has(findings, "ok", "the keys of the profile default")
    assert has(findings, "ok", "This clock is right")
    assert has(findings, "ok", "arn:aws:iam::111122223333:user/alice")
    assert has(findings, "note", "long-term keys")


@pytest.mark.parametrize(
    ("date", "state"), [(0, "ok"), (120, "note"), (-120, "note"), (3600, "problem")]
)
def test_the_clock_is_compared_with_the_endpoints(found, date, state):
    findings = found(credentials=KEYS.format("default", 1), date=date, online=True)
    assert {one[0] for one in findings if one[1] == "clock"} == {state}


def test_an_endpoint_that_does_not_answer_is_a_problem(found, monkeypatch):
    findings = found(
        credentials=KEYS.format("default", 1), environ={"AWS_REGION": "eu-west-1"}, online=False
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    findings = {
        (one.state.value, one.about, one.what)
        for one in examine(Identity(Connection(None, None, None)), offline=False)
    }
    assert has(findings, "problem", "http://127.0.0.1:1 does not answer")


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (
            {"environ": {**ENV, "AWS_PROFILE": "x"}, "credentials": KEYS.format("x", 1)},
            "The profile x is named, but the keys in the environment win",
        ),
        (
            {"environ": ENV, "profile": "x", "credentials": KEYS.format("x", 1)},
            "The keys in the environment do not count",
        ),
        (
            {"environ": ENV, "credentials": KEYS.format("default", 1)},
            "The profile default does not count",
        ),
        (
            {"environ": {**ENV, "AWS_SESSION_TOKEN": "a", "AWS_SECURITY_TOKEN": "b"}},
            "AWS_SESSION_TOKEN and AWS_SECURITY_TOKEN differ",
        ),
        (
            {
                "environ": {"AWS_PROFILE": "x", "AWS_DEFAULT_PROFILE": "y"},
                "credentials": KEYS.format("x", 1) + KEYS.format("y", 2),
            },
            "AWS_DEFAULT_PROFILE and AWS_PROFILE differ",
        ),
        (
            {"environ": {**ENV, "AWS_DEFAULT_REGION": "us-east-1"}},
            "AWS_REGION and AWS_DEFAULT_REGION differ",
        ),
        (
            {
                "environ": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/x"},
                "credentials": KEYS.format("default", 1),
            },
            "The container's endpoint does not count",
        ),
        (
            {"environ": {**ENV, "AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}},
            "AWS_WEB_IDENTITY_TOKEN_FILE does not count",
        ),
        (
            {
                "config": "[profile r]\nrole_arn = arn:r\nsource_profile = r\n"
                "duration_seconds = 1h\naws_access_key_id = A\naws_secret_access_key = s\n"
            },
            "duration_seconds, '1h', is no number",
        ),
    ],
)
def test_what_does_not_count_is_noted(found, case, said):
    assert has(found(**case), "note", said)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"config": "[default]\nbroken\n"}, "Line 2"),
        ({"config": "[profile a]\nrole_arn = arn:r\n"}, "without source_profile"),
        ({"environ": {**ENV, "AWS_CREDENTIAL_EXPIRATION": "2001-01-01T00:00:00Z"}}, "is past"),
        ({"environ": {"AWS_PROFILE": "nobody"}}, "There is no profile nobody"),
        ({"config": "[profile s]\nservices = x\n", "profile": "s", "online": True}, "[services x]"),
    ],
)
def test_what_does_not_work_is_a_problem(found, case, said):
    assert has(found(**case), "problem", said)


def test_files_that_others_can_read_or_write_are_a_problem(found, places):
    found(credentials=KEYS.format("default", 1))
    (places / "credentials").chmod(0o644)
    (places / "config").chmod(0o666)
    findings = list(examine(Identity(Connection(None, None, None)), offline=True))
    remedies = {one.remedy for one in findings if one.state == "problem"}
    assert remedies == {f"chmod 600 {places}/credentials", f"chmod go-w {places}/config"}


def test_nobody_is_asked_for_a_code(found, recorder):
    config = (
        "[profile r]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = b\n"
        "mfa_serial = arn:mfa\n"
    )
    findings = found(config, KEYS.format("b", 1), profile="r", online=True)
    assert has(findings, "note", "A code of an MFA device is needed")


def test_a_cache_that_cannot_be_used_is_a_problem(found, places):
    found()
    (places / "cache" / "sessions").chmod(0o777)
    findings = list(examine(Identity(Connection(None, None, None)), offline=True))
    assert [one.about for one in findings if one.state == "problem"] == ["cache"]


def test_the_command_ends_with_1_and_says_all_as_json(found, capsys):
    found(config="[profile a]\nrole_arn = arn:r\n")
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--offline", "--output", "json"])
    printed = json.loads(capsys.readouterr().out)
    assert (ended.value.code, printed["Healthy"]) == (1, False)
    [one] = [one for one in printed["Findings"] if one["State"] == "problem"]
    assert one["Check"] == "profile a"
    assert one["Do"]


def test_people_read_a_list_with_what_to_do(found, capsys):
    found(credentials=KEYS.format("default", 1), environ={"AWS_DEFAULT_REGION": "us-east-1"})
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--offline"])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert "note" in out
    assert "do Set both to the same." in out
