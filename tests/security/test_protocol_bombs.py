"""Attack: small requests that would cost much (attack 105): depth, counts, numbers, patterns."""

import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from daypass.protocol import Request, ServiceError, load_model

STS, IAM, LAMBDA, S3 = (load_model(name) for name in ("sts", "iam", "lambda", "s3"))
PATH = "/2015-03-31/functions/one/configuration"


@pytest.fixture(autouse=True)
def _in_reason() -> Iterator[None]:
    """Generous: what is guarded against takes minutes, or never ends."""
    started = time.process_time()
    yield
    assert time.process_time() - started < 20


def refused_json(body: bytes) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        LAMBDA.decode("UpdateFunctionConfiguration", Request("PUT", PATH, "", {}), PATH, body)
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)
    return caught.value


def refused_form(form: str) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        STS.decode("AssumeRole", Request("POST", "/", "", {}), "/", form.encode())
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}"), ('[{"a":[', "]}]")])
@pytest.mark.parametrize("depth", [65, 1_000, 100_000])
def test_json_depth(pair: tuple[str, str], depth: int) -> None:
    opening, closing = pair
    refused_json((f'{{"Unknown":{opening * depth}1{closing * depth}}}').encode())
    refused_json((f'{{"Unknown":{opening * depth}').encode())


def test_brackets_in_strings_are_not_depth() -> None:
    body = b'{"Description":"' + b'[{\\"' * 60 + b'"}'
    found = LAMBDA.decode("UpdateFunctionConfiguration", Request("PUT", PATH, "", {}), PATH, body)
    assert found["Description"] == '[{"' * 60


def test_json_numbers_without_end() -> None:
    refused_json(b'{"Timeout":' + b"9" * 1_000_000 + b"}")
    refused_json(b'{"Timeout":1e999}')
    refused_json(b'{"Timeout":1' + b"0" * 4000 + b"}")


def test_form_parameters_without_end() -> None:
    refused_form("&".join(f"a{n}=" for n in range(5000)))
    refused_form("&" * 1_000_000)
    refused_form("Tags" + ".member.1" * 100_000 + "=a")
    refused_form("&".join(f"Tags.member.{n}.Key=a" for n in range(4000)))


def test_names_are_not_sent_back_at_length() -> None:
    name = "a" * 500_000
    for form in (f"Action={name}&Version={name}", f"{name}=1&{name}=2&Action=x", f"Tags.{name}=1"):
        request = Request("POST", "/", "", {})
        with pytest.raises(ServiceError) as caught:
            STS.route(request, "/", form.encode())
        assert len(caught.value.message) < 2000
    body = f"<Delete><{name}/></Delete>".encode()
    with pytest.raises(ServiceError) as caught:
        S3.decode("DeleteObjects", Request("POST", "/b", "delete", {}), "/b", body)
    assert len(caught.value.message) < 2000


def test_list_numbers_without_end() -> None:
    for number in ("9" * 100_000, "4294967297", "-1", "1e9", "%D9%A1"):
        refused_form(f"Tags.member.{number}.Key=a&Tags.member.{number}.Value=b")


def test_integers_without_end() -> None:
    refused_form("DurationSeconds=" + "9" * 900_000)


def test_patterns_see_no_more_than_the_longest_value() -> None:
    for value in ("a." * 400_000, "a-" * 400_000, "/a" * 400_000, "a" * 800_000):
        form = f"UserName={value}&Path=/{value}/".encode()
        with pytest.raises(ServiceError) as caught:
            IAM.decode("CreateUser", Request("POST", "/", "", {}), "/", form)
        assert caught.value.code == "ValidationError"
        # The value is not sent back.
        assert len(caught.value.message) < 2000


def test_patterns_do_not_backtrack_without_end() -> None:
    for value in ("a" * 5_000, "a." * 2_500, "a-" * 2_500, "arn:aws:lambda:" * 300, "1" * 5_000):
        for member in ("Role", "KMSKeyArn", "Handler"):
            body = f'{{"{member}":"{value}"}}'.encode()
            request = Request("PUT", PATH, "", {})
            with suppress(ServiceError):
                LAMBDA.decode("UpdateFunctionConfiguration", request, PATH, body)
