"""Attacks on the body: other bytes than were signed, and broken or endless chunk framing."""

import tracemalloc
from collections.abc import Iterable
from hashlib import sha256
from itertools import chain, repeat

import pytest

from daypass.protocol.message import combine_headers
from daypass.sigv4 import (
    EMPTY_SHA256,
    Dialect,
    HttpRequest,
    PayloadMode,
    Reason,
    Refusal,
    body_verifier,
    parse,
    sign_stream,
    verify,
)
from tests.sigv4.signed import KEYS, NOW, REGION, signed

SIGNED, TRAILER, UNSIGNED = (
    PayloadMode.SIGNED_CHUNKS,
    PayloadMode.SIGNED_CHUNKS_TRAILER,
    PayloadMode.UNSIGNED_CHUNKS_TRAILER,
)
CRC = "x-amz-checksum-crc32"
DATA = bytes(range(256)) * 100  # two chunks of 16 KiB and less


class Upload:
    """A chunked upload: its verified head, and its body to tamper with."""

    def __init__(self, mode: PayloadMode, data: bytes = DATA, trailers=None, headers=()) -> None:
        if trailers is None:
            trailers = {} if mode is SIGNED else {CRC: "AAAAAA=="}
        request = HttpRequest("PUT", "https://example.com/bucket/key", headers)
        stream = sign_stream(
            request,
            KEYS,
            region=REGION,
            decoded_length=len(data),
            mode=mode,
            trailers=dict.fromkeys(trailers),
            chunk_size=16384,
            now=NOW,
        )
        self.wire = b"".join(stream.encode([data], lambda: trailers))
        self.headers, repeated = combine_headers(stream.headers)
        presented = parse("PUT", "/bucket/key", "", self.headers, repeated, dialect=Dialect.S3)
        self.verified = verify(
            presented, lambda _: KEYS.secret_access_key, service="s3", region=REGION, now=NOW
        )

    def read(self, wire: bytes, size: int = 5000) -> tuple[bytes, dict[str, str]]:
        """What is given out, and the trailers. Raises `Refusal`."""
        verifier = body_verifier(self.verified, self.headers)
        out = [b"".join(verifier.feed(wire[at : at + size])) for at in range(0, len(wire), size)]
        return b"".join(out), dict(verifier.finish())

    def reason(self, wire: bytes, size: int = 5000) -> Reason:
        with pytest.raises(Refusal) as refused:
            self.read(wire, size)
        assert 400 <= refused.value.error(Dialect.S3).status < 500
        return refused.value.reason


def feed(upload: Upload, pieces: Iterable[bytes], given: list[bytes] | None = None) -> None:
    """Hand the pieces on; what is given out before a refusal is in `given`."""
    verifier = body_verifier(upload.verified, upload.headers)
    for piece in pieces:
        out = verifier.feed(piece)
        if given is not None:
            given += out


@pytest.mark.parametrize("mode", [SIGNED, TRAILER, UNSIGNED])
@pytest.mark.parametrize("size", [1, 7, 4096, 10**6])
def test_untampered_upload_is_read_however_it_is_cut(mode, size):
    upload = Upload(mode)
    body, trailers = upload.read(upload.wire, size)
    assert body == DATA
    assert trailers == ({} if mode is SIGNED else {CRC: "AAAAAA=="})


# -- 29 to 31: the declared hash -----------------------------------------------------------------


def test_hash_of_another_body_is_found_before_the_end():
    request = signed(body=b"content")
    verifier = body_verifier(request.verify(), combine_headers(request.fields)[0])
    verifier.feed(b"c0ntent")
    with pytest.raises(Refusal) as refused:
        verifier.finish()
    error = refused.value.error(Dialect.S3)
    assert (error.code, error.status) == ("XAmzContentSHA256Mismatch", 400)
    assert error.fields["S3ComputedContentSHA256"] == sha256(b"c0ntent").hexdigest()


@pytest.mark.parametrize("service", ["sts", "lambda", "iam"])
@pytest.mark.parametrize("mode", [mode.value for mode in PayloadMode if mode.value != "SHA256"])
def test_unsigned_or_chunked_body_where_it_carries_the_command(service, mode):
    request = signed(service, method="POST", target="/", body=mode)
    assert request.reason() is Reason.PAYLOAD_MODE_NOT_ALLOWED
    assert request.status() == 403


@pytest.mark.parametrize("service", ["sts", "lambda"])
def test_changed_command(service):
    request = signed(service, method="POST", target="/", body=b"Action=GetCallerIdentity")
    assert request.change(body=b"Action=DeleteUser").reason() is Reason.SIGNATURE_MISMATCH
    declared = signed(
        service,
        method="POST",
        target="/",
        headers=(("X-Amz-Content-SHA256", sha256(b"a").hexdigest()),),
        body=b"a",
    )
    assert declared.verify()
    assert declared.change(body=b"b").reason() is Reason.CONTENT_SHA256_MISMATCH
    assert declared.change(body=b"b").status() == 403


