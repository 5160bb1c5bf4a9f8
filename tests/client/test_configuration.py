"""The same files and variables lead Daypass and botocore to the same credentials and endpoints."""

import tempfile
import textwrap
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.client import (
    ConfigurationError,
    CredentialsUnavailableError,
    UnknownEndpointError,
    read_settings,
)
from daypass.client.config import read_configuration
from daypass.client.partitions import sts_url
from daypass.client.providers.chain import find_source
from tests.client.answers import assumed

KEYS = "aws_access_key_id = {0}\naws_secret_access_key = secret-of-{0}\n"
A, B = KEYS.format("AKIAA"), KEYS.format("AKIAB")
R1, R2 = "arn:aws:iam::111122223333:role/one", "arn:aws:iam::111122223333:role/two"
ENV = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s"}

# name: config, credentials, environment, the profile that is asked for
CASES = {
    "credentials file": ("", f"[default]\n{A}", {}, None),
    "config file": (f"[default]\n{A}", "", {}, None),
    "credentials file before config file": (f"[default]\n{A}", f"[default]\n{B}", {}, None),
    "token of a file": ("", f"[default]\n{A}aws_session_token = t\n", {}, None),
    "environment before files": ("", f"[default]\n{A}", ENV, None),
    "environment with token": ("", "", {**ENV, "AWS_SESSION_TOKEN": "t"}, None),
    "environment before AWS_PROFILE": ("", f"[x]\n{A}", {**ENV, "AWS_PROFILE": "x"}, None),
    "asked profile before environment": ("", f"[x]\n{A}", ENV, "x"),
    "AWS_PROFILE": ("", f"[x]\n{A}[default]\n{B}", {"AWS_PROFILE": "x"}, None),
    "AWS_DEFAULT_PROFILE before AWS_PROFILE": (
        *("", f"[x]\n{A}[y]\n{B}"),
        *({"AWS_PROFILE": "x", "AWS_DEFAULT_PROFILE": "y"}, None),
    ),
    "asked profile before AWS_PROFILE": ("", f"[x]\n{A}[y]\n{B}", {"AWS_PROFILE": "x"}, "y"),
    "quoted name": (f'[profile "my team"]\n{A}', "", {}, "my team"),
    "profile without the word in config": (f"[x]\n{A}[default]\n{B}", "", {}, None),
    "block": (f"[default]\n{A}s3 =\n  addressing_style = path\n", "", {}, None),
    "role by source_profile": (
        *(f"[profile r]\nrole_arn = {R1}\nsource_profile = base\n", f"[base]\n{A}", {}, "r"),
    ),
    "role with everything": (
        f"[profile r]\nrole_arn = {R1}\nsource_profile = base\nexternal_id = x-1\n"
        "role_session_name = me\nduration_seconds = 1800\n",
        *(f"[base]\n{A}", {}, "r"),
    ),
    "duration that is no number": (
        f"[profile r]\nrole_arn = {R1}\nsource_profile = base\nrole_session_name = me\n"
        "duration_seconds = 1h\n",
        *(f"[base]\n{A}", {}, "r"),
    ),
    "chain": (
        f"[profile two]\nrole_arn = {R2}\nsource_profile = one\n"
        f"[profile one]\nrole_arn = {R1}\nsource_profile = base\n",
        *(f"[base]\n{A}", {}, "two"),
    ),
    "keys of a source beat its role": (
        f"[profile two]\nrole_arn = {R2}\nsource_profile = one\n"
        f"[profile one]\nrole_arn = {R1}\nsource_profile = base\n{B}",
        *(f"[base]\n{A}", {}, "two"),
    ),
    "role beats keys of its own profile": (
        f"[profile r]\nrole_arn = {R1}\nsource_profile = base\n{B}",
        *(f"[base]\n{A}", {}, "r"),
    ),
    "source of itself": (f"[profile r]\nrole_arn = {R1}\nsource_profile = r\n{A}", "", {}, "r"),
    "credential_source Environment": (
        *(f"[profile r]\nrole_arn = {R1}\ncredential_source = Environment\n", "", ENV, "r"),
    ),
    "environment before a role of the default profile": (
        f"[default]\nrole_arn = {R1}\nsource_profile = base\n",
        *(f"[base]\n{A}", ENV, None),
    ),
    "web identity of a profile": (
        *(f"[profile w]\nrole_arn = {R1}\nweb_identity_token_file = TOKEN\n", "", {}, "w"),
    ),
    "web identity of the environment": (
        *("", ""),
        {
            "AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN",
            "AWS_ROLE_ARN": R1,
            "AWS_ROLE_SESSION_NAME": "me",
        },
        None,
    ),
    "web identity of the environment without an asked profile alone": (
        *("", f"[x]\n{A}", {"AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN", "AWS_ROLE_ARN": R1}, "x"),
    ),
    "web identity before keys": (
        *("", f"[default]\n{A}"),
        *({"AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN", "AWS_ROLE_ARN": R1}, None),
    ),
    "web identity without its duration": (
        f"[profile w]\nrole_arn = {R1}\nweb_identity_token_file = TOKEN\n"
        "duration_seconds = 1800\nrole_session_name = me\n",
        *("", {}, "w"),
    ),
    "web identity as a source": (
        f"[profile two]\nrole_arn = {R2}\nsource_profile = w\n"
        f"[profile w]\nrole_arn = {R1}\nweb_identity_token_file = TOKEN\n",
        *("", {}, "two"),
    ),
    "process": ("[profile p]\ncredential_process = PROCESS\n", "", {}, "p"),
    "keys of the credentials file before process": (
        *("[profile p]\ncredential_process = PROCESS\n", f"[p]\n{A}", {}, "p"),
    ),
    "process before keys of the config file": (
        *(f"[profile p]\ncredential_process = PROCESS\n{A}", "", {}, "p"),
    ),
    "process as a source": (
        f"[profile r]\nrole_arn = {R1}\nsource_profile = p\n"
        "[profile p]\ncredential_process = PROCESS\n",
        *("", {}, "r"),
    ),
}

