"""How fast requests are signed and verified, beside botocore and awscrt.

One process, interleaved rounds, the minimum of many: compare ratios, not microseconds. The bound
is the bare hashing of the same request: two SHA-256 and one HMAC from copied key states.

    python benchmarks/sigv4.py
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO

from daypass.sigv4 import Credentials, Dialect, HttpRequest, parse, sign, verify
from daypass.sigv4.keys import MacKey

ROUNDS, CALLS = 60, 200
NOW = 1_440_938_160.0
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE" * 30 + "=="
KEYS = Credentials("ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", TOKEN)
URL_HOST = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws"
BODY = b'{"message": "' + b"x" * 1008 + b'"}'
POST = HttpRequest(
    "POST",
    f"https://{URL_HOST}/orders/new",
    (
        ("Content-Type", "application/json"),
        ("Accept", "*/*"),
        ("User-Agent", "benchmark/1"),
        ("X-Custom", "one"),
        ("X-Request-Id", "0123456789abcdef"),
    ),
    BODY,
)
GET = HttpRequest("GET", "https://bucket.s3.eu-central-1.amazonaws.com/folder/object-0001", ())


def signer(request: HttpRequest, service: str) -> Callable[[], object]:
    return lambda: sign(request, KEYS, service=service, region="eu-central-1", now=NOW)


def botocore_signer(request: HttpRequest, service: str) -> Callable[[], object]:
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as BotocoreCredentials

    keys = BotocoreCredentials(KEYS.access_key_id, KEYS.secret_access_key, TOKEN)
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    auth = kind(keys, service, "eu-central-1")
    headers = dict(request.headers)

    def run() -> None:
        auth.add_auth(AWSRequest(request.method, request.url, headers, request.body))

    return run


def awscrt_signer(request: HttpRequest, service: str) -> Callable[[], object]:
    from urllib.parse import urlsplit

    from awscrt.auth import (
        AwsCredentialsProvider,
        AwsSignedBodyHeaderType,
        AwsSigningConfig,
        aws_sign_request,
    )
    from awscrt.http import HttpHeaders
    from awscrt.http import HttpRequest as CrtRequest

    provider = AwsCredentialsProvider.new_static(KEYS.access_key_id, KEYS.secret_access_key, TOKEN)
    url = urlsplit(request.url)
    date = datetime.fromtimestamp(NOW, UTC)
    s3 = service == "s3"

    def run() -> None:
        headers = HttpHeaders([("Host", url.netloc), *request.headers])
        config = AwsSigningConfig(
            service=service,
            region="eu-central-1",
            credentials_provider=provider,
            date=date,
            use_double_uri_encode=not s3,
            should_normalize_uri_path=not s3,
            signed_body_header_type=AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256
            if s3
            else AwsSignedBodyHeaderType.NONE,
        )
        message = CrtRequest(request.method, url.path, headers, BytesIO(request.body or b""))
        aws_sign_request(message, config).result()

    return run


def verifier(request: HttpRequest, service: str) -> Callable[[], object]:
    headers = {
        name.lower(): value
        for name, value in sign(request, KEYS, service=service, region="eu-central-1", now=NOW)
    }
    path = "/" + request.url.split("/", 3)[3]
    dialect = Dialect.S3 if service == "s3" else Dialect.JSON
    nothing: frozenset[str] = frozenset()

    def run() -> None:
        presented = parse(request.method, path, "", headers, nothing, dialect=dialect)
        assert presented is not None
        body = None if service == "s3" else sha256(BODY).hexdigest()
        verify(
            presented,
            lambda _: KEYS.secret_access_key,
            service=service,
            region="eu-central-1",
            now=NOW,
            body_sha256=body,
        )

    return run


def bound(request: HttpRequest) -> Callable[[], object]:
    canonical = b"x" * (len(TOKEN) + 500)
    text = b"x" * 140
    body = request.body or b""
    key = MacKey(b"k" * 32)

    def run() -> None:
        if body:
            sha256(body).hexdigest()
        sha256(canonical).hexdigest()
        key.sign(text)

    return run


def measure(named: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Microseconds a call, the minimum over rounds in which all take their turn."""
    best = dict.fromkeys(named, float("inf"))
    for _ in range(ROUNDS):
        for name, call in named.items():
            start = time.perf_counter()
            for _ in range(CALLS):
                call()
            best[name] = min(best[name], (time.perf_counter() - start) / CALLS)
    return {name: seconds * 1e6 for name, seconds in best.items()}


def main() -> None:
    for title, request, service in (
        ("Function URL POST, 1 KB", POST, "lambda"),
        ("S3 GET", GET, "s3"),
    ):
        figures = measure(
            {
                "bound": bound(request),
                "daypass sign": signer(request, service),
                "daypass verify": verifier(request, service),
                "awscrt sign": awscrt_signer(request, service),
                "botocore sign": botocore_signer(request, service),
            }
        )
        print(f"{title}:")
        for name, figure in figures.items():
            print(f"  {name:16} {figure:7.1f} µs   {figure / figures['bound']:5.1f} x the bound")
        ours = figures["daypass sign"]
        print(
            f"  signing is {figures['botocore sign'] / ours:.1f} x faster than botocore, "
            f"{figures['awscrt sign'] / ours:.1f} x faster than awscrt"
        )


if __name__ == "__main__":
    main()