def test_s3_request_that_declares_no_payload():
    request = signed().drop("x-amz-content-sha256")
    assert request.reason() in (Reason.MISSING_CONTENT_SHA256, Reason.SIGNED_HEADER_MISSING)
    unlisted = request.authorize("x-amz-content-sha256;", "")
    assert unlisted.reason() is Reason.MISSING_CONTENT_SHA256
    assert unlisted.status() == 400


def test_empty_hash_with_a_body():
    request = signed(headers=(("X-Amz-Content-SHA256", EMPTY_SHA256),))
    verifier = body_verifier(request.verify(), combine_headers(request.fields)[0])
    verifier.feed(b"body")
    with pytest.raises(Refusal) as refused:
        verifier.finish()
    assert refused.value.reason is Reason.CONTENT_SHA256_MISMATCH


@pytest.mark.parametrize(
    "value",
    [
        "",
        "unsigned-payload",
        "UNSIGNED",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER ",
        "STREAMING",
        "STREAMING-AWS4-HMAC-SHA256-EVENTS",
        "0" * 63,
        "0" * 65,
        "A" * 64,
        "é" * 64,
    ],
)
def test_payload_mode_that_is_none(value):
    request = signed(headers=(("X-Amz-Content-SHA256", "PLACEHOLDER"),))
    changed = request.put("X-Amz-Content-SHA256", value.strip())
    if value.strip() in (SIGNED.value, TRAILER.value):
        assert changed.reason() is Reason.SIGNATURE_MISMATCH
    else:
        assert changed.reason() is Reason.MALFORMED_CONTENT_SHA256
        assert changed.status() == 400


# -- 32 and 33: chunk and trailer signatures -----------------------------------------------------


@pytest.mark.parametrize("mode", [SIGNED, TRAILER])
def test_chunk_without_a_signature(mode):
    upload = Upload(mode)
    head, _, rest = upload.wire.partition(b"\r\n")
    bare = head.partition(b";")[0] + b"\r\n" + rest
    assert upload.reason(bare) is Reason.CHUNK_SIGNATURE_MISMATCH
    other = head.replace(b"chunk-signature", b"chunk-extension") + b"\r\n" + rest
    assert upload.reason(other) is Reason.CHUNK_SIGNATURE_MISMATCH


@pytest.mark.parametrize("mode", [SIGNED, TRAILER])
@pytest.mark.parametrize("position", [200, 20_000])
def test_changed_byte_is_not_given_out(mode, position):
    upload = Upload(mode)
    wire = bytearray(upload.wire)
    wire[position] ^= 1
    given: list[bytes] = []
    with pytest.raises(Refusal) as refused:
        feed(upload, (bytes(wire[at : at + 1000]) for at in range(0, len(wire), 1000)), given)
    assert refused.value.reason is Reason.CHUNK_SIGNATURE_MISMATCH
    assert refused.value.error(Dialect.S3).status == 403
    assert DATA.startswith(b"".join(given))
    assert sum(map(len, given)) in (0, 16384)


def test_forged_final_chunk_and_trailer_signature():
    upload = Upload(TRAILER)
    start = upload.wire.index(b"\r\n0;chunk-signature=") + 2
    zero = b"0" * 64
    forged = (
        upload.wire[:start]
        + b"0;chunk-signature="
        + zero
        + b"\r\n"
        + f"{CRC}:BBBBBB==\r\nx-amz-trailer-signature:".encode()
        + zero
        + b"\r\n\r\n"
    )
    assert upload.reason(forged) is Reason.CHUNK_SIGNATURE_MISMATCH


def test_changed_trailer():
    upload = Upload(TRAILER)
    changed = upload.wire.replace(b"AAAAAA==", b"BBBBBB==")
    assert upload.reason(changed) is Reason.CHUNK_SIGNATURE_MISMATCH
    at = upload.wire.index(b"x-amz-trailer-signature")
    assert upload.reason(upload.wire[:at] + b"\r\n") is Reason.CHUNK_SIGNATURE_MISMATCH


def test_swapped_and_dropped_chunks():
    upload = Upload(SIGNED, DATA * 2)
    size = upload.wire.index(b"\r\n") + 2 + 16384 + 2
    first, second, rest = upload.wire[:size], upload.wire[size : 2 * size], upload.wire[2 * size :]
    assert upload.reason(second + first + rest) is Reason.CHUNK_SIGNATURE_MISMATCH
    assert upload.reason(second + rest) is Reason.CHUNK_SIGNATURE_MISMATCH
    assert upload.reason(first + first + rest) is Reason.CHUNK_SIGNATURE_MISMATCH


