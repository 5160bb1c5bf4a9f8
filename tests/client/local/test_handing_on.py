"""What the environment of a program says when it is served credentials."""

import pytest

from daypass.client.local.handing_on import Kind, Served, served_environment

URL = "http://127.0.0.1:1234"
CONTAINER = Served(
    Kind.CONTAINER, URL, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{URL}/credentials"}
)
IMDS = Served(Kind.IMDS, URL, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": URL})


@pytest.fixture
def config(tmp_path):
    return tmp_path / "config"


def environment(served, config, **variables):
    empty = config.parent / "empty"
    return served_environment({"AWS_CONFIG_FILE": str(config), **variables}, served, empty)


def test_whatever_goes_before_an_endpoint_is_taken_away(config):
    disturbing = {
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/wins",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://other",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "other",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/wins",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6",
    }
    made = environment(IMDS, config, **disturbing)
    assert not set(disturbing) & set(made)
    assert made["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == URL
    made = environment(CONTAINER, config, **disturbing)
    assert made["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == f"{URL}/credentials"
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in made


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", True),
        ("[default]\nregion = eu-west-1\ns3 =\n  addressing_style = path\n", True),
        ("[profile other]\nrole_arn = arn:x\n", True),
        ("[default]\nrole_arn = arn:x\n", False),
        ("[default]\nsso_account_id = 1\n", False),
        ("[default]\ncredential_process = x\n", False),
        ("[profile default]\naws_access_key_id = x\n", False),
        ("no section = broken\n", False),
    ],
)
def test_a_config_file_is_kept_unless_its_default_profile_has_credentials(config, text, kept):
    config.write_text(text)
    made = environment(CONTAINER, config)
    assert (made["AWS_CONFIG_FILE"] == str(config)) is kept
    assert made["AWS_SHARED_CREDENTIALS_FILE"] == str(config.parent / "empty")


def test_a_proxy_is_not_asked_for_this_machine(config):
    made = environment(IMDS, config, https_proxy="http://p", HTTP_PROXY="http://p", NO_PROXY="a")
    assert (made["NO_PROXY"], made["no_proxy"]) == ("a,127.0.0.1", "127.0.0.1")
    assert "NO_PROXY" not in environment(IMDS, config)
