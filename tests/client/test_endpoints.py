"""What a URL is signed for."""

import json
from pathlib import Path

import pytest

from daypass.client import UnknownEndpointError, infer, resolve

# Endpoint prefix -> signing name of every service in botocore 1.44.8's models.
SIGNING_NAMES = json.loads((Path(__file__).parent / "signing_names.json").read_text())
URL_ID = "abcdefghijklmnopqrstuvwxyz012345"


@pytest.mark.parametrize(
    ("pattern", "region"),
    [
        ("https://{}.eu-west-1.amazonaws.com/", "eu-west-1"),
        ("https://{}.us-gov-west-1.amazonaws.com/", "us-gov-west-1"),
        ("https://{}.cn-north-1.amazonaws.com.cn/", "cn-north-1"),
        ("https://{}.eusc-de-east-1.amazonaws.eu/", "eusc-de-east-1"),
        ("https://{}.eu-west-1.api.aws/", "eu-west-1"),
        ("https://{}-fips.us-east-2.amazonaws.com/", "us-east-2"),
        ("https://vpce-0123-abc.{}.eu-west-1.vpce.amazonaws.com/", "eu-west-1"),
    ],
)
def test_every_service_of_the_sdk_is_signed_by_its_signing_name(pattern, region):
    for prefix, name in SIGNING_NAMES.items():
        found = infer(pattern.format(prefix))
        assert (found.service, found.region) == (name, region), prefix


@pytest.mark.parametrize(
    ("url", "service", "region"),
    [
        (f"https://{URL_ID}.lambda-url.eu-west-1.on.aws/a?b", "lambda", "eu-west-1"),
        (f"http://{URL_ID}.lambda-url.eu-west-1.localhost:9311/", "lambda", "eu-west-1"),
        (f"http://127.0.0.1:9311/_urls/{URL_ID}/a", "lambda", None),
        (f"http://127.0.0.1:9311/_urls/{URL_ID}", "lambda", None),
        ("http://photos.localhost:9311/key", "s3", None),
        ("https://s3.amazonaws.com/photos/key", "s3", "us-east-1"),
        ("https://photos.s3.amazonaws.com/key", "s3", "us-east-1"),
        ("https://photos.s3.eu-west-1.amazonaws.com/key", "s3", "eu-west-1"),
        ("https://my.dotted.name.s3.eu-west-1.amazonaws.com/key", "s3", "eu-west-1"),
        ("https://photos.s3.dualstack.eu-west-1.amazonaws.com/key", "s3", "eu-west-1"),
        ("https://photos.s3-eu-west-1.amazonaws.com/key", "s3", "eu-west-1"),
        ("https://s3-fips.us-gov-west-1.amazonaws.com/", "s3", "us-gov-west-1"),
        ("https://ap-111122223333.s3-accesspoint.eu-west-1.amazonaws.com/k", "s3", "eu-west-1"),
        (
            "https://111122223333.s3-control.eu-west-1.amazonaws.com/v20180820/jobs",
            "s3",
            "eu-west-1",
        ),
        (
            "https://b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/",
            "s3express",
            "us-east-1",
        ),
        ("https://iam.amazonaws.com/", "iam", "us-east-1"),
        ("https://sts.amazonaws.com/", "sts", "us-east-1"),
        ("https://sts.eu-west-1.amazonaws.com/", "sts", "eu-west-1"),
        ("https://route53.amazonaws.com/", "route53", "us-east-1"),
        ("https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod", "execute-api", "eu-west-1"),
        ("https://search-logs-abc.eu-west-1.es.amazonaws.com/_search", "es", "eu-west-1"),
        ("https://abc.eu-west-1.aoss.amazonaws.com/", "aoss", "eu-west-1"),
        ("https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws/api", "aps", "eu-west-1"),
        ("https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/e", "sagemaker", "eu-west-1"),
        ("https://abc.appsync-api.eu-west-1.amazonaws.com/graphql", "appsync", "eu-west-1"),
        ("https://db.cluster-x.eu-west-1.neptune.amazonaws.com:8182/", "neptune-db", "eu-west-1"),
        ("https://rds.eu-west-1.amazonaws.com/", "rds", "eu-west-1"),
        ("https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/invoke", "bedrock", "eu-west-1"),
    ],
)
def test_well_known_hosts(url, service, region):
    found = infer(url)
    assert (found.service, found.region) == (service, region)
    assert found.because


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9311/bucket/key",
        "http://localhost:9311/",
        "https://example.com/",
        "https://s3.eu-west-1.amazonaws.com.example.com/",
        "https://xamazonaws.com/",
        "https://notiam.iam.amazonaws.com/",
        "http://127.0.0.1/_urls/short/",
        "https://a.lambda-url.nowhere.on.aws/",
    ],
)
def test_an_unknown_host_is_never_guessed(url):
    assert infer(url).service is None
    with pytest.raises(UnknownEndpointError, match=r"Auth\(service="):
        resolve(url, environ={"AWS_REGION": "eu-west-1"})


def test_what_is_asked_for_wins_over_the_host():
    scope = resolve("https://sts.eu-west-1.amazonaws.com/", "s3", "us-west-2")
    assert (scope.service, scope.region) == ("s3", "us-west-2")


def test_the_host_wins_over_the_environment_for_the_region():
    scope = resolve("https://sts.eu-west-1.amazonaws.com/", environ={"AWS_REGION": "us-west-2"})
    assert scope.region == "eu-west-1"
    assert scope.because == "service and region from the host name sts.eu-west-1.amazonaws.com"


def test_the_region_comes_from_the_environment_then_the_profile():
    url = f"http://127.0.0.1:9311/_urls/{URL_ID}/"
    both = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}
    assert resolve(url, environ=both).region == "eu-west-1"
    assert resolve(url, environ={"AWS_DEFAULT_REGION": "eu-west-2"}).region == "eu-west-2"
    assert resolve(url, configured_region=lambda: "eu-west-3", environ={}).region == "eu-west-3"


def test_no_region_anywhere_is_an_error_that_says_what_to_pass():
    with pytest.raises(UnknownEndpointError, match=r"Auth\(region="):
        resolve(f"http://127.0.0.1:9311/_urls/{URL_ID}/", environ={})
