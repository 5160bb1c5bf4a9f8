"""XML that is made to hurt its reader, in responses and in metadata."""

import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.saml import Federation, encoded
from tests.security.saml_world import is_refused

LAUGHS = "".join(
    f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' if number else '<!ENTITY l0 "ha">'
    for number in range(10)
)
DECLARATIONS = {
    "a file": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "a URL": '<!DOCTYPE r [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>',
    "a parameter": '<!DOCTYPE r [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>',
    "laughs": f"<!DOCTYPE r [{LAUGHS}]>",
    "a DTD": '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">',
    "a default": '<!DOCTYPE r [<!ATTLIST r x CDATA "y">]>',
}


@pytest.mark.parametrize("what", DECLARATIONS)
def test_declarations_in_a_response_are_refused_unread(federation: Federation, what: str):
    response = federation.response()
    for attacked in (
        DECLARATIONS[what] + response,
        f'<?xml version="1.0"?>{DECLARATIONS[what]}{response.replace("alice", "&x;")}',
        DECLARATIONS[what] + response.replace("alice", "&l9;"),
    ):
        assert "DOCTYPE" in is_refused(federation, attacked)


@pytest.mark.parametrize("what", DECLARATIONS)
def test_declarations_in_metadata_are_refused_unread(federation: Federation, what: str):
    iam = federation.node.client("iam")
    document = DECLARATIONS[what] + federation.idp.metadata()
    with pytest.raises(ClientError, match="a DOCTYPE is not allowed") as refusal:
        iam.create_saml_provider(Name="Evil", SAMLMetadataDocument=document)
    assert refusal.value.response["Error"]["Code"] == "InvalidInput"


HOSTILE = {
    "nested": "<a>" * 12_000,
    "nested and closed": "<a>" * 5000 + "</a>" * 5000,
    "attributes": "<a " + " ".join(f'a{number}=""' for number in range(8000)) + "/>",
    "a long attribute": f'<a a="{"x" * 60_000}"/>',
    "namespaces": "<a " + " ".join(f'xmlns:a{number}="u"' for number in range(4000)) + "/>",
    "nothing": "",
    "zeros": "\x00" * 100,
    "half an element": "<samlp:Response",
    "a control character": "<a>\x01</a>",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_xml_is_refused_at_once(federation: Federation, what: str):
    hostile = HOSTILE[what]
    response = federation.response()
    end = response.rindex("</")
    within = f"{response[:end]}{hostile}{response[end:]}"
    for attacked in (hostile, within):
        if 4 <= len(encoded(attacked)) <= 100_000 and attacked != response:
            code, message = federation.refused(attacked)
            assert code in {"InvalidIdentityToken", "IDPRejectedClaim"}, message


@pytest.mark.parametrize("coding", ["utf-16", "utf-32", "utf-7", "latin-1", "cp037"])
def test_no_other_encoding_hides_a_declaration(federation: Federation, coding: str):
    text = f'<?xml version="1.0" encoding="{coding}"?>{DECLARATIONS["a file"]}'
    document = (text + federation.response().replace("alice", "älice")).encode(coding)
    given = base64.b64encode(document).decode()
    assert federation.refused("", SAMLAssertion=given)[0] == "InvalidIdentityToken"


def test_an_encoding_that_lies_changes_nothing(federation: Federation):
    # What is hashed, what is read and what was sent are all UTF-8, whatever the declaration says.
    response = federation.response(subject="älice")
    declared = f'<?xml version="1.0" encoding="ISO-8859-1"?>{response}'
    assert federation.assume(declared)["Subject"] == "älice"


def test_a_response_of_more_than_the_model_allows_is_refused_unread(federation: Federation):
    code, message = federation.refused("", SAMLAssertion="A" * 100_001)
    assert code == "ValidationError"
    assert "sAMLAssertion" in message
    assert "AAAA" not in message


def test_hostile_xml_in_metadata_is_refused_at_once(federation: Federation):
    iam = federation.node.client("iam")
    document = federation.idp.metadata()
    end = document.rindex("</")
    for hostile in (*HOSTILE.values(), "<a>" * 300_000):
        for attacked in (hostile.ljust(1000), f"{document[:end]}{hostile}{document[end:]}"):
            if hostile and "\x00" not in attacked:
                _refused_or_taken(iam, attacked)


def _refused_or_taken(iam: Any, document: str) -> None:
    """What is well-formed beside the keys is nobody's business."""
    status = 200
    try:
        made = iam.create_saml_provider(Name="Evil", SAMLMetadataDocument=document)
        iam.delete_saml_provider(SAMLProviderArn=made["SAMLProviderArn"])
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status in {200, 400}