REFUSED = {
    "circle": (
        f"[profile a]\nrole_arn = {R1}\nsource_profile = b\n"
        f"[profile b]\nrole_arn = {R2}\nsource_profile = a\n",
        *("", {}, "a"),
    ),
    "circle of one": (f"[profile a]\nrole_arn = {R1}\nsource_profile = a\n", "", {}, "a"),
    "no source": (f"[profile a]\nrole_arn = {R1}\n", "", {}, "a"),
    "process beside a role": (
        *(f"[profile a]\nrole_arn = {R1}\ncredential_process = PROCESS\n", "", {}, "a"),
    ),
    "both sources": (
        f"[profile a]\nrole_arn = {R1}\nsource_profile = b\ncredential_source = Environment\n",
        *(f"[b]\n{A}", ENV, "a"),
    ),
    "source that is missing": (
        *(f"[profile a]\nrole_arn = {R1}\nsource_profile = b\n", "", {}, "a"),
    ),
    "source without credentials": (
        f"[profile a]\nrole_arn = {R1}\nsource_profile = b\n[profile b]\nregion = eu-west-1\n",
        *("", {}, "a"),
    ),
    "unknown credential_source": (
        *(f"[profile a]\nrole_arn = {R1}\ncredential_source = environment\n", "", ENV, "a"),
    ),
    "half a key": ("", "[a]\naws_access_key_id = AKIAA\n", {}, "a"),
    "missing profile": ("", f"[default]\n{A}", {}, "nobody"),
    "missing AWS_PROFILE": ("", f"[default]\n{A}", {**ENV, "AWS_PROFILE": "nobody"}, None),
    "web identity without a role": (*("", "", {"AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN"}, None),),
    "sso-session that differs": (
        "[profile a]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\nsso_region = x-1\n"
        "[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://e\n",
        *("", {}, "a"),
    ),
    "sso without a role": (
        "[profile a]\nsso_account_id = 1\nsso_start_url = https://e\nsso_region = eu-west-1\n",
        *("", {}, "a"),
    ),
    "no section": ("aws_access_key_id = AKIAA\n", "", {}, None),
    "not KEY = VALUE": ("[default]\nvery-secret-line\n", "", {}, None),
    "twice": (f"[default]\n{A}[default]\n{B}", "", {}, None),
}


