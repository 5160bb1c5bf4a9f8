"""A request's service is found from its host, its path, and the scope it was signed for."""

from types import SimpleNamespace
from typing import Any

import pytest

from daypass.gateway.locate import Services, locate
from daypass.protocol.message import Request

NAMES = ("sts", "iam", "lambda", "logs", "s3", "daypass")
SERVICES: Any = Services(
    {name: SimpleNamespace(name=name) for name in NAMES}, SimpleNamespace(name="urls")
)
ID = "abcdefghijklmnopqrstuvwxyz012345"


def signed_for(service: str) -> dict[str, str]:
    return {
        "authorization": "AWS4-HMAC-SHA256 "
        f"Credential=AKIAIOSFODNN7EXAMPLE/20261124/us-east-1/{service}/aws4_request, "
        "SignedHeaders=host, Signature=00"
    }


def target(
    host: str, path: str = "/", query: str = "", method: str = "GET", **headers: str
) -> tuple[str, str]:
    found = locate(SERVICES, Request(method, path, query, {"host": host, **headers}))
    return found.service.name, found.path


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("sts.amazonaws.com", "/", ("sts", "/")),
        ("sts.eu-west-1.amazonaws.com:8443", "/", ("sts", "/")),
        ("iam.amazonaws.com", "/", ("iam", "/")),
        ("logs.eu-west-1.amazonaws.com", "/", ("logs", "/")),
        (
            "lambda.us-east-1.amazonaws.com",
            "/2015-03-31/functions",
            ("lambda", "/2015-03-31/functions"),
        ),
        ("s3.us-east-1.amazonaws.com", "/bucket/key", ("s3", "/bucket/key")),
        ("s3.amazonaws.com", "/bucket/key", ("s3", "/bucket/key")),
        ("bucket.s3.us-east-1.amazonaws.com", "/a//b", ("s3", "/bucket/a//b")),
        ("bucket.s3.amazonaws.com", "/", ("s3", "/bucket/")),
        ("bucket.s3-us-west-2.amazonaws.com", "/k", ("s3", "/bucket/k")),
        ("my.s3.bucket.s3.us-east-1.amazonaws.com", "/k", ("s3", "/my.s3.bucket/k")),
        ("sts.s3.us-east-1.amazonaws.com", "/k", ("s3", "/sts/k")),
        ("bucket.s3.dualstack.eu-west-1.amazonaws.com", "/k", ("s3", "/bucket/k")),
        ("lambda.us-east-1.api.aws", "/2015-03-31/functions", ("lambda", "/2015-03-31/functions")),
        (f"{ID}.lambda-url.us-east-1.on.aws", "/x/%2F", ("urls", f"/{ID}/x/%2F")),
        (f"{ID}.lambda-url.us-east-1.localhost:9311", "/", ("urls", f"/{ID}/")),
        ("127.0.0.1:9311", f"/_urls/{ID}/a/b", ("urls", f"/{ID}/a/b")),
        ("localhost:9311", "/_daypass/health", ("daypass", "/_daypass/health")),
    ],
)
def test_the_host_and_the_path_name_the_service(
    host: str, path: str, expected: tuple[str, str]
) -> None:
    assert target(host, path) == expected


@pytest.mark.parametrize("service", NAMES)
def test_on_a_bare_host_the_scope_chooses(service: str) -> None:
    assert target("127.0.0.1:9311", **signed_for(service)) == (service, "/")


def test_a_presigned_query_chooses_too() -> None:
    credential = "AKIAIOSFODNN7EXAMPLE%2F20261124%2Fus-east-1%2Fsts%2Faws4_request"
    assert target("localhost", "/", f"X-Amz-Credential={credential}&a=b")[0] == "sts"


def test_a_host_that_names_a_service_is_not_overruled_by_the_scope() -> None:
    assert target("sts.amazonaws.com", **signed_for("s3"))[0] == "sts"


def test_a_bucket_under_localhost_is_the_host_label() -> None:
    assert target("bucket.localhost:9311", "/key", **signed_for("s3")) == ("s3", "/bucket/key")
    assert target("bucket.s3.localhost", "/key") == ("s3", "/bucket/key")


@pytest.mark.parametrize("path", ["/_daypass/health", f"/_urls/{ID}/"])
def test_a_bucket_host_owns_its_whole_key_space(path: str) -> None:
    assert target("bucket.s3.amazonaws.com", path) == ("s3", f"/bucket{path}")
    assert target("bucket.localhost", path) == ("s3", f"/bucket{path}")


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "service"),
    [
        ("POST", "/", "", {"content-type": "application/x-www-form-urlencoded"}, "sts"),
        ("GET", "/", "Action=ListUsers&Version=2010-05-08", {}, "iam"),
        ("GET", "/2015-03-31/functions/", "", {}, "lambda"),
        ("GET", "/bucket/key", "", {}, "s3"),
        ("GET", "/", "", {}, "s3"),
    ],
)
def test_an_unsigned_request_is_refused_in_the_words_of_the_likeliest_service(
    method: str, path: str, query: str, headers: dict[str, str], service: str
) -> None:
    assert target("127.0.0.1", path, query, method, **headers)[0] == service