def test_chunks_of_another_upload():
    upload = Upload(SIGNED)
    other = Upload(SIGNED, headers=(("x-amz-meta-a", "1"),))
    assert upload.reason(other.wire) is Reason.CHUNK_SIGNATURE_MISMATCH


# -- 34: where a body ends -----------------------------------------------------------------------


@pytest.mark.parametrize("mode", [SIGNED, TRAILER, UNSIGNED])
def test_truncated_body_is_never_whole(mode):
    upload = Upload(mode)
    first = upload.wire.index(b"\r\n") + 2 + 16384 + 2
    last = upload.wire.rindex(b"\r\n0") + 2
    for cut in (0, 10, 1000, first, last, last + 2, len(upload.wire) - 2, len(upload.wire) - 1):
        assert upload.reason(upload.wire[:cut]) is Reason.INCOMPLETE_BODY


@pytest.mark.parametrize("mode", [SIGNED, TRAILER, UNSIGNED])
@pytest.mark.parametrize("more", [b"x", b"\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"])
def test_bytes_after_the_last_chunk(mode, more):
    upload = Upload(mode)
    assert upload.reason(upload.wire + more) is Reason.MALFORMED_CHUNK


@pytest.mark.parametrize("length", ["25599", "25601", "0", "99999"])
def test_decoded_length_that_is_not_the_bodys(length):
    upload = Upload(UNSIGNED)
    upload.headers = {**upload.headers, "x-amz-decoded-content-length": length}
    assert upload.reason(upload.wire) is Reason.INCOMPLETE_BODY


@pytest.mark.parametrize("length", [None, "", "-1", "1e3", "0x10", "٣", "9" * 40])
def test_decoded_length_that_is_missing_or_no_number(length):
    upload = Upload(SIGNED)
    headers = {k: v for k, v in upload.headers.items() if k != "x-amz-decoded-content-length"}
    if length is not None:
        headers["x-amz-decoded-content-length"] = length
    with pytest.raises(Refusal) as refused:
        body_verifier(upload.verified, headers)
    assert refused.value.reason is Reason.MISSING_DECODED_LENGTH


@pytest.mark.parametrize("mode", [SIGNED, TRAILER, UNSIGNED])
def test_line_ends_are_crlf(mode):
    upload = Upload(mode)
    head = upload.wire.index(b"\r\n")
    bare = upload.wire[:head] + upload.wire[head + 1 :]
    assert upload.reason(bare) is Reason.MALFORMED_CHUNK
    after_data = head + 2 + 16384
    joined = upload.wire[:after_data] + upload.wire[after_data + 2 :]
    assert upload.reason(joined) is Reason.MALFORMED_CHUNK


# -- 35: trailers --------------------------------------------------------------------------------


def body(trailer: bytes) -> bytes:
    return b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n"


@pytest.mark.parametrize(
    "trailer",
    [
        b"",
        b"x-amz-checksum-crc32c:A\r\n",
        b"x-amz-checksum-crc32:A\r\nx-amz-checksum-crc32:A\r\n",
        b"x-amz-checksum-crc32:A\r\nX-Amz-Checksum-CRC32:A\r\n",
        b"x-amz-checksum-crc32:A\r\nx-amz-meta-admin:1\r\n",
        b"x-amz-checksum-crc32:A\r\nx-amz-trailer-signature:" + b"0" * 64 + b"\r\n",
        b"x-amz-checksum-crc32\r\n",
        b"x-amz-checksum-crc32 :A\r\n",
        b":A\r\n",
        b"x-amz-checksum-crc32:A\r\n y\r\n",
    ],
)
def test_trailer_that_is_not_the_announced_one(trailer):
    upload = Upload(UNSIGNED, b"hello")
    assert upload.reason(body(trailer)) is Reason.MALFORMED_TRAILER
    assert upload.read(body(b"X-AMZ-Checksum-CRC32: A \r\n"))[1] == {CRC: "A"}


@pytest.mark.parametrize(
    "announced", ["a,a", "", ",", "a b", "x-amz-trailer-signature", "a,A", "a:b"]
)
def test_announcement_that_is_no_list(announced):
    upload = Upload(UNSIGNED)
    with pytest.raises(Refusal) as refused:
        body_verifier(upload.verified, {**upload.headers, "x-amz-trailer": announced})
    assert refused.value.reason is Reason.MALFORMED_TRAILER


def test_trailers_in_a_mode_without_them():
    upload = Upload(SIGNED)
    with pytest.raises(Refusal):
        body_verifier(upload.verified, {**upload.headers, "x-amz-trailer": CRC})
    start = upload.wire.rindex(b"\r\n")
    assert upload.reason(upload.wire[:start] + b"a:b\r\n\r\n") is Reason.MALFORMED_TRAILER