class World:
    """The files and variables of a case."""

    def __init__(self, directory, monkeypatch, case):
        config, credentials, environ, self.profile = case
        (directory / "token").write_text("h.e30.s")
        script = directory / "print"
        document = (
            '{"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "s", '
            '"SessionToken": "t"}'
        )
        script.write_text(f"#!/bin/sh\necho '{document}'\n")
        script.chmod(0o700)
        replaced = {"TOKEN": str(directory / "token"), "PROCESS": str(script)}
        for word, path in replaced.items():
            config = config.replace(f"= {word}\n", f"= {path}\n")
        (directory / "config").write_text(config)
        (directory / "credentials").write_text(credentials)
        for name, value in environ.items():
            monkeypatch.setenv(name, replaced.get(value, value))


@pytest.fixture
def world(places, monkeypatch, recorder):
    def made(case):
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", recorder.url)
        return World(places, monkeypatch, case)

    return made


def seen(recorder):
    """What STS was asked, with whose key."""
    found = []
    for request in recorder.received:
        members = dict(parse_qsl(request.body.decode()))
        if members.get("RoleSessionName", "").startswith("botocore-session-"):
            members["RoleSessionName"] = "daypass"  # the name where none is configured
        authorization = request.header("authorization") or ""
        key = authorization.partition("Credential=")[2].partition("/")[0]
        found.append((key, members))
    recorder.received.clear()
    return found


def replies(recorder, case):
    first = "AssumeRoleWithWebIdentity" if "TOKEN" in str(case) else "AssumeRole"
    recorder.replies = [assumed("ASIA1", operation=first), assumed("ASIA2")]


@pytest.mark.parametrize("name", CASES)
def test_credentials_are_botocores(world, recorder, name):
    made = world(CASES[name])
    replies(recorder, CASES[name])
    theirs = Session(profile=made.profile).get_credentials()
    frozen = theirs.get_frozen_credentials()
    asked = seen(recorder)
    replies(recorder, CASES[name])
    source = find_source(read_settings(made.profile))
    ours = source.provider.credentials()
    assert (ours.access_key_id, ours.secret_access_key, ours.session_token) == frozen[:3]
    assert source.method == theirs.method
    assert seen(recorder) == asked


@pytest.mark.parametrize("name", REFUSED)
def test_what_botocore_refuses_is_refused_with_a_reason(world, name):
    made = world(REFUSED[name])
    with pytest.raises(BotoCoreError):
        Session(profile=made.profile).get_credentials().get_frozen_credentials()
    with pytest.raises(ConfigurationError) as caught:
        find_source(read_settings(made.profile)).provider.credentials()
    assert caught.value.why
    assert "very-secret" not in str(caught.value)


def test_a_key_without_its_id_does_not_fall_through_as_in_botocore(world):
    made = world(("", f"[default]\n{A}", {"AWS_SECRET_ACCESS_KEY": "s"}, None))
    assert Session(profile=made.profile).get_credentials().access_key == "AKIAA"
    with pytest.raises(CredentialsUnavailableError, match="incomplete"):
        find_source(read_settings()).provider.credentials()


def test_a_stale_security_token_does_not_break_good_credentials_as_in_botocore(world):
    world(("", "", {**ENV, "AWS_SESSION_TOKEN": "new", "AWS_SECURITY_TOKEN": "stale"}, None))
    assert Session().get_credentials().token == "stale"
    assert find_source(read_settings()).provider.credentials().session_token == "new"


# -- endpoints ------------------------------------------------------------------------------------

SERVICES = """\
    [profile p]
    region = eu-central-1
    services = local
    endpoint_url = http://by-profile
    [profile q]
    endpoint_url = http://by-profile-of-q
    role_arn = arn:aws:iam::111122223333:role/one
    source_profile = p
    [profile off]
    ignore_configured_endpoint_urls = true
    services = local
    [services local]
    sts =
        endpoint_url = http://by-services
    s3 =
        endpoint_url = http://s3-by-services
    """
