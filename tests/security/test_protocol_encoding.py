"""Attack: paths, queries and values whose encoding means two things, or ends a line (97, 99)."""

from typing import Any

import pytest
from lxml import etree

from daypass.protocol import Request, ServiceError, load_model

S3, STS, LAMBDA = load_model("s3"), load_model("sts"), load_model("lambda")


def refused(path: str, query: str = "") -> ServiceError:
    request = Request("GET", path, query, {})
    with pytest.raises(ServiceError) as caught:
        S3.decode(S3.route(request, path, b""), request, path, b"")
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    "key",
    [
        "%zz",
        "%",
        "%4",
        "a%00b",
        "%ff",
        "%c0%af",
        "%ed%a0%80",
        "%f8%88%80%80%80",
        "\u00e9",
        "%u0041",
    ],
)
def test_keys_that_are_not_percent_encoded_utf_8(key: str) -> None:
    assert refused(f"/bucket/{key}").code == "InvalidURI"
    assert refused(f"/{key}/x").code == "InvalidURI"
    assert refused("/bucket/x", f"versionId={key}").code == "InvalidURI"
    assert refused("/bucket/x", f"{key}=1").code == "InvalidURI"


def test_an_encoded_slash_makes_no_new_bucket() -> None:
    request = Request("GET", "/bucket%2Fkey", "", {})
    assert S3.route(request, request.path, b"") == "ListObjects"
    found = S3.decode("ListObjects", request, request.path, b"")
    assert found == {"Bucket": "bucket/key"}


@pytest.mark.parametrize("path", ["/b/..%2f..%2fetc", "/b/%2e%2e/x", "/b/../../x", "/b/..\\x"])
def test_dots_are_letters_like_others(path: str) -> None:
    request = Request("GET", path, "", {})
    assert S3.route(request, path, b"") == "GetObject"
    found = S3.decode("GetObject", request, path, b"")
    assert found["Bucket"] == "b"
    assert ".." in found["Key"]


def test_nothing_is_decoded_twice() -> None:
    request = Request("GET", "/b/%252e%2525", "versionId=%2520", {})
    found = S3.decode("GetObject", request, request.path, b"")
    assert (found["Key"], found["VersionId"]) == ("%2e%25", "%20")


@pytest.mark.parametrize("form", [b"Action=%zz", b"Action=%ff", b"\xff=1", b"a%00=1"])
def test_forms_that_are_not_utf_8(form: bytes) -> None:
    with pytest.raises(ServiceError) as caught:
        STS.route(Request("POST", "/", "", {}), "/", form)
    assert (caught.value.code, caught.value.status) == ("MalformedInput", 400)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x00", "\x85", "\u2028"])
@pytest.mark.parametrize(
    "output",
    [
        {"ContentType": "text/plain{}set-cookie: a=b"},
        {"Metadata": {"name": "value{}set-cookie: a=b"}},
        {"CacheControl": "{}"},
    ],
)
def test_no_value_ends_its_header(end: str, output: dict[str, Any]) -> None:
    filled = {
        name: value.format(end)
        if isinstance(value, str)
        else {key: text.format(end) for key, text in value.items()}
        for name, value in output.items()
    }
    response = S3.encode("GetObject", {**filled, "Body": b""}, "id")
    for name, value in response.headers:
        assert (name + value).isascii()
        assert (name + value).isprintable()


def test_no_name_ends_its_header() -> None:
    response = S3.encode("GetObject", {"Metadata": {"a\r\nset-cookie: b": "c"}, "Body": b""}, "id")
    assert all(name.isprintable() and ":" not in name for name, _ in response.headers)


@pytest.mark.parametrize("value", ["a\r\nb", "a\x00b", "a\nb", "\x7f"])
def test_overrides_of_response_headers_are_one_line(value: str) -> None:
    escaped = "".join(f"%{byte:02X}" for byte in value.encode())
    error = refused("/b/k", f"response-content-disposition={escaped}")
    assert error.code in ("InvalidArgument", "InvalidURI")


def test_text_that_xml_cannot_carry_leaves_a_well_formed_document() -> None:
    hostile = "".join(map(chr, range(0x20))) + "\ud800\ufffe\uffff]]>&<>\"'\x7f\x85\u2028"
    response = S3.encode(
        "ListObjectsV2", {"Contents": [{"Key": hostile}], "Name": hostile, "Prefix": "\r\n"}, "id"
    )
    root = etree.fromstring(bytes(response.body))
    names = {"s": "http://s3.amazonaws.com/doc/2006-03-01/"}
    key = root.findtext("s:Contents/s:Key", namespaces=names)
    assert len(key) == len(hostile)
    assert key.endswith("]]>&<>\"'\x7f\x85\u2028")
    assert key[9:14] == "\t\n\ufffd\ufffd\r"
    assert root.findtext("s:Prefix", namespaces=names) == "\r\n"


@pytest.mark.parametrize("model", [S3, STS, LAMBDA])
def test_errors_carry_hostile_text_without_breaking(model: Any) -> None:
    error = ServiceError("Bad\r\nCode", "<a>\x00\ud800&\"'\r\n", fields={"Key": "]]>\x01"})
    response = model.encode_error(error, Request("GET", "/", "", {}), "id")
    assert all((name + value).isprintable() for name, value in response.headers)
    bytes(response.body).decode()
