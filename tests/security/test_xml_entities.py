"""Attack: XML bodies that declare entities, reach for files, or nest without end (attacks 78)."""

import time
from pathlib import Path

import pytest

from daypass.protocol import Request, ServiceError, load_model

S3 = load_model("s3")
DELETE = "<Delete><Object><Key>{}</Key></Object></Delete>"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def decode(body: bytes) -> dict[str, object]:
    request = Request("POST", "/bucket", "delete", {})
    return S3.decode("DeleteObjects", request, "/bucket", body)


def refused(body: bytes) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        decode(body)
    assert (caught.value.code, caught.value.status) == ("MalformedXML", 400)
    return caught.value


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE Delete>",
        '<!DOCTYPE Delete [<!ENTITY a "b">]>',
        f'<!DOCTYPE Delete [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE Delete [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Delete SYSTEM "http://127.0.0.1:1/evil.dtd">',
        '<!DOCTYPE Delete [<!ENTITY % a SYSTEM "http://127.0.0.1:1/"> %a;]>',
        '<!DOCTYPE Delete [<!ATTLIST Key xmlns CDATA "urn:x">]>',
    ],
)
@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0"?>', "<!-- x -->\n"])
def test_a_doctype_is_refused_whatever_it_holds(doctype: str, declaration: str) -> None:
    for key in ("a", "&a;", "&l9;"):
        refused(f"{declaration}{doctype}{DELETE.format(key)}".encode())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"])
@pytest.mark.parametrize("declared", ["", '<?xml version="1.0" encoding="{}"?>'])
def test_another_encoding_hides_no_doctype(encoding: str, declared: str) -> None:
    document = f'<!DOCTYPE Delete [<!ENTITY a "b">]>{DELETE.format("&a;")}'
    refused((declared.format(encoding) + document).encode(encoding))


def test_a_declared_encoding_is_not_believed() -> None:
    body = f'<?xml version="1.0" encoding="utf-7"?>{DELETE.format("+ADw-b+AD4-")}'
    assert decode(body.encode())["Delete"] == {"Objects": [{"Key": "+ADw-b+AD4-"}]}


@pytest.mark.parametrize("key", ["&a;", "&#0;", "&#x1F;", "\x01", "&#xD800;", "\ufffe", "\x00"])
def test_characters_and_entities_that_xml_does_not_have(key: str) -> None:
    refused(DELETE.format(key).encode("utf-8", "surrogatepass"))


def test_files_are_not_included(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    xinclude = (
        f'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="{secret}" parse="text"/>'
    )
    assert "secret" not in str(refused(DELETE.format(xinclude).encode()).message).replace(
        str(secret), ""
    )


def test_processing_instructions_do_nothing() -> None:
    body = '<?xml-stylesheet href="file:///etc/passwd"?>' + DELETE.format("a<?b c?>d")
    assert decode(body.encode())["Delete"] == {"Objects": [{"Key": "ad"}]}


def test_a_comment_does_not_cut_a_key_short() -> None:
    body = DELETE.format("admin<!-- -->.old")
    assert decode(body.encode())["Delete"] == {"Objects": [{"Key": "admin.old"}]}


@pytest.mark.parametrize("depth", [300, 100_000])
def test_depth_is_bounded(depth: int) -> None:
    refused(("<Delete>" * depth + "</Delete>" * depth).encode())


def test_a_million_elements_and_attributes_are_refused_in_reason() -> None:
    started = time.process_time()
    refused(b"<Delete>" + b"<x/>" * 250_000 + b"</Delete>")
    for attribute in (b'a%d="1"', b"a%d = '>'", b'a%d\n=\n""', b'xmlns:a%d="u"'):
        refused(b"<Delete " + b" ".join(attribute % n for n in range(50_000)) + b"/>")
    refused(b'<Delete a="' + b"x" * 11_000_000 + b'"/>')
    # Generous: what is guarded against is time that grows with the square of the size.
    assert time.process_time() - started < 10


def test_attributes_cannot_stand_for_members() -> None:
    refused(b'<Delete><Object Key="a"/></Delete>')
    found = decode(b'<Delete><Object Key="b"><Key xml:space="preserve">a</Key></Object></Delete>')
    assert found["Delete"] == {"Objects": [{"Key": "a"}]}
