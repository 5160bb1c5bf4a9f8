"""Responses put together by hand, for attacks on SAML."""

import copy
from typing import Any

from lxml import etree

from tests.saml import Federation, encoded, part

ASSERTION = "./saml:Assertion"


def parsed(response: str) -> Any:
    return etree.fromstring(response.encode())


def text(root: Any) -> str:
    return etree.tostring(root).decode()


def evil_twin(root: Any) -> Any:
    """A copy of the assertion that names somebody else and is not signed."""
    twin = copy.deepcopy(part(root, ASSERTION))
    twin.set("ID", "_evil")
    twin.remove(part(twin, "./ds:Signature"))
    part(twin, "./saml:Subject/saml:NameID").text = "_mallory"
    for value in twin.iterfind(".//{*}AttributeValue"):
        if "@" in value.text:
            value.text = "mallory@example.com"
    return twin


def is_refused(federation: Federation, response: str) -> str:
    """The message with which a response is refused as one that proves nothing."""
    code, message = federation.refused(response)
    assert code == "InvalidIdentityToken"
    assert encoded(response) not in message
    assert "mallory" not in message
    return message
