"""A function that lists a bucket with no SDK: AWS Signature Version 4 from hashlib and hmac.

The credentials are those of the execution role, from the environment. They are temporary, so the
session token goes along as a header, and is signed like the others.
"""

import hashlib
import hmac
import http.client
import os
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

REGION = os.environ["AWS_REGION"]
ENDPOINT = os.environ.get("AWS_ENDPOINT_URL", f"https://s3.{REGION}.amazonaws.com")
S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed_headers(method, host, path, query, body=b""):
    """The headers that authenticate this request to S3."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    day = moment[:8]
    headers = {
        "host": host,
        "x-amz-content-sha256": sha256(body),
        "x-amz-date": moment,
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
    }
    names = ";".join(sorted(headers))
    canonical_request = "\n".join(
        [
            method,
            quote(path),
            "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(query.items())),
            *(f"{name}:{headers[name]}" for name in sorted(headers)),
            "",
            names,
            headers["x-amz-content-sha256"],
        ]
    )
    scope = f"{day}/{REGION}/s3/aws4_request"
    string_to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", moment, scope, sha256(canonical_request.encode())]
    )
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = mac(key, part)
    signature = mac(key, string_to_sign).hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return headers


def handler(_event, _context):
    endpoint = urlsplit(ENDPOINT)
    path, query = f"/{os.environ['BUCKET']}", {"list-type": "2"}
    secure = endpoint.scheme == "https"
    connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = connect(endpoint.netloc, timeout=10)
    connection.request(
        "GET",
        f"{path}?list-type=2",
        headers=signed_headers("GET", endpoint.netloc, path, query),
    )
    answer = connection.getresponse()
    document = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"S3 answered {answer.status}: {document.decode()}")
    listing = ElementTree.fromstring(document)
    return {"keys": [key.text for key in listing.iter(f"{S3}Key")]}
