"""Profiles with roles: what Daypass's own keys ask of STS, and MFA once for all of them."""

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from daypass.client import ConfigurationError, MfaCodeNeededError, find_source, read_settings
from daypass.client.mfa import MfaCodes
from tests.client import answers

BASE = "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n"
ROLE = "arn:aws:iam::111122223333:role/reader"
SERIAL = "arn:aws:iam::111122223333:mfa/me"


@pytest.fixture
def settings(places, recorder):
    def made(config, credentials=BASE, profile="r", codes=("123456",)):
        (places / "config").write_text(config)
        (places / "credentials").write_text(credentials)
        left = list(codes)
        mfa = MfaCodes(ask=lambda _serial: left.pop(0) if left else None)
        return replace(read_settings(profile, "eu-west-1", recorder.url), mfa=mfa)

    return made


def get(settings):
    return find_source(settings).provider.credentials()


def asked(recorder):
    """What STS was asked, each with the key it was signed with."""
    found = []
    for one in recorder.received:
        members = dict(parse_qsl(one.body.decode()))
        del members["Version"]
        authorization = one.header("authorization") or ""
        found.append((authorization.partition("Credential=")[2].partition("/")[0], members))
    return found


def role(*keys, name="r", source="base"):
    lines = "\n".join(keys)
    return f"[profile {name}]\nrole_arn = {ROLE}\nsource_profile = {source}\n{lines}\n"


# -- Daypass's own keys ---------------------------------------------------------------------------


def test_tags_source_identity_and_session_policies_come_from_the_profile(
    settings, recorder, places
):
    policy = '{"Version": "2012-10-17", "Statement": []}'
    (places / "policy.json").write_text(policy)
    recorder.replies = [answers.assumed()]
    get(
        settings(
            role(
                "session_tags = Project = alpha, Team=blue",
                "transitive_session_tags = Project",
                "source_identity = alice",
                f"session_policy = @{places}/policy.json",
                "session_policy_arns = arn:aws:iam::aws:policy/A, arn:aws:iam::aws:policy/B",
            )
        )
    )
    [(_, members)] = asked(recorder)
    assert members == {
        "Action": "AssumeRole",
        "RoleArn": ROLE,
        "RoleSessionName": "daypass",
        "Policy": policy,
        "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/A",
        "PolicyArns.member.2.arn": "arn:aws:iam::aws:policy/B",
        "Tags.member.1.Key": "Project",
        "Tags.member.1.Value": "alpha",
        "Tags.member.2.Key": "Team",
        "Tags.member.2.Value": "blue",
        "TransitiveTagKeys.member.1": "Project",
        "SourceIdentity": "alice",
    }


def test_tags_may_stand_below_one_another(settings, recorder):
    recorder.replies = [answers.assumed()]
    get(settings(role("session_tags =", "  A, B = 1", "  C = x=y")))
    [(_, members)] = asked(recorder)
    assert members["Tags.member.1.Key"] == "A, B"
    assert members["Tags.member.2.Value"] == "x=y"


@pytest.mark.parametrize(
    "key", ["session_tags = Project", "session_tags = =x", "session_policy = @/no/such/file"]
)
def test_what_cannot_be_read_is_not_left_out(settings, recorder, key):
    with pytest.raises(ConfigurationError, match=key.split(" ", maxsplit=1)[0]):
        get(settings(role(key)))
    assert not recorder.received


def test_a_saml_assertion_comes_from_a_file(settings, recorder, places):
    provider = "arn:aws:iam::111122223333:saml-provider/idp"
    (places / "assertion").write_text("PHNhbWw+\n")
    recorder.replies = [answers.assumed(operation="AssumeRoleWithSAML")]
    config = (
        f"[profile r]\nrole_arn = {ROLE}\nsaml_provider_arn = {provider}\n"
        f"saml_assertion_file = {places}/assertion\nduration_seconds = 900\n"
    )
    get(settings(config))
    assert asked(recorder) == [
        (
            "",
            {
                "Action": "AssumeRoleWithSAML",
                "RoleArn": ROLE,
                "PrincipalArn": provider,
                "SAMLAssertion": "PHNhbWw+",
                "DurationSeconds": "900",
            },
        )
    ]


# -- MFA ------------------------------------------------------------------------------------------


def test_one_code_serves_for_all_roles(settings, recorder):
    config = role(f"mfa_serial = {SERIAL}") + role(
        f"mfa_serial = {SERIAL}", "role_session_name = x", name="other"
    )
    found = settings(config)
    other = replace(found, profile="other")
    recorder.replies = [answers.session_token(), answers.assumed("ASIA1"), answers.assumed("ASIA2")]
    assert [get(found).access_key_id, get(other).access_key_id] == ["ASIA1", "ASIA2"]
    code = {"SerialNumber": SERIAL, "TokenCode": "123456"}
    first, second, third = asked(recorder)
    assert first == ("AKIABASE", {"Action": "GetSessionToken", **code})
    assert [second[0], third[0]] == ["ASIAFROMMFA"] * 2
    assert not {"SerialNumber", "TokenCode"} & (set(second[1]) | set(third[1]))


def test_a_role_may_take_a_code_of_its_own(settings, recorder):
    recorder.replies = [answers.assumed()]
    get(settings(role(f"mfa_serial = {SERIAL}", "mfa_session = false")))
    [(key, members)] = asked(recorder)
    assert (key, members["Action"], members["TokenCode"]) == ("AKIABASE", "AssumeRole", "123456")


def test_temporary_keys_cannot_ask_for_a_session_and_send_the_code_themselves(settings, recorder):
    recorder.replies = [answers.assumed()]
    get(settings(role(f"mfa_serial = {SERIAL}"), BASE + "aws_session_token = t\n"))
    [(_, members)] = asked(recorder)
    assert (members["Action"], members["SerialNumber"]) == ("AssumeRole", SERIAL)


def test_the_code_is_asked_for_after_all_else_that_may_fail(settings, recorder):
    codes = []
    found = settings(role(f"mfa_serial = {SERIAL}", "session_tags = broken"))
    found = replace(found, mfa=MfaCodes(ask=codes.append))
    with pytest.raises(ConfigurationError):
        get(found)
    assert not codes


def test_nobody_to_ask_is_an_error_that_says_so(settings, recorder):
    with pytest.raises(MfaCodeNeededError, match="mfa_process"):
        get(settings(role(f"mfa_serial = {SERIAL}"), codes=()))
    assert not recorder.received


def test_a_chain_takes_the_endpoint_and_region_of_the_profile_that_is_used(settings, recorder):
    # The source profile's own do not count: botocore has it so, too (test_configuration).
    config = (
        role("region = eu-central-1", f"endpoint_url = {recorder.url}")
        + "[profile base]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:1\n"
    )
    found = replace(settings(config), region=None, endpoint_url=None)
    recorder.replies = [answers.assumed()]
    get(found)
    scope = recorder.last.header("authorization").partition("Credential=")[2]
    assert "/eu-central-1/sts/aws4_request" in scope
