"""Twenty-one awkward requests over a real socket, each judged by a strict reader of the bytes.

No other signer that was tried gets all of them right: botocore, awscrt, requests-aws4auth,
aws-requests-auth, httpx_auth, aws-sdk-signers, awscurl and curl each fail at one or more.
"""

import http.client
import io
import json
from hashlib import sha256

import pytest

from daypass.sigv4 import UNSIGNED_PAYLOAD, Credentials, HttpRequest, sign
from tests.sigv4.reference import strict_signature
from tests.sigv4.wire import listening

KEYS = Credentials(
    "ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "tok/+=" * 50
)
JSON = json.dumps({"a": ["é", 1]}).encode()

MATRIX = {
    "plain GET, host has port": ("lambda", "GET", "/", (), b""),
    "encoded '=' in query": ("lambda", "GET", "/?a=b%3D%3D", (), b""),
    "raw '=' in query value": ("lambda", "GET", "/?a=b==", (), b""),
    "repeated and empty parameters": ("lambda", "GET", "/?b=2&a=&b=1&b=", (), b""),
    "bare key": ("s3", "GET", "/bucket?acl", (), b""),
    "':' '/' '*' raw in query": ("lambda", "GET", "/?t=12:30&p=a/b&w=*", (), b""),
    "%20 in query": ("lambda", "GET", "/?q=a%20b", (), b""),
    "path a%20b": ("lambda", "GET", "/a%20b/c", (), b""),
    "path with ':' and '*'": ("lambda", "GET", "/a:b/*", (), b""),
    "path %2F": ("lambda", "GET", "/a%2Fb", (), b""),
    "path '///x'": ("lambda", "GET", "///x", (), b""),
    "UTF-8 path": ("lambda", "GET", "/%C3%A9", (), b""),
    "S3 key '//' kept": ("s3", "GET", "/bucket/a//b", (), b""),
    "S3 key '=' raw": ("s3", "GET", "/bucket/dt=2024-01-01/x", (), b""),
    "S3 key '+' raw": ("s3", "GET", "/bucket/a+b", (), b""),
    "S3 key %20": ("s3", "GET", "/bucket/a%20b", (), b""),
    "header runs of spaces": ("lambda", "GET", "/", (("X-Note", "  two   words "),), b""),
    "unbalanced quote in header": ("lambda", "GET", "/", (("X-Note", 'a  "b   c'),), b""),
    "POST json": ("lambda", "POST", "/", (("Content-Type", "application/json"),), JSON),
    "POST iterator body": ("s3", "PUT", "/bucket/k", (), iter([b"one", b"two"])),
    "POST file object": ("lambda", "POST", "/", (), io.BytesIO(JSON * 1000)),
}


def what_is_signed(body: object) -> bytes | str:
    """A file is hashed in one pass and sent in a second; an iterator cannot be, and is not."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, io.BytesIO):
        digest = sha256(body.read()).hexdigest()
        body.seek(0)
        return digest
    return UNSIGNED_PAYLOAD


@pytest.mark.parametrize("case", MATRIX)
def test_strict_service_accepts(case):
    service, method, target, headers, body = MATRIX[case]
    with listening() as listener:
        request = HttpRequest(method, listener.url + target, headers, what_is_signed(body))
        signed = sign(request, KEYS, service=service, region="eu-central-1")
        connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=10)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in signed:
            connection.putheader(name, value)
        chunked = not isinstance(body, bytes)
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        elif body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None, encode_chunked=chunked)
        connection.getresponse().read()
        connection.close()
    (received,) = listener.received
    computed, given = strict_signature(
        received, secret=KEYS.secret_access_key, service=service, region="eu-central-1"
    )
    assert computed == given


def test_matrix_is_whole():
    assert len(MATRIX) == 21