ENDPOINTS = {
    "nothing": ("default", {}),
    "services": ("p", {}),
    "profile": ("q", {}),
    "global variable": ("p", {"AWS_ENDPOINT_URL": "http://by-variable"}),
    "variable of the service": (
        *("p", {"AWS_ENDPOINT_URL": "http://no", "AWS_ENDPOINT_URL_STS": "http://sts-by-variable"}),
    ),
    "variable of another": ("q", {"AWS_ENDPOINT_URL_S3": "http://no"}),
    "ignored by variable": (
        *("p", {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": "http://no"}),
    ),
    "ignored by profile": ("off", {"AWS_ENDPOINT_URL": "http://no"}),
    "not ignored after all": ("off", {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}),
    "empty variable": ("p", {"AWS_ENDPOINT_URL": ""}),
}


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("service", ["sts", "s3"])
def test_endpoints_are_botocores(places, monkeypatch, name, service):
    profile, environ = ENDPOINTS[name]
    (places / "config").write_text(textwrap.dedent(SERVICES) + f"[default]\n{A}[profile p2]\n{A}")
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    client = Session(profile=profile).create_client(
        service, region_name="eu-west-1", aws_access_key_id="A", aws_secret_access_key="s"
    )
    ours = read_settings(profile, "eu-west-1")
    found = ours.configured_endpoint(service)
    if service == "sts":
        found = ours.place().url
    if found is None:
        assert client.meta.endpoint_url.endswith(".amazonaws.com")
    else:
        assert found == client.meta.endpoint_url


def test_a_services_section_that_is_missing_is_named(places):
    (places / "config").write_text("[profile p]\nservices = nowhere\n")
    with pytest.raises(ConfigurationError, match="nowhere"):
        read_settings("p", "eu-west-1").place()


@pytest.mark.parametrize(
    "region",
    [
        *("us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"),
        *("us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1"),
    ],
)
@pytest.mark.parametrize(("fips", "dual_stack"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_where_sts_is_botocore_knows_too(region, fips, dual_stack):
    loader = Loader()
    rules = loader.load_service_model("sts", "endpoint-rule-set-1")
    provider = EndpointProvider(rules, loader.load_data("partitions"))
    wanted = {"UseFIPS": bool(fips), "UseDualStack": bool(dual_stack), "UseGlobalEndpoint": False}
    url = provider.resolve_endpoint(Region=region, **wanted).url
    assert sts_url(region, fips=bool(fips), dual_stack=bool(dual_stack)) == url


@pytest.mark.parametrize("region", ["", "eu-west-1/x", "evil.example/", "eu_west_1"])
def test_what_is_no_region_does_not_become_a_host(region):
    with pytest.raises(UnknownEndpointError):
        sts_url(region)


def test_the_sdks_name_of_the_partition_is_its_home_region(places):
    assert read_settings(None, "aws-global").place()[:2] == (
        *("https://sts.us-east-1.amazonaws.com", "us-east-1"),
    )


# -- the files ------------------------------------------------------------------------------------

LINES = st.lists(
    st.sampled_from(
        [
            *(
                "[default]",
                "[profile a]",
                '[profile "b c"]',
                "[a]",
                "[sso-session s]",
                "[services v]",
            ),
            *("[profile]", "[profile a b]", '[profile "x]', "[ profile a ]", "[DEFAULT]", "["),
            *("region = eu-west-1", "Region=x", "role_arn: arn", "s3 =", "  key = 1", "  broken"),
            *(
                "# comment",
                "; comment",
                "",
                "   ",
                "a = b # c",
                "a = b ; c",
                "  ",
                "= x",
                "%(x)s = 1",
            ),
        ]
    ),
    max_size=12,
)


@given(LINES, LINES)
@settings(max_examples=150)
def test_any_two_files_are_read_as_botocore_reads_them(config, credentials):
    with tempfile.TemporaryDirectory() as place:
        paths = {}
        for name, lines in (("config", config), ("credentials", credentials)):
            paths[name] = Path(place) / name
            paths[name].write_text("\n".join(lines))
        sdk = Session()
        sdk.set_config_variable("config_file", str(paths["config"]))
        sdk.set_config_variable("credentials_file", str(paths["credentials"]))
        environ = {
            "AWS_CONFIG_FILE": str(paths["config"]),
            "AWS_SHARED_CREDENTIALS_FILE": str(paths["credentials"]),
        }
        try:
            expected = sdk.full_config
        except BotoCoreError:
            with pytest.raises(ConfigurationError):
                read_configuration(environ)
            return
        found = read_configuration(environ)
        assert found.profiles == expected["profiles"]
        assert found.sso_sessions == expected.get("sso_sessions", {})
        assert found.services == expected.get("services", {})
