"""Signatures that AWS and others published, reproduced and verified."""

import calendar
import struct
import time
from hashlib import sha256
from urllib.parse import urlsplit

import pytest

from daypass.protocol.message import combine_headers
from daypass.sigv4 import (
    EMPTY_SHA256,
    UNSIGNED_PAYLOAD,
    Credentials,
    Dialect,
    HttpRequest,
    PayloadMode,
    Refusal,
    body_verifier,
    canonical_request,
    parse,
    presign,
    sign,
    sign_stream,
    signature,
    signing_key,
    string_to_sign,
    verify,
)
from daypass.sigv4.chain import ChunkChain, trailer_block
from daypass.sigv4.keys import MacKey
from daypass.sigv4.v4a import signing_key_v4a

PLUS = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SLASH = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
S3_KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", SLASH)


def seconds(stamp: str) -> float:
    return float(calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ")))


@pytest.mark.parametrize(
    ("date", "key"),
    [
        ("20120215", "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"),
        ("20150830", "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"),
        ("20110909", "98f1d889fec4f4421adc522bab0ce1f82e6929c262ed15e5a94c90efd1e3b0e7"),
    ],
)
def test_signing_key(date, key):
    assert signing_key(PLUS, date, "us-east-1", "iam").hex() == key


STEPS = {
    "iam-list-users-get": (
        ("GET", "/", "Action=ListUsers&Version=2010-05-08"),
        {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "host": "iam.amazonaws.com",
            "x-amz-date": "20150830T123600Z",
        },
        b"",
        (PLUS, "iam"),
        "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59",
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    ),
    "iam-list-users-post": (
        ("POST", "/", ""),
        {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "host": "iam.amazonaws.com",
            "x-amz-date": "20110909T233600Z",
        },
        b"Action=ListUsers&Version=2010-05-08",
        (PLUS, "iam"),
        "3511de7e95d28ecd39e9513b642aee07e54f4941150d8df8bf94b328ef7e55e2",
        "ced6826de92d2bdeed8f846f0bf508e8559e98e4b0199114b84c54174deb456c",
    ),
    "glacier-create-vault": (
        ("PUT", "/-/vaults/examplevault", ""),
        {
            "host": "glacier.us-east-1.amazonaws.com",
            "x-amz-date": "20120525T002453Z",
            "x-amz-glacier-version": "2012-06-01",
        },
        b"",
        (SLASH, "glacier"),
        "5f1da1a2d0feb614dd03d71e87928b8e449ac87614479332aced3a701f916743",
        "3ce5b2f2fffac9262b4da9256f8d086b4aaf42eba5f111c21681a65a127b7c2a",
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_public_steps(name):
    (method, path, query), headers, body, (secret, service), creq, published = STEPS[name]
    digest = sha256(body).hexdigest()
    canonical = canonical_request(method, path, query, headers, sorted(headers), digest)
    assert sha256(canonical.encode()).hexdigest() == creq
    stamp = headers["x-amz-date"]
    text = string_to_sign(canonical, stamp, f"{stamp[:8]}/us-east-1/{service}/aws4_request")
    assert signature(signing_key(secret, stamp[:8], "us-east-1", service), text) == published


S3_REQUESTS = {
    "get-object-range": (
        HttpRequest(
            "GET", "https://examplebucket.s3.amazonaws.com/test.txt", [("Range", "bytes=0-9")]
        ),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "put-object": (
        HttpRequest(
            "PUT",
            "https://examplebucket.s3.amazonaws.com/test$file.text",
            [
                ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            b"Welcome to Amazon S3.",
        ),
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "get-lifecycle": (
        HttpRequest("GET", "https://examplebucket.s3.amazonaws.com/?lifecycle"),
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "list-objects": (
        HttpRequest("GET", "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J"),
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}


@pytest.mark.parametrize("name", S3_REQUESTS)
def test_s3_request(name):
    request, published = S3_REQUESTS[name]
    headers = sign(
        request, S3_KEYS, service="s3", region="us-east-1", now=seconds("20130524T000000Z")
    )
    assert dict(headers)["Authorization"].endswith(published)
    url = urlsplit(request.url)
    presented = parse(
        request.method, url.path, url.query, *combine_headers(headers), dialect=Dialect.S3
    )
    verify(
        presented,
        lambda _: SLASH,
        service="s3",
        region="us-east-1",
        now=seconds("20130524T001000Z"),
    )


def test_s3_presigned_url():
    url = presign(
        HttpRequest("GET", "https://examplebucket.s3.amazonaws.com/test.txt"),
        S3_KEYS,
        service="s3",
        region="us-east-1",
        expires=86400,
        now=seconds("20130524T000000Z"),
    )
    published = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    assert url.endswith(published)


def test_request_of_the_javascript_sdk_that_rustfs_recorded():
    headers = {
        "amz-sdk-invocation-id": "8c875471-a10a-45ad-b37e-e67e82de17d6",
        "amz-sdk-request": "attempt=1; max=3",
        "content-length": "130",
        "content-type": "application/x-www-form-urlencoded",
        "x-amz-content-sha256": "8e333076fe36da6633c89f2e38100cecb8e7587a1e0d6ce31838b6f68262b949",
        "x-amz-user-agent": "aws-sdk-js/3.777.0 ua/2.1 os/macOS#10.15.7 lang/js "
        "md/browser#Chrome_135.0.0.0 api/sts#3.777.0 m/N,E,e",
    }
    signed = sign(
        HttpRequest("POST", "https://play.rustfs.com:7000/", list(headers.items())),
        Credentials("AKID", "rustfsadmin"),
        service="sts",
        region="cn-east-1",
        now=seconds("20250414T022518Z"),
    )
    published = "7ed3ea6c69ed841068bbdd3cc1eb92a9ae5a4b1b0635267066bd676f6edc0189"
    assert dict(signed)["Authorization"].endswith(published)


def test_request_of_minio_java_that_s3s_recorded():
    """It leaves the values of a repeated name in their order, where AWS's rule sorts them."""
    query = (
        "prefix=prefix&suffix=suffix"
        "&events=s3%3AObjectCreated%3A%2A&events=s3%3AObjectAccessed%3A%2A"
    )
    headers = {
        "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==",
        "host": "localhost:8014",
        "x-amz-content-sha256": EMPTY_SHA256,
        "x-amz-date": "20230204T155111Z",
    }
    by_aws = canonical_request(
        "GET", "/minio-java-test-1gqr1v4", query, headers, sorted(headers), EMPTY_SHA256, s3=True
    )
    line = "events=s3%3AObjectAccessed%3A%2A&events=s3%3AObjectCreated%3A%2A&prefix"
    assert f"\n{line}" in by_aws
    as_sent = by_aws.replace(
        line, "events=s3%3AObjectCreated%3A%2A&events=s3%3AObjectAccessed%3A%2A&prefix"
    )
    scope = "20230204/us-east-1/s3/aws4_request"
    key = signing_key("minioadmin", "20230204", "us-east-1", "s3")
    made = signature(key, string_to_sign(as_sent, headers["x-amz-date"], scope))
    assert made == "96ad058ca27352e0fc2bd4efd8973792077570667bdaf749655f42e204bc649c"


CHUNKED = HttpRequest(
    "PUT",
    "https://s3.amazonaws.com/examplebucket/chunkObject.txt",
    [("x-amz-storage-class", "REDUCED_REDUNDANCY")],
)
SIGNED_CHUNKS = (
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
TRAILER_CHUNKS = (
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
)
TRAILER = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"


def example_chain(seed: str) -> ChunkChain:
    key = MacKey(
        signing_key(SLASH, "20130524", "us-east-1", "s3"), "20130524/us-east-1/s3/aws4_request"
    )
    return ChunkChain(key, "20130524T000000Z", seed)


@pytest.mark.parametrize("published", [SIGNED_CHUNKS, TRAILER_CHUNKS])
def test_chunk_signatures(published):
    chain = example_chain(published[0])
    for size, expected in zip((65536, 1024, 0), published[1:], strict=True):
        assert chain.sign_chunk(sha256(b"a" * size).hexdigest()) == expected


def test_trailer_signatures():
    chain = example_chain(TRAILER_CHUNKS[3])
    block = trailer_block({"x-amz-checksum-crc32c": "sOO8/Q=="})
    assert chain.sign_trailer(sha256(block).hexdigest()) == TRAILER

    chain = example_chain(SIGNED_CHUNKS[3])
    block = trailer_block({"second": "2nd", "first": "1st", "third": "3rd"})
    digest = sha256(block).hexdigest()
    assert digest.startswith("83d8f190")
    assert chain.sign_trailer(digest) == (
        "df5735bd9f3295cd9386572292562fefc93ba94e80a0a1ddcbd652c4e0a75e6c"
    )


def test_seed_of_the_chunked_example():
    """The example signs Content-Length too, which lets the whole request be checked."""
    request = HttpRequest(
        CHUNKED.method, CHUNKED.url, [*CHUNKED.headers, ("Content-Length", "66824")]
    )
    stream = sign_stream(
        request,
        S3_KEYS,
        region="us-east-1",
        decoded_length=66560,
        now=seconds("20130524T000000Z"),
    )
    assert dict(stream.headers)["Authorization"].endswith(SIGNED_CHUNKS[0])
    assert stream.content_length == 66824
    body = b"".join(stream.encode([b"a" * 66560]))
    assert body == b"".join(
        b"%x;chunk-signature=%b\r\n%b\r\n" % (size, name.encode(), b"a" * size)
        for size, name in zip((65536, 1024, 0), SIGNED_CHUNKS[1:], strict=True)
    )


def test_trailer_example_is_signed_and_read_as_published():
    stream = sign_stream(
        CHUNKED,
        S3_KEYS,
        region="us-east-1",
        decoded_length=66560,
        mode=PayloadMode.SIGNED_CHUNKS_TRAILER,
        trailers={"x-amz-checksum-crc32c": 8},
        now=seconds("20130524T000000Z"),
    )
    assert dict(stream.headers)["Authorization"].endswith(TRAILER_CHUNKS[0])
    wire = b"".join(stream.encode([b"a" * 66560], lambda: {"x-amz-checksum-crc32c": "sOO8/Q=="}))
    assert len(wire) == stream.content_length
    assert wire.endswith(
        b"0;chunk-signature=%b\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n"
        b"x-amz-trailer-signature:%b\r\n\r\n" % (TRAILER_CHUNKS[3].encode(), TRAILER.encode())
    )
    headers, repeated = combine_headers(stream.headers)
    presented = parse(
        "PUT", "/examplebucket/chunkObject.txt", "", headers, repeated, dialect=Dialect.S3
    )
    verified = verify(
        presented,
        lambda _: SLASH,
        service="s3",
        region="us-east-1",
        now=seconds("20130524T000000Z"),
    )
    for size in (7, 1000, len(wire)):
        verifier = body_verifier(verified, headers)
        pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
        assert b"".join(b"".join(verifier.feed(piece)) for piece in pieces) == b"a" * 66560
        assert verifier.finish() == {"x-amz-checksum-crc32c": "sOO8/Q=="}


def test_unsigned_trailer_seed():
    """No signature of this mode is published; this one was computed by another program."""
    stream = sign_stream(
        CHUNKED,
        S3_KEYS,
        region="us-east-1",
        decoded_length=66560,
        mode=PayloadMode.UNSIGNED_CHUNKS_TRAILER,
        trailers={"x-amz-checksum-crc32c": 8},
        now=seconds("20130524T000000Z"),
    )
    assert dict(stream.headers)["Authorization"].endswith(
        "b3c1af636119354fb0277e0af8508f39d041adeecd27737745d6f319d49f0282"
    )


def test_event_stream_signatures():
    """The event signing test of aws-c-auth."""
    request = HttpRequest(
        "POST",
        "https://demo.us-east-1.amazonaws.com/streaming",
        [("Content-Encoding", "application/vnd.amazon.eventstream")],
        "STREAMING-AWS4-HMAC-SHA256-EVENTS",
    )
    start = seconds("19810116T063000Z")
    signed = dict(
        sign(
            request, Credentials("access", "secret"), service="demo", region="us-east-1", now=start
        )
    )
    seed = "e1d8e8c8815e60969f2a34765c9a15945ffc0badbaa4b7e3b163ea19131e949b"
    assert signed["Authorization"].endswith(seed)
    key = MacKey(
        signing_key("secret", "19810116", "us-east-1", "demo"),
        "19810116/us-east-1/demo/aws4_request",
    )
    chain = ChunkChain(key, "19810116T063000Z", seed)
    expected = [
        "7aabf85b765e6a4d0d500b6e968657b14726fa3e1eb7e839302728ffd77629a5",
        "f72aa9642f571d24a6e1ae42f10f073ad9448d8a028b6bcd82da081335adda02",
        "632af120",
        "c6f679dd",
    ]
    for number, (payload, published) in enumerate(
        zip((b"A", b"B", b"C", b""), expected, strict=True)
    ):
        date = struct.pack(">B5sBq", 5, b":date", 8, int(start + number + 1) * 1000)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(start + number + 1))
        made = chain.sign_event(stamp, sha256(date).hexdigest(), sha256(payload).hexdigest())
        assert made.startswith(published)


def test_sigv4a_key():
    key = signing_key_v4a("AKISORANDOMAASORANDOM", "q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom")
    numbers = key.private_numbers()
    assert f"{numbers.private_value:x}".startswith("7fd3bd01")
    assert f"{numbers.private_value:x}".endswith("90fca1bd")
    public = numbers.public_numbers
    assert f"{public.x:064x}" == "15d242ceebf8d8169fd6a8b5a746c41140414c3b07579038da06af89190fffcb"
    assert f"{public.y:064x}" == "0515242cedd82e94799482e4c0514b505afccf2c0c98d6a553bf539f424c5ec0"


def test_presigned_s3_url_with_the_payload_as_parameter_is_read_as_unsigned():
    presented = parse(
        "GET",
        "/test.txt",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        {"host": "examplebucket.s3.amazonaws.com"},
        frozenset(),
        dialect=Dialect.S3,
    )
    assert presented.payload.declared == UNSIGNED_PAYLOAD
    verify(
        presented,
        lambda _: SLASH,
        service="s3",
        region="us-east-1",
        now=seconds("20130524T235959Z"),
    )
    with pytest.raises(Refusal):
        verify(
            presented,
            lambda _: SLASH,
            service="s3",
            region="us-east-1",
            now=seconds("20130525T000001Z"),
        )