def test_minio_go_writes_trailers_with_bare_line_feeds():
    upload = Upload(TRAILER)
    lenient = upload.wire.replace(b"AAAAAA==\r\n", b"AAAAAA==\n\r\n")
    assert upload.read(lenient) == (DATA, {CRC: "AAAAAA=="})


# -- 36 and 37: sizes, and streams that never end ------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"-1",
        b"0x5",
        b"5 ",
        b" 5",
        b"+5",
        b"5;",
        b"5;a=b",
        b"g",
        b"00000000000000005",
        b"fffffffff1",
        b"\xd9\xa3",
        b"5\n",
    ],
)
def test_chunk_size_of_another_form(head):
    upload = Upload(UNSIGNED, b"hello")
    wire = head + b"\r\nhello\r\n0\r\n" + f"{CRC}:A\r\n\r\n".encode()
    assert upload.reason(wire) is Reason.MALFORMED_CHUNK


def test_chunk_larger_than_the_body():
    assert Upload(UNSIGNED, b"hello").reason(b"6\r\nhello!\r\n") is Reason.INCOMPLETE_BODY
    assert Upload(UNSIGNED, b"hello").reason(b"ffffffff\r\n") is Reason.INCOMPLETE_BODY


def test_signed_chunk_larger_than_memory_allows():
    upload = Upload(SIGNED)
    upload.headers = {**upload.headers, "x-amz-decoded-content-length": "5000000000"}
    wire = b"1000001;chunk-signature=" + b"0" * 64 + b"\r\n"
    assert upload.reason(wire) is Reason.LARGE_CHUNK


def test_small_chunk_before_the_last():
    upload = Upload(UNSIGNED, b"hello")
    wire = b"3\r\nhel\r\n2\r\nlo\r\n0\r\n" + f"{CRC}:A\r\n\r\n".encode()
    assert upload.reason(wire) is Reason.SMALL_CHUNK


@pytest.mark.parametrize(
    "start",
    [b"", b"5\r\nhello\r\n", b"5\r\nhello\r\n0\r\n", b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:"],
)
def test_line_without_end_does_not_grow(start):
    upload = Upload(UNSIGNED, b"hello")
    tracemalloc.start()
    with pytest.raises(Refusal):
        feed(upload, chain([start], repeat(b"a" * 100, 10_000)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000


def test_endless_trailing_fields_do_not_grow():
    upload = Upload(UNSIGNED, b"hello")
    fields = (b"x-%d:1\r\n" % number for number in range(100_000))
    with pytest.raises(Refusal):
        feed(upload, chain([b"5\r\nhello\r\n0\r\n"], fields))


# -- anonymous bodies ----------------------------------------------------------------------------


def test_anonymous_upload_is_decoded_and_bound_to_its_declared_hash():
    headers = {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "5",
        "x-amz-trailer": CRC,
    }
    verifier = body_verifier(None, headers)
    assert b"".join(verifier.feed(body(f"{CRC}:A\r\n".encode()))) == b"hello"
    assert verifier.finish() == {CRC: "A"}

    plain = body_verifier(None, {"x-amz-content-sha256": EMPTY_SHA256})
    plain.feed(b"x")
    with pytest.raises(Refusal):
        plain.finish()
    assert body_verifier(None, {"content-length": "7"}).decoded_length == 7


@pytest.mark.parametrize("mode", [SIGNED, TRAILER, PayloadMode.ECDSA_CHUNKS])
def test_anonymous_upload_cannot_have_signed_chunks(mode):
    headers = {"x-amz-content-sha256": mode.value, "x-amz-decoded-content-length": "5"}
    with pytest.raises(Refusal) as refused:
        body_verifier(None, headers)
    assert refused.value.reason is Reason.PAYLOAD_MODE_NOT_ALLOWED


def test_chunks_of_the_other_algorithm():
    request = signed(
        headers=(("x-amz-decoded-content-length", "5"),), body=PayloadMode.ECDSA_CHUNKS.value
    )
    with pytest.raises(Refusal) as refused:
        body_verifier(request.verify(), combine_headers(request.fields)[0])
    assert refused.value.reason is Reason.PAYLOAD_MODE_NOT_ALLOWED


def test_only_streams_say_that_they_are_streams():
    streaming = {mode for mode in PayloadMode if mode.value.startswith("STREAMING")}
    for mode in PayloadMode:
        text = "0" * 64 if mode is PayloadMode.SHA256 else mode.value
        payload = signed(headers=(("X-Amz-Content-SHA256", text),)).verify().payload
        assert payload.mode is mode
        assert payload.streaming == (mode in streaming)
        assert payload.unsigned == ("UNSIGNED" in mode.value)
